"""A tunnel on loopback: the real localtunnel server, a gateway, and mcpgw sessions through real `lt`."""

import json
import secrets
import socket
import subprocess
import time
from datetime import datetime

from .children import Child


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def new_name():
    return f"bench{secrets.token_hex(4)}"


class TunnelServer:
    """Can be killed and started again on the same port."""

    def __init__(self, programs):
        self._programs = programs
        self.port = 0
        self.url = None
        self.start_takes = 0
        self._child = None
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        """Returns the monotonic time from which it listened."""
        command = [self._programs.node, self._programs.tunnel_server, "--port", self.port]
        began = time.monotonic()
        # It ends at the end of its input, should this benchmark be killed.
        self._child = Child(command, folder=self._programs.modules.parent, stdin=subprocess.PIPE)
        index, said = self._child.hear(json.loads)
        self.port = said["port"]
        self.url = f"http://localhost:{self.port}"
        listened = self._child.lines[index][0]
        self.start_takes = listened - began
        return listened

    def kill(self):
        self._child.process.kill()
        self._child.end()


class Gateway(Child):
    """A gateway that somebody else runs."""

    def __init__(self, programs):
        command = [programs.node, programs.gateway, "--port", "0", "--until-eof"]
        super().__init__(command, stdin=subprocess.PIPE)
        self.port = int(self.hear(lambda line: line.partition("listening ")[2])[1])


class Session(Child):
    """`mcpgw tunnel --json`. With `gateway_port` it uses the gateway there, else it starts one."""

    cleans_up = True

    def __init__(self, programs, server, *options, lt=None, name=None, gateway_port=None):
        self.name = name or new_name()
        port = gateway_port or free_port()
        gateway = [] if gateway_port else ["--", programs.node, programs.gateway, "--port", port]
        address = ["--provider", "lt", "--lt", lt or programs.lt, "--server", server.url, "--subdomain", self.name]
        super().__init__([programs.mcpgw, "tunnel", "--json", *address, "--port", port, *options, *gateway])

    def event(self, name, after=-1, limit=30):
        """The first event of that name behind the line `after`, with its own line's index as `line`."""
        def wanted(text):
            return f'"event":"{name}"' in text and json.loads(text)

        index, event = self.hear(wanted, limit, after + 1)
        return {**event, "line": index}


def seconds(event):
    """An event's time since the epoch. Events carry whole milliseconds, cut off."""
    return datetime.fromisoformat(event["at"]).timestamp()


def answers(port, path="/health", host=None, limit=0.1):
    """The body of a 200, or None for anything else. Visitors connect anew each time."""
    host = host or f"localhost:{port}"
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    deadline = time.monotonic() + limit
    try:
        with socket.create_connection(("127.0.0.1", port), limit) as visitor:
            visitor.sendall(request.encode())
            reply = b""
            while (left := deadline - time.monotonic()) > 0:
                visitor.settimeout(left)
                chunk = visitor.recv(65536)
                if not chunk:
                    break
                reply += chunk
    except OSError:
        return None
    head, _, body = reply.partition(b"\r\n\r\n")
    return body.decode(errors="replace") if head.startswith(b"HTTP/1.1 200 ") else None
