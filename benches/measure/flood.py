"""What a tool that floods its log costs: a recorded cloudflared whose edge is refused, 12,000 lines a second."""

import json
import tempfile
import time
from pathlib import Path

from . import programs as place
from .children import Child, cpu_seconds, memory
from .tunnels import free_port

LINES_PER_S = 12_000
SECONDS = 60
CPU_PERCENT = 5
GROWTH_MB = 1
RECORDING = place.ROOT / "fixtures" / "transcripts" / "cloudflared" / "quick-success.timeline.jsonl"
# As cloudflared writes it while one of its connections is refused, each line with its own write.
LINE = (
    "2026-11-24T00:52:32Z ERR Unable to establish connection with Cloudflare edge "
    'error="DialContext error: dial tcp 127.0.0.1:1: connect: connection refused" connIndex=1 event=0 ip=127.0.0.1\n'
)


class Flooded(Child):
    """A session through a cloudflared that is played from a recording and then floods."""

    cleans_up = True

    def __init__(self, programs, folder):
        tool = folder / "cloudflared"
        tool.symlink_to(place.replayer())
        variables = {"REPLAY": str(recording(folder)), "REPLAY_FLOOD": f"{LINES_PER_S},{SECONDS + 20}"}
        address = ["--provider", "cloudflared", "--cloudflared", tool, "--no-verify", "--port", free_port()]
        super().__init__([programs.mcpgw, "tunnel", "--json", "--demo", *address], variables=variables)


def recording(folder):
    """The tunnel comes up as recorded; the flooding line is the last before the end."""
    events = [json.loads(line) for line in RECORDING.read_text().splitlines()]
    before = [event for event in events if event["t"] < 2 and event["ev"] in ("stdout", "stderr")]
    after = [event for event in events if event["ev"] in ("SIGNAL", "EXIT")]
    path = folder / "flood.timeline.jsonl"
    flood = {"t": 3.0, "ev": "stderr", "data": LINE}
    path.write_text("".join(json.dumps(event) + "\n" for event in [*before, flood, *after]))
    return path


def measure(programs, board, _rounds):
    with tempfile.TemporaryDirectory(prefix="mcpgw-bench-") as folder, Flooded(programs, Path(folder)) as session:
        session.hear(lambda line: '"event":"ready"' in line)
        pid = session.process.pid
        # The flood begins three seconds after the start.
        time.sleep(5)
        cpu, began, resident = cpu_seconds(pid), time.monotonic(), memory(pid)[0]
        time.sleep(SECONDS)
        percent = 100 * (cpu_seconds(pid) - cpu) / (time.monotonic() - began)
        grown = memory(pid)[0] - resident

    board.chapter(f"A flood of {LINES_PER_S:,} lines a second, over {SECONDS} s")
    board.figure("CPU of a core", percent, CPU_PERCENT, "{:.2f} %")
    board.figure("growth of resident memory", grown, GROWTH_MB, "{:.2f} MB")
