"""From the line in which `lt` states its URL to `ready`, on top of what the gateway takes to start."""

import subprocess
import time
from statistics import median

from .children import Child
from .programs import CannotMeasure
from .scoreboard import spread
from .tunnels import Session, TunnelServer, answers, free_port, seconds

ON_TOP_MS = 100
STEPS = ["url_found", "url_verified", "gateway_starting", "gateway_ready", "ready"]


def measure(programs, board, rounds):
    alone, whole, steps = [], [], []
    with TunnelServer(programs) as server:
        for _ in range(rounds):
            alone.append(gateway_alone_ms(programs))
            with Session(programs, server) as session:
                session.event("ready")
                times = [seconds(session.event(step)) * 1e3 for step in STEPS]
            whole.append(times[-1] - times[0])
            steps.append([after - before for before, after in zip(times, times[1:])])
    on_top = [session - gateway for session, gateway in zip(whole, alone)]

    board.chapter("From lt's URL line to `ready`")
    board.show("url_found to ready", spread(whole, "{:.0f} ms"))
    board.show("the gateway alone, spawn to first answer", spread(alone, "{:.0f} ms"))
    for index, (before, after) in enumerate(zip(STEPS, STEPS[1:])):
        board.show(f"  {before} to {after}", spread([step[index] for step in steps], "{:.0f} ms"))
    board.show("on top of the gateway's own start", spread(on_top, "{:.0f} ms"))
    board.figure("URL line to ready, without the gateway's start", median(on_top), ON_TOP_MS, "{:.0f} ms")


def gateway_alone_ms(programs):
    port = free_port()
    began = time.monotonic()
    command = [programs.node, programs.gateway, "--port", port, "--until-eof"]
    with Child(command, stdin=subprocess.PIPE):
        while answers(port, "/", limit=1) is None:
            if time.monotonic() - began > 30:
                raise CannotMeasure("the gateway did not start")
            time.sleep(0.001)
        return (time.monotonic() - began) * 1e3
