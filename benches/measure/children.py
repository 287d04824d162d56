"""Children of a benchmark: heard line by line, and ended with everything they started."""

import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from .programs import CannotMeasure

# Everything that descends from a child carries this variable with the child's own value.
MARK = "BENCH_CHILD"


class Child:
    """A program in a session and a home of its own. Use it in a `with`: nothing of it outlives that."""

    # Does it clean up when asked to end? Most children have nothing to clean up.
    cleans_up = False

    def __init__(self, command, *, folder=None, stdin=subprocess.DEVNULL, variables=None):
        self.home = Path(tempfile.mkdtemp(prefix="mcpgw-bench-"))
        self.mark = secrets.token_hex(8)
        # (monotonic seconds, text), oldest first
        self.lines = []
        self._heard = threading.Condition()
        self._silent = False
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "MCPGW_HOME": str(self.home / "mcpgw"),
            MARK: self.mark,
            **(variables or {}),
        }
        with open(self.home / "stderr", "wb") as stderr:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=folder or self.home,
                env=environment,
                start_new_session=True,
            )
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def _listen(self):
        for line in self.process.stdout:
            text = line.decode(errors="replace").rstrip()
            with self._heard:
                self.lines.append((time.monotonic(), text))
                self._heard.notify_all()
        with self._heard:
            self._silent = True
            self._heard.notify_all()

    def hear(self, wanted, limit=30, after=0):
        """The index and `wanted(text)` of the first line from index `after` for which that is true."""
        deadline = time.monotonic() + limit
        index = after
        with self._heard:
            while True:
                for index in range(index, len(self.lines)):
                    if found := wanted(self.lines[index][1]):
                        return index, found
                index = len(self.lines)
                left = deadline - time.monotonic()
                if left <= 0 or self._silent:
                    raise CannotMeasure(f"`{self.process.args[0]}` did not say what was waited for\n{self.words()}")
                self._heard.wait(left)

    def words(self):
        """What it said so far, to explain a failure."""
        stderr = (self.home / "stderr").read_text(errors="replace")
        return "\n".join(["    | " + line for _, line in self.lines[-20:]] + [stderr[-2000:]])

    def end(self):
        """Kills it and whatever carries its mark."""
        if self.cleans_up and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                pass
        while left := marked(self.mark):
            for pid in left:
                kill(pid, signal.SIGKILL)
            time.sleep(0.005)
        self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()
        shutil.rmtree(self.home, ignore_errors=True)


def kill(pid, signal_number):
    try:
        os.kill(pid, signal_number)
    except ProcessLookupError:
        pass


def marked(mark):
    """The live processes that carry a child's mark."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/environ", "rb") as file:
                carries = wanted in file.read().split(b"\0")
            if carries and not is_dead(int(entry)):
                found.append(int(entry))
        except OSError:
            pass  # gone, or somebody else's
    return found


def is_dead(pid):
    """Has it let go of everything? True for a zombie too."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def children_of(pid):
    """Its direct children, as (pid, command line)."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found.append((int(child), Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ").strip()))
    return found


def memory(pid):
    """Resident memory, its proportional part (what is shared counts in shares) and its peak, in MB (10^6 bytes)."""
    def mb(file, name):
        text = Path(f"/proc/{pid}/{file}").read_text()
        return int(re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)[1]) * 1024 / 1e6

    return mb("status", "VmRSS"), mb("smaps_rollup", "Pss"), mb("status", "VmHWM")


def cpu_seconds(pid):
    """CPU time of all its threads so far, the ended ones too, in nanosecond steps."""
    # linux/posix-timers.h: the CPU clock of another process, as the scheduler counts it.
    return time.clock_gettime((~pid << 3) | 2)
