"""Configuring one client: beside an empty binary's start-up and `jq` with `mv`; and a file of 10 MB.

Everything lies in memory (/dev/shm), where fsync costs nothing: what a disk takes for it is the disk's.
"""

import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

from . import programs as programs_room
from .programs import CannotMeasure
from .scoreboard import spread

TIMES_OF_FLOOR = 3
PART_OF_JQ = 1 / 6
LARGE_MS = 200
SERVERS = {"mcpServers": {f"server{at}": {"command": "npx", "args": ["-y", f"package{at}"]} for at in range(5)}}


def measure(programs, board, rounds):
    if not shutil.which("jq"):
        raise CannotMeasure("`jq` is not installed")
    floor = programs_room.floor()
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="mcpgw-bench-") as name:
        home = Path(name)
        walls = {"floor": [], "new": [], "update": [], "jq": []}
        for turn in range(rounds + 1):
            took = {
                "floor": wall_ms([floor, "--version"], home),
                "new": fresh(programs.mcpgw, home),
                "update": configure(programs.mcpgw, home, f"https://r{turn}.example/mcp"),
                "jq": jq(home, turn),
            }
            # The first turn only warms the caches.
            if turn > 0:
                for kind, value in took.items():
                    walls[kind].append(value)
        large = [in_large(programs.mcpgw, home, turn) for turn in range(min(rounds, 10) + 1)][1:]

    board.chapter("Configure: one client's file, fsync apart")
    for kind, values in walls.items():
        board.show(kind, spread(values, "{:.2f} ms"))
    board.show("10 MB of ~/.claude.json", spread(large, "{:.0f} ms"))
    middle = {kind: median(values) for kind, values in walls.items()}
    board.figure("first configure / empty clap binary", middle["new"] / middle["floor"], TIMES_OF_FLOOR, "{:.2f} x")
    board.figure("update / empty clap binary", middle["update"] / middle["floor"], TIMES_OF_FLOOR, "{:.2f} x")
    board.figure("first configure / jq + mv", middle["new"] / middle["jq"], PART_OF_JQ, "{:.3f} x")
    board.figure("10 MB of ~/.claude.json", median(large), LARGE_MS, "{:.0f} ms")


def fresh(mcpgw, home):
    """The first configure of a file: a copy is kept, and a record is begun."""
    shutil.rmtree(home / ".mcpgw", ignore_errors=True)
    write(home / ".cursor" / "mcp.json", SERVERS)
    return configure(mcpgw, home, "https://first.example/mcp")


def configure(mcpgw, home, url, client="cursor"):
    took = wall_ms([mcpgw, "configure", client, "--url", url], home)
    file = home / (".cursor/mcp.json" if client == "cursor" else ".claude.json")
    if url.encode() not in file.read_bytes():
        raise CannotMeasure(f"{file} was not configured")
    return took


def jq(home, turn):
    file = home / "jq.json"
    write(file, SERVERS)
    entry = json.dumps({"url": f"https://r{turn}.example/mcp"})
    script = f"jq '.mcpServers.mcpgw = {entry}' {file} > {file}.tmp && mv {file}.tmp {file}"
    return wall_ms(["/bin/sh", "-c", script], home)


def in_large(mcpgw, home, turn):
    """A first configure, for the copy of 10 MB is part of it."""
    shutil.rmtree(home / ".mcpgw", ignore_errors=True)
    history = [{"display": "words " * 20, "pastedContents": {}} for _ in range(60_000)]
    write(home / ".claude.json", {"numStartups": 1, "projects": {"/home/me": {"history": history}}, **SERVERS})
    return configure(mcpgw, home, f"https://r{turn}.example/mcp", "claude-code")


def write(file, content):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2))
    # Old enough to be at rest: a file that was written a moment ago may still be being written.
    long_ago = time.time() - 60
    os.utime(file, (long_ago, long_ago))


def wall_ms(command, home):
    """Spawn to exit."""
    environment = {"HOME": str(home), "MCPGW_HOME": str(home / ".mcpgw"), "PATH": os.environ["PATH"]}
    null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    command = [str(word) for word in command]
    began = time.perf_counter()
    # Through vfork: the size of this process costs nothing.
    pid = os.posix_spawn(command[0], command, environment, file_actions=null)
    _, status = os.waitpid(pid, 0)
    took = time.perf_counter() - began
    if status != 0:
        raise CannotMeasure(f"`{' '.join(command)}` failed")
    return took * 1e3
