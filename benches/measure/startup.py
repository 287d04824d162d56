"""Start-up: what `--version` costs, beside an empty clap binary and beside `lt`; what help and completions cost."""

import os
import signal
import time
from pathlib import Path
from statistics import median

from . import programs as programs_room
from .programs import CannotMeasure
from .scoreboard import spread

# Whatever a person waits for without a session: every one of these, in milliseconds.
ANSWERS = [["--help"], ["tunnel", "--help"], *(["completions", shell] for shell in ["bash", "zsh", "fish", "powershell", "elvish"])]
ANSWER_MS = 5

TIMES_OF_FLOOR = 1.5
PART_OF_LT = 1 / 60
PEAK_MIB = 5
# lt takes as long as a hundred of the others.
TURN = ["floor", "mcpgw"] * 5 + ["lt"]


def measure(programs, board, rounds):
    floor = programs_room.floor()
    commands = {"floor": floor, "mcpgw": programs.mcpgw, "lt": programs.lt}
    walls = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name in TURN:
            took = wall_ms(commands[name])
            # The first turn only warms the caches.
            if turn > 0:
                walls[name].append(took)
    answers = {" ".join(args): [] for args in ANSWERS}
    for turn in range(rounds + 1):
        for args in ANSWERS:
            took = wall_ms(programs.mcpgw, args)
            if turn > 0:
                answers[" ".join(args)].append(took)
    # Not lt's: node does not wait for a full pipe.
    peaks = {name: median(peak_mib(commands[name]) for _ in range(5)) for name in ["floor", "mcpgw"]}

    board.chapter("Start-up: `--version`")
    for name, values in walls.items():
        board.show(name, spread(values, "{:.2f} ms"))
    for name, peak in peaks.items():
        size = commands[name].stat().st_size / 1e6
        board.show(f"{name}: memory and size", f"peak {peak:.1f} MiB, {size:.2f} MB on disk")
    middle = {name: median(values) for name, values in walls.items()}
    board.figure("mcpgw / empty clap binary", middle["mcpgw"] / middle["floor"], TIMES_OF_FLOOR, "{:.2f} x")
    board.figure("mcpgw / lt", middle["mcpgw"] / middle["lt"], PART_OF_LT, "{:.4f} x")
    for name, values in answers.items():
        board.show(f"mcpgw {name}", spread(values, "{:.2f} ms"))
    slowest = max(answers, key=lambda name: median(answers[name]))
    board.figure(f"the slowest of help and completions ({slowest})", median(answers[slowest]), ANSWER_MS, "{:.2f} ms")
    board.figure("peak memory", peaks["mcpgw"], PEAK_MIB, "{:.1f} MiB")


def wall_ms(program, args=("--version",)):
    """Spawn to exit."""
    null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    began = time.perf_counter()
    # Through vfork: the size of this process costs nothing.
    pid = os.posix_spawn(program, [str(program), *args], os.environ, file_actions=null)
    _, status = os.waitpid(pid, 0)
    took = time.perf_counter() - began
    if status != 0:
        raise CannotMeasure(f"`{program} {' '.join(args)}` failed")
    return took * 1e3


def peak_mib(program):
    """Its peak when it speaks its last words.

    The kernel's accounting for ended children (`ru_maxrss`) starts at their parent's size, and a Python parent is
    larger than the child. So the child's own high-water mark is read, while a full pipe holds it at its last write.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"." * 4096)
    except BlockingIOError:
        os.set_blocking(writer, True)
    actions = [(os.POSIX_SPAWN_DUP2, writer, 1)]
    pid = os.posix_spawn(program, [str(program), "--version"], os.environ, file_actions=actions)
    os.close(writer)
    try:
        held = 0
        while held < 20:
            time.sleep(0.005)
            status = Path(f"/proc/{pid}/status").read_text()
            if "\nVmHWM:" not in status:
                raise CannotMeasure(f"`{program} --version` ended without a word")
            # Asleep for 100 ms: nothing else there to wait for.
            held = held + 1 if "\nState:\tS" in status else 0
        return int(status.partition("\nVmHWM:")[2].split()[0]) / 1024
    finally:
        os.close(reader)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
