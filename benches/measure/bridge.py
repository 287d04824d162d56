"""`mcpgw bridge` beside `mcp-remote`: the same calls to the same server, round by round in turn."""

import http.client
import json
import os
import selectors
import socket
import subprocess
import tempfile
import time
from statistics import median

from .children import memory
from .programs import CannotMeasure
from .scoreboard import spread
from .tunnels import free_port

START_PART = 1 / 10
MEMORY_PART = 1 / 8
LATENCY_PART = 1 / 4
THROUGHPUT_TIMES = 3
CALLS = 200
AT_ONCE = 32
MANY = 1500
VERSION = "2025-11-25"


def measure(programs, board, rounds):
    with Everything(programs) as server, tempfile.TemporaryDirectory() as home:
        peers = {
            "mcpgw": [str(programs.mcpgw), "bridge", "--url", server.url],
            "mcp-remote": [str(programs.node), str(programs.modules / ".bin" / "mcp-remote"), server.url, "--allow-http"],
        }
        found = {name: {"start": [], "latency": [], "rate": [], "memory": []} for name in peers}
        direct = {"latency": [], "rate": []}
        for turn in range(rounds + 1):
            for name, command in peers.items():
                took = one_round(command, home)
                # The first turn warms the server and the caches.
                if turn > 0:
                    for what, value in took.items():
                        found[name][what].append(value)
            if turn > 0:
                direct["latency"].append(server.latency())

    board.chapter("`mcpgw bridge` beside `mcp-remote`, to server-everything")
    without = median(direct["latency"])
    board.show("a call without either", spread(direct["latency"], "{:.2f} ms"))
    for name, values in found.items():
        board.show(f"{name}: start to initialize answered", spread(values["start"], "{:.0f} ms"))
        board.show(f"{name}: a call, one after the other", spread(values["latency"], "{:.2f} ms"))
        board.show(f"{name}: {AT_ONCE} in flight", spread(values["rate"], "{:.0f} calls/s"))
        board.show(f"{name}: memory", spread(values["memory"], "{:.1f} MB"))
    middle = {name: {what: median(all) for what, all in values.items()} for name, values in found.items()}
    ours, theirs = middle["mcpgw"], middle["mcp-remote"]
    added = {name: max(values["latency"] - without, 0.01) for name, values in middle.items()}
    board.figure("start / mcp-remote's", ours["start"] / theirs["start"], START_PART, "{:.3f} x")
    board.figure("memory / mcp-remote's", ours["memory"] / theirs["memory"], MEMORY_PART, "{:.3f} x")
    board.figure("added latency / mcp-remote's", added["mcpgw"] / added["mcp-remote"], LATENCY_PART, "{:.3f} x")
    # The other way round: a value that must not be above its target.
    board.figure("mcp-remote's throughput / ours", theirs["rate"] / ours["rate"], 1 / THROUGHPUT_TIMES, "{:.3f} x")


def one_round(command, home):
    began = time.perf_counter()
    with Client(command, home) as client:
        client.initialize()
        start = time.perf_counter() - began
        for n in range(20):
            client.call(n)
        began = time.perf_counter()
        for n in range(CALLS):
            client.call(n)
        latency = (time.perf_counter() - began) / CALLS
        began = time.perf_counter()
        client.many(MANY)
        rate = MANY / (time.perf_counter() - began)
        used = memory(client.process.pid)[0]
    return {"start": start * 1e3, "latency": latency * 1e3, "rate": rate, "memory": used}


class Client:
    """Speaks lines."""

    def __init__(self, command, home):
        environment = {"HOME": home, "MCPGW_HOME": os.path.join(home, "state"), "PATH": os.environ["PATH"]}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, cwd=home
        )
        self.buffer = b""
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def send(self, message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.process.stdin.flush()

    def answers(self):
        """The ids of the next answers, at least one."""
        while True:
            *lines, self.buffer = self.buffer.split(b"\n")
            messages = [json.loads(line) for line in lines if line]
            for message in messages:
                if message.get("method") == "roots/list":
                    self.send({"id": message["id"], "result": {"roots": []}})
                if "error" in message:
                    raise CannotMeasure(f"a call failed: {message}")
            found = [message["id"] for message in messages if "method" not in message]
            if found:
                return found
            if not self.selector.select(30):
                raise CannotMeasure("no answer within 30 s")
            piece = os.read(self.process.stdout.fileno(), 1 << 20)
            if not piece:
                raise CannotMeasure("it ended")
            self.buffer += piece

    def initialize(self):
        info = {"name": "bench", "version": "1"}
        params = {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": info}
        self.send({"id": "init", "method": "initialize", "params": params})
        self.answers()
        self.send({"method": "notifications/initialized"})

    def ask(self, n):
        self.send({"id": n, "method": "tools/call", "params": {"name": "echo", "arguments": {"message": "hello"}}})

    def call(self, n):
        self.ask(n)
        self.answers()

    def many(self, count):
        sent = done = 0
        while done < count:
            while sent < count and sent - done < AT_ONCE:
                self.ask(sent)
                sent += 1
            done += len(self.answers())


class Everything:
    """The reference server, with sessions."""

    def __init__(self, programs):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/mcp"
        command = [str(programs.node), str(programs.modules / ".bin" / "mcp-server-everything"), "streamableHttp"]
        environment = {**os.environ, "PORT": str(port)}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
        )
        self.session = None
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

    def __enter__(self):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                self.session = self.begin()
                return self
            except OSError:
                # It does not listen yet, and the connection remembers the attempt.
                self.connection.close()
                time.sleep(0.05)
        raise CannotMeasure("server-everything does not start")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def begin(self):
        info = {"name": "bench", "version": "1"}
        params = {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": info}
        session = self.post({"id": 0, "method": "initialize", "params": params})
        self.session = session
        self.post({"method": "notifications/initialized"})
        return session

    def headers(self):
        headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
        if self.session:
            headers["mcp-session-id"] = self.session
            # As the specification asks for and both peers send. The server does more then: it begins each stream with
            # an event to resume from, which alone takes it a millisecond.
            headers["mcp-protocol-version"] = VERSION
        return headers

    def post(self, message):
        self.connection.request("POST", "/mcp", json.dumps({"jsonrpc": "2.0", **message}), self.headers())
        answer = self.connection.getresponse()
        answer.read()
        return answer.headers["mcp-session-id"]

    def latency(self):
        """Milliseconds until a call's result is there, over one connection, without a client's own work."""
        headers = "".join(f"{name}: {value}\r\n" for name, value in self.headers().items())
        call = {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "echo", "arguments": {"message": "hello"}}}
        took = 0
        with socket.create_connection(("127.0.0.1", self.connection.port), timeout=20) as line:
            for n in range(CALLS):
                body = json.dumps({**call, "id": n})
                request = f"POST /mcp HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {len(body)}\r\n\r\n{body}"
                answer = b""
                began = time.perf_counter()
                line.sendall(request.encode())
                while b'"result"' not in answer:
                    answer += line.recv(1 << 16)
                took += time.perf_counter() - began
                while not answer.endswith(b"0\r\n\r\n"):
                    answer += line.recv(1 << 16)
        return took / CALLS * 1e3
