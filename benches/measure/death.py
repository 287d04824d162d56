"""How soon the death of a provider is noticed, beside what the kernel itself takes to tell a parent."""

import os
import random
import select
import signal
import time

from .children import Child
from .scoreboard import spread
from .tunnels import Gateway, Session, TunnelServer, new_name, seconds

NOTICED_MS = 10


def measure(programs, board, rounds):
    noticed, told = [], []
    with TunnelServer(programs) as server, Gateway(programs) as gateway:
        for _ in range(rounds):
            told.append(kernel_tells_ms(programs, server, gateway))
            with Session(programs, server, gateway_port=gateway.port) as session:
                ready = session.event("ready")
                lt = session.event("provider_starting")["pid"]
                time.sleep(random.uniform(0.2, 0.5))
                killed = time.time()
                os.kill(lt, signal.SIGKILL)
                lost = session.event("tunnel_lost", after=ready["line"])
                # The event's time is cut off to whole milliseconds: this is the most that it can have been.
                noticed.append((seconds(lost) + 0.001 - killed) * 1e3)

    board.chapter("A provider's death (SIGKILL to lt)")
    board.show("the kernel tells a waiting parent (pidfd)", spread(told, "{:.1f} ms"))
    board.show("mcpgw has noticed, at the latest", spread(noticed, "{:.1f} ms"))
    board.figure("noticed, the slowest round", max(noticed), NOTICED_MS, "{:.1f} ms")


def kernel_tells_ms(programs, server, gateway):
    """The floor: a process of lt's size has to be torn down before anybody hears of it."""
    command = [programs.lt, "--port", gateway.port, "--host", server.url, "--subdomain", new_name()]
    with Child(command) as lt:
        lt.hear(lambda line: line.startswith("your url is: "))
        time.sleep(random.uniform(0.2, 0.5))
        pidfd = os.pidfd_open(lt.process.pid)
        try:
            killed = time.monotonic()
            os.kill(lt.process.pid, signal.SIGKILL)
            select.select([pidfd], [], [], 10)
            return (time.monotonic() - killed) * 1e3
        finally:
            os.close(pidfd)
