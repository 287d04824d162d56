"""What a session costs while nobody asks for anything: real lt, default settings, a probe every 5 s."""

import time

from .children import children_of, cpu_seconds, memory
from .tunnels import Session, TunnelServer

RSS_MB = 15
CPU_PERCENT = 0.2
WATCHED_S = 60


def measure(programs, board, _rounds):
    with TunnelServer(programs) as server, Session(programs, server) as session:
        session.event("ready")
        pid = session.process.pid
        lt = session.event("provider_starting")["pid"]
        # What the start itself costs is another figure.
        time.sleep(2)
        cpu, lt_cpu, began = cpu_seconds(pid), cpu_seconds(lt), time.monotonic()
        time.sleep(WATCHED_S)
        took = time.monotonic() - began
        percent, lt_percent = (
            100 * (cpu_seconds(one) - before) / took for one, before in [(pid, cpu), (lt, lt_cpu)]
        )
        rss, pss = memory(pid)
        reapers = [child for child, command in children_of(pid) if " reap " in command]
        reaper_memory = [memory(reaper) for reaper in reapers]
        lt_rss, lt_pss = memory(lt)

    board.chapter(f"An idle session, over {WATCHED_S} s")
    board.show("mcpgw", f"RSS {rss:.1f} MB (PSS {pss:.1f} MB), CPU {percent:.3f} % of a core")
    for reaper_rss, reaper_pss in reaper_memory:
        board.show("its reaper", f"RSS {reaper_rss:.1f} MB (PSS {reaper_pss:.1f} MB)")
    board.show("lt, to compare", f"RSS {lt_rss:.1f} MB (PSS {lt_pss:.1f} MB), CPU {lt_percent:.3f} % of a core")
    board.figure("resident memory, mcpgw alone", rss, RSS_MB, "{:.1f} MB")
    board.figure("CPU", percent, CPU_PERCENT, "{:.3f} %")
