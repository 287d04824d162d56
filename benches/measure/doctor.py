"""Doctor: of the faults that the tests inject, how many it names first; alarms in worlds that are well; its time."""

import os
import re
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from statistics import median

from .programs import CannotMeasure
from .scoreboard import spread

ROOT = Path(__file__).resolve().parents[2]
FAULTS = 40
OFFLINE_S = 10
WELL_S = 1


def measure(programs, board, rounds):
    board.chapter("Doctor")
    told = subprocess.run(
        ["cargo", "test", "--test", "doctor", "--", "--nocapture"], cwd=ROOT, text=True, capture_output=True, check=False
    )
    found = re.findall(r"^fault (\S+): named first", told.stdout, re.M)
    missed = re.findall(r"^fault (\S+): missed", told.stdout, re.M)
    well = re.findall(r"^healthy: (\d+) alarms", told.stdout, re.M)
    if not found and not missed:
        raise CannotMeasure(f"the tests of doctor did not run:\n{told.stderr[-2000:]}")
    board.figure("faults that it did not name first", len(missed), 0, "{:.0f}")
    if missed:
        board.show("missed", ", ".join(missed))
    board.show("faults that it named first", f"{len(found)} (at least {FAULTS} wanted), {len(set(found))} checks")
    board.figure("alarms in worlds that are well", sum(map(int, well)), 0, "{:.0f}")
    board.show("worlds that are well", f"{len(well)} looks")

    with tempfile.TemporaryDirectory() as home, BlackHole() as hole:
        environment = {"HOME": home, "MCPGW_HOME": f"{home}/state", "PATH": os.environ["PATH"]}
        quick = [wall_s(programs.mcpgw, environment) for _ in range(rounds)]
        # Everything beyond this machine takes the call and never answers.
        away = {"HTTPS_PROXY": hole.url, "MCPGW_DOH": hole.url, "MCPGW_PROVIDER": "localtunnel"}
        slow = [wall_s(programs.mcpgw, environment | away) for _ in range(max(1, rounds // 5))]
    board.show("nothing runs", spread(quick, "{:.2f} s"))
    board.figure("nothing runs", median(quick), WELL_S, "{:.2f} s")
    board.figure("the world never answers", max(slow), OFFLINE_S, "{:.2f} s")


def wall_s(program, environment):
    began = os.times().elapsed
    subprocess.run([program, "doctor", "--json"], env=environment, capture_output=True, check=False)
    return os.times().elapsed - began


class BlackHole:
    """Accepts connections and never says a word."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.kept = []
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def accept(self):
        while True:
            try:
                self.kept.append(self.listener.accept())
            except OSError:
                return

    def __exit__(self, *_):
        self.listener.close()
