"""The edge beside nginx, HAProxy and Caddy: TLS on one core each, the guard and its key on, all in one run, in turn."""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from .proxies import HEADER, LOAD, PEERS, Pinned, Yard, wrk

SECONDS = 2
STREAMS = 1000
EVENTS_PER_S = 1.0
# Load -> file, connections, more headers.
LOADS = {
    "kept connections": ("1k", 32, []),
    "new connections": ("1k", 16, ["Connection: close"]),
    "1 MiB bodies": ("1m", 8, []),
}


def measure(programs, board, rounds):
    board.chapter(f"A TLS proxy on one core, {rounds} rounds of {SECONDS} s; each ratio is the median of the rounds'")
    with Yard(programs) as yard:
        found = requests(yard, board, rounds)
        streams(yard, board, min(rounds, 5))
    nginx = {load: compare(runs, "nginx") for load, runs in found.items()}
    caddy = {load: compare(runs, "caddy") for load, runs in found.items()}
    if ours := nginx["kept connections"]:
        board.at_least("kept connections: requests/s, nginx's", ours["rate"], 0.95, "{:.2f} x")
        board.figure("kept connections: CPU per request, nginx's", ours["cpu"], 1.0, "{:.2f} x")
    if ours := caddy["kept connections"]:
        board.at_least("kept connections: requests/s, Caddy's", ours["rate"], 2.7, "{:.2f} x")
    if ours := nginx["new connections"]:
        board.at_least("new connections: a second, nginx's", ours["rate"], 1.0, "{:.2f} x")
        board.figure("new connections: CPU of each, nginx's", ours["cpu"], 0.7, "{:.2f} x")
    if ours := nginx["1 MiB bodies"]:
        board.at_least("1 MiB bodies: a second, nginx's", ours["rate"], 1.6, "{:.2f} x")
    failed = sum(run["failed"] for runs in found.values() for run in runs["mcpgw"])
    board.figure("requests that mcpgw failed", failed, 0, "{:.0f}")


def everybody(yard, board):
    """All that can be had, mcpgw first."""
    proxies = {"mcpgw": yard.proxy("mcpgw")}
    for name in PEERS:
        if proxy := yard.proxy(name):
            proxies[name] = proxy
        else:
            board.show(name, "not installed")
    return proxies


def requests(yard, board, rounds):
    """Load -> proxy -> one result a round."""
    gateway = yard.gateway()
    proxies = everybody(yard, board)
    try:
        time.sleep(1)
        idle = {name: proxy.memory() for name, proxy in proxies.items()}
        found = {load: {name: [] for name in proxies} for load in LOADS}
        for load, (file, connections, headers) in LOADS.items():
            for turn in range(rounds):
                for name in in_turn(proxies, turn):
                    proxy = proxies[name]
                    url = f"{proxy.url}/mcp/{file}"
                    found[load][name].append(wrk(url, connections, SECONDS, proxy, *headers))
            for name, runs in found[load].items():
                rate, cpu, failed = (statistics.median(run[key] for run in runs) for key in ("rate", "cpu", "failed"))
                words = f"{rate:8,.0f} a second, CPU {cpu:6.1f} us each, {failed:.0f} failed"
                board.show(f"{load}: {name}", f"{words}, {proxies[name].memory():.1f} MiB after")
    finally:
        for proxy in proxies.values():
            proxy.child.end()
        gateway.end()
    for name, mib in idle.items():
        board.show(f"idle: {name}", f"{mib:.1f} MiB")
    board.figure("idle edge: memory", idle["mcpgw"], 8, "{:.1f} MiB")
    return found


def compare(runs, base):
    """mcpgw's rate and CPU as shares of the peer's."""
    if base not in runs:
        return None
    pairs = list(zip(runs["mcpgw"], runs[base], strict=True))
    return {key: statistics.median(ours[key] / theirs[key] for ours, theirs in pairs) for key in ("rate", "cpu")}


def in_turn(names, turn):
    names = list(names)
    return names[turn % len(names):] + names[:turn % len(names)]


def streams(yard, board, rounds):
    """New proxies, so that the memory is that of the streams."""
    script = str(Path(__file__).with_name("events.py"))
    with Pinned([sys.executable, script, "emit", yard.port], LOAD) as emitter:
        emitter.await_port(yard.port)
        proxies = everybody(yard, board)
        try:
            time.sleep(1)
            idle = {name: proxy.memory() for name, proxy in proxies.items()}
            found = {name: [] for name in [*proxies, "direct"]}
            for turn in range(rounds):
                for name in in_turn(found, turn):
                    found[name].append(hold(script, proxies.get(name), yard.port))
        finally:
            for proxy in proxies.values():
                proxy.child.end()
    for name, runs in found.items():
        middle, late, memory, cpu = (statistics.median(run[key] for run in runs) for key in ("p50", "p99", "memory", "cpu"))
        words = f"event p50 {middle:,.0f} us, p99 {late:,.0f} us, CPU {cpu:.1f} us each"
        if name in idle:
            words += f", {memory:.1f} MiB ({(memory - idle[name]) * 1024 / STREAMS:.1f} KiB a stream)"
        board.show(f"{STREAMS:,} event streams: {name}", words)
    ours = found["mcpgw"]
    added = statistics.median(run["p50"] - direct["p50"] for run, direct in zip(ours, found["direct"], strict=True))
    memory = max(run["memory"] for run in ours)
    board.figure("event streams: added p50", added, 75, "{:.0f} us")
    board.figure("event streams: memory in all", memory, 32, "{:.1f} MiB")
    board.figure("event streams: memory of each", (memory - idle["mcpgw"]) * 1024 / STREAMS, 20, "{:.1f} KiB")
    board.figure("event streams: lost", sum(run["lost"] for run in ours), 0, "{:.0f}")


def hold(script, proxy, gateway_port):
    """All streams at once for a while, through a proxy or straight from the gateway."""
    port, scheme = (proxy.port, "https") if proxy else (gateway_port, "http")
    command = [sys.executable, script, "read", port, scheme, STREAMS, EVENTS_PER_S, 2 * SECONDS, HEADER]
    with Pinned(command, LOAD, stdin=subprocess.PIPE) as visitors:
        visitors.hear(lambda line: line == "open", limit=60)
        before = proxy.cpu() if proxy else 0
        index, _ = visitors.hear(lambda line: line == "held", limit=60)
        used = proxy.cpu() - before if proxy else 0
        memory = proxy.memory() if proxy else 0
        visitors.process.stdin.write(b"\n")
        visitors.process.stdin.flush()
        _, said = visitors.hear(lambda line: line.startswith("{") and json.loads(line), after=index)
    return {**said, "memory": memory, "cpu": used * 1e6 / max(1, said["events"])}
