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
        usage, lt_usage = memory(pid), memory(lt)
        reapers = [memory(child) for child, command in children_of(pid) if " reap " in command]

    board.chapter(f"An idle session, over {WATCHED_S} s")
    board.show("mcpgw", f"{words(usage)}, CPU {percent:.3f} % of a core")
    for reaper in reapers:
        board.show("its reaper", words(reaper))
    board.show("lt, to compare", f"{words(lt_usage)}, CPU {lt_percent:.3f} % of a core")
    board.figure("resident memory, mcpgw alone", usage[0], RSS_MB, "{:.1f} MB")
    board.figure("CPU", percent, CPU_PERCENT, "{:.3f} %")


def words(usage):
    rss, pss, peak = usage
    return f"RSS {rss:.1f} MB (PSS {pss:.1f} MB, peak {peak:.1f} MB)"
