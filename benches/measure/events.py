"""Event streams for `proxy`, each end in a process of its own: `emit PORT` sends, `read ...` holds streams and tells how late
the events came. Both read the same monotonic clock. Only the standard library; run as a script."""

import asyncio
import json
import random
import re
import resource
import ssl
import sys
import time

EVENT = re.compile(rb"data: (\d+)\n\n")
# nginx would hold events back without the third line.
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"X-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n\r\n"
)
OTHERWISE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Sender(asyncio.Protocol):
    """One event at once, then `rate` a second, each with the time at which it was sent."""

    def connection_made(self, transport):
        self.transport, self.timer, self.loop = transport, None, asyncio.get_running_loop()

    def data_received(self, data):
        rate = re.search(rb"GET \S*rate=([\d.]+)", data)
        if not rate:
            # mcpgw asks whether the gateway lives.
            self.transport.write(OTHERWISE)
            return
        self.gap = 1 / float(rate[1])
        self.transport.write(HEAD + self.event())
        # Streams that all speak in the same instant would measure a queue.
        self.due = self.loop.time() + random.random() * self.gap
        self.timer = self.loop.call_at(self.due, self.tick)

    def event(self):
        body = b"data: %d\n\n" % time.monotonic_ns()
        return b"%x\r\n%s\r\n" % (len(body), body)

    def tick(self):
        self.transport.write(self.event())
        self.due += self.gap
        self.timer = self.loop.call_at(self.due, self.tick)

    def connection_lost(self, _):
        if self.timer:
            self.timer.cancel()


class Visitor(asyncio.Protocol):
    def __init__(self, run):
        self.run, self.rest = run, b""
        self.opened = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.run.request)

    def data_received(self, data):
        now = time.monotonic_ns()
        self.rest += data
        end = 0
        for event in EVENT.finditer(self.rest):
            end = event.end()
            if not self.opened.done():
                self.opened.set_result(True)
            elif self.run.counting:
                self.run.delays.append(now - int(event[1]))
        self.rest = self.rest[end:]

    def connection_lost(self, _):
        self.run.lost += 1
        if not self.opened.done():
            self.opened.set_result(False)


class Run:
    def __init__(self, port, secure, streams, rate, header):
        self.port, self.streams = port, streams
        self.tls = None
        if secure:
            self.tls = ssl.create_default_context()
            self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE
        lines = [f"GET /mcp/events?rate={rate} HTTP/1.1", f"Host: localhost:{port}", "Accept: text/event-stream", header]
        self.request = "\r\n".join([*lines, "", ""]).encode()
        self.delays, self.lost, self.counting = [], 0, False

    async def hold(self, seconds):
        """Tells when all are open and when the time is over, and waits for the nod to close them."""
        doors, visitors = asyncio.Semaphore(8), []

        async def open_one():
            async with doors:
                connect = asyncio.get_running_loop().create_connection
                _, visitor = await connect(lambda: Visitor(self), "127.0.0.1", self.port, ssl=self.tls)
                await asyncio.wait_for(visitor.opened, 20)
                visitors.append(visitor)

        await asyncio.gather(*(open_one() for _ in range(self.streams)), return_exceptions=True)
        self.lost += self.streams - len(visitors)
        await asyncio.sleep(0.3)
        print("open", flush=True)
        self.counting = True
        await asyncio.sleep(seconds)
        self.counting = False
        lost = self.lost
        print("held", flush=True)
        sys.stdin.readline()
        for visitor in visitors:
            visitor.transport.abort()
        delays = sorted(self.delays)
        middle = delays[len(delays) // 2] / 1000 if delays else None
        late = delays[int(len(delays) * 0.99)] / 1000 if delays else None
        print(json.dumps({"lost": lost, "events": len(delays), "p50": middle, "p99": late}), flush=True)


async def emit(port):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sender, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


def main():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    match sys.argv[1:]:
        case ["emit", port]:
            asyncio.run(emit(int(port)))
        case ["read", port, scheme, streams, rate, seconds, header]:
            run = Run(int(port), scheme == "https", int(streams), float(rate), header)
            asyncio.run(run.hold(float(seconds)))


if __name__ == "__main__":
    main()
