"""A fault, and how long until the URL serves again: mcpgw beside the usual ways to restart `lt`."""

import os
import random
import re
import signal
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from .children import is_dead
from .programs import CannotMeasure
from .scoreboard import spread
from .supervisors import OURS, SLEEPING_LOOP, TIGHT_LOOP, current_lt, installed, supervise
from .tunnels import Gateway, TunnelServer, answers

OF_SLEEPING_LOOP = 1.0
OF_TIGHT_LOOP = 0.4
FROZEN_S = {"5s": 8, "1s": 3}
# Back no sooner than this counts as never.
CAP_S = 15


@dataclass
class Recovery:
    seconds: float | None  # None: never
    same_url: bool


def measure(programs, board, rounds):
    with Gateway(programs) as gateway:
        found, missing = installed()
        board.chapter("Recovery: from the fault to the URL serving again")
        for name in missing:
            board.show(name, "not installed")

        killed = side_by_side(programs, gateway, found, kill_lt, rounds)
        table(board, "lt killed", killed)
        ours, loop = middle(killed[OURS]), middle(killed[SLEEPING_LOOP])
        board.figure(f"lt killed: mcpgw / `{SLEEPING_LOOP}`", ours / loop, OF_SLEEPING_LOOP, "{:.2f} x")
        board.all_of("lt killed: the same URL", sum(one.same_url for one in killed[OURS]), len(killed[OURS]))

        restarted = side_by_side(programs, gateway, found, restart_server, rounds)
        table(board, "server killed; from its listening again", restarted)
        ours, loop = middle(restarted[OURS]), middle(restarted[TIGHT_LOOP])
        board.figure(f"server back: mcpgw / `{TIGHT_LOOP}`", ours / loop, OF_TIGHT_LOOP, "{:.2f} x")

        # Nobody else looks at all: one round shows it.
        table(board, "lt frozen", side_by_side(programs, gateway, found[1:], freeze_lt, 1))
        for interval, most in FROZEN_S.items():
            options = [] if interval == "5s" else ["--probe-interval", interval]
            frozen = [trial(programs, gateway, OURS, freeze_lt, *options) for _ in range(rounds)]
            table(board, f"lt frozen, a probe every {interval}", {OURS: frozen})
            slowest = max(one.seconds or float("inf") for one in frozen)
            board.figure(f"lt frozen, a probe every {interval}, the slowest", slowest, most, "{:.2f} s")


def side_by_side(programs, gateway, names, fault, rounds):
    recoveries = {name: [] for name in names}
    for turn in range(rounds):
        # Nobody is always the first.
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            recoveries[name].append(trial(programs, gateway, name, fault))
    return recoveries


def table(board, fault, recoveries):
    board.show(fault, "")
    for name, trials in recoveries.items():
        back = [one.seconds for one in trials if one.seconds is not None]
        same = sum(one.same_url for one in trials)
        said = [f"{spread(back, '{:.2f} s')}, same URL {same} of {len(trials)}"] if back else []
        if len(back) < len(trials):
            said.append(f"never within {CAP_S} s: {len(trials) - len(back)} of {len(trials)}")
        board.show(f"  {name}", ", ".join(said))


def middle(trials):
    return median(one.seconds if one.seconds is not None else float("inf") for one in trials)


def trial(programs, gateway, which, fault, *options):
    """One supervisor, one fault."""
    with (
        tempfile.TemporaryDirectory(prefix="mcpgw-bench-") as folder,
        TunnelServer(programs) as server,
        supervise(which, programs, server, gateway, Path(folder), *options) as child,
    ):
        visitors = Visitors(child, server, gateway)
        before = visitors.wait(30)
        if before is None:
            raise CannotMeasure(f"{which} did not start\n{child.words()}")
        # Supervisors call a program started only after a second; and no fault should meet a probe's fixed phase.
        time.sleep(random.uniform(1.5, 3))
        began = fault(server, Path(folder), child if which == OURS else None)
        again = visitors.wait(CAP_S)
        if again is None:
            return Recovery(None, False)
        return Recovery(again[0] - began, again[1] == before[1])


def kill_lt(_server, folder, _session):
    pid = current_lt(folder)
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    settle(pid)
    return began


def settle(pid):
    """Until neither the dead nor the server's picture of it can answer."""
    while not is_dead(pid):
        time.sleep(0.0005)
    time.sleep(0.01)


def restart_server(server, _folder, _session):
    server.kill()
    # Back after 0.5 to 1.0 s, of which it needs the last part to start.
    time.sleep(max(random.uniform(0.5, 1.0) - server.start_takes, 0))
    return server.start()


def freeze_lt(_server, folder, session):
    """Visitors would use up the frozen lt's connections, and so change what is measured: they come late."""
    # Any phase of the longest interval.
    time.sleep(random.uniform(0, 5))
    began = time.monotonic()
    os.kill(current_lt(folder), signal.SIGSTOP)
    if session:
        session.event("tunnel_lost", limit=CAP_S)
    else:
        time.sleep(CAP_S)
    return began


class Visitors:
    """They ask every URL that a supervisor has stated, all at the same time, until one serves."""

    EVERY_S = 0.004

    def __init__(self, child, server, gateway):
        self._child, self._server, self._gateway = child, server, gateway

    def wait(self, limit):
        """When a URL served and which one, or None."""
        served, asked, found = threading.Event(), {}, []
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline and not served.wait(self.EVERY_S):
            for name in self._names() - asked.keys():
                asked[name] = threading.Thread(target=self._ask, args=(name, served, found), daemon=True)
                asked[name].start()
        served.set()
        for visitor in asked.values():
            visitor.join()
        return min(found) if found else None

    def _names(self):
        lines = [text for _, text in list(self._child.lines)]
        return set(re.findall(r"https?://([a-z0-9-]+)\.localhost", "\n".join(lines)))

    def _ask(self, name, served, found):
        while not served.is_set():
            body = answers(self._server.port, host=f"{name}.localhost:{self._server.port}")
            if body and f'"pid":{self._gateway.process.pid}' in body:
                found.append((time.monotonic(), name))
                served.set()
            served.wait(self.EVERY_S)
