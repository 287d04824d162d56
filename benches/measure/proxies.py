"""One gateway, and TLS proxies in front of it: mcpgw and its peers, each held to one core that nobody else has."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from . import peers
from .children import Child, children_of, cpu_seconds
from .programs import CannotMeasure
from .tunnels import free_port

CORES = sorted(os.sched_getaffinity(0))
# Load and gateway share one core, the proxy has another.
LOAD, PROXY = {CORES[0]}, {CORES[-1]}
# mcpgw admits who has the key; the peers admit everybody and pass the header on.
KEY = "bench-0123456789abcdef0123456789abcdef"
HEADER = f"Authorization: Bearer {KEY}"
FILES = {"1k": 1024, "1m": 1 << 20}
PEERS = ("nginx", "haproxy", "caddy")


class Pinned(Child):
    """A child on these cores."""

    def __init__(self, command, cores, **options):
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cores)
        try:
            super().__init__(command, **options)
        finally:
            os.sched_setaffinity(0, before)

    def end(self):
        # nginx writes over its environment, and with it over the mark.
        if not self.cleans_up:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        super().end()

    def await_port(self, port, limit=15):
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as visitor:
                if visitor.connect_ex(("127.0.0.1", port)) == 0:
                    return self
            time.sleep(0.02)
        words = self.words()
        self.end()
        raise CannotMeasure(f"`{self.process.args[0]}` does not listen on {port}\n{words}")


class Proxy:
    """A running proxy. Use it in a `with`."""

    def __init__(self, name, port, child):
        self.name, self.port, self.child = name, port, child
        self.url = f"https://127.0.0.1:{port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.end()

    def pids(self):
        pid = self.child.process.pid
        return [pid, *(child for child, command in children_of(pid) if " reap " not in command)]

    def cpu(self):
        """Seconds so far, of all its processes."""
        return sum(cpu_seconds(pid) for pid in self.pids())

    def memory(self):
        """MiB; what processes share counts in shares. mcpgw's reaper is `idle`'s figure."""
        def kib(pid):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            return int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1])

        return sum(map(kib, self.pids())) / 1024


class Yard:
    """A folder with a certificate, the files of the gateway, and everybody's configuration."""

    def __init__(self, programs):
        self.programs = programs
        self.port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="mcpgw-bench-")
        self.folder = Path(self._folder.name)
        self.folder.chmod(0o755)
        self.cert, self.key = self.folder / "cert.pem", self.folder / "key.pem"
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        files = ["-keyout", self.key, "-out", self.cert]
        subprocess.run(["openssl", "req", "-x509", *curve, *names, *files], check=True, capture_output=True)
        self.key.chmod(0o644)
        self.write("both.pem", self.cert.read_text() + self.key.read_text())
        (self.folder / "www" / "mcp").mkdir(parents=True)
        for name, size in FILES.items():
            self.write(f"www/mcp/{name}", "x" * size)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._folder.cleanup()

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o644)
        return path

    def gateway(self):
        """nginx that serves the files: the fastest gateway at hand."""
        serve = f"listen 127.0.0.1:{self.port} backlog=4096; root {self.folder}/www; keepalive_timeout 1h;"
        child = self._nginx("gateway", serve, "open_file_cache max=10; sendfile on; tcp_nopush off;", LOAD)
        return child.await_port(self.port)

    def proxy(self, name):
        """A new one, or None where it is not installed."""
        port = free_port()
        child = self._mcpgw(port) if name == "mcpgw" else self._peer(name, port)
        return child and Proxy(name, port, child.await_port(port))

    def _mcpgw(self, port):
        place = ["--provider", "local", "--https-port", port, "--port", self.port, "--mcp-path", "/mcp"]
        pair = ["--tls-cert", self.cert, "--tls-key", self.key]
        command = [self.programs.mcpgw, "tunnel", "--json", *place, *pair, "--auth", "key"]
        child = Pinned(command, PROXY, variables={"MCPGW_KEY": KEY})
        child.cleans_up = True
        child.hear(lambda line: '"event":"ready"' in line)
        return child

    def _peer(self, name, port):
        if name == "nginx":
            serve = f"""listen 127.0.0.1:{port} ssl backlog=4096; ssl_protocols TLSv1.3;
                ssl_certificate {self.cert}; ssl_certificate_key {self.key};
                location / {{ proxy_pass http://gateway; proxy_http_version 1.1;
                    proxy_set_header Connection ""; proxy_read_timeout 1h; }}"""
            upstream = f"server 127.0.0.1:{self.port}; keepalive 256; keepalive_requests 100000000;"
            return self._nginx("proxy", serve, f"upstream gateway {{ {upstream} }}", PROXY)
        if name == "haproxy":
            config = f"""global
  nbthread 1
  maxconn 8000
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
frontend visitors
  bind 127.0.0.1:{port} ssl crt {self.folder}/both.pem ssl-min-ver TLSv1.3 alpn http/1.1
  default_backend gateway
backend gateway
  server gateway 127.0.0.1:{self.port}
"""
            return self._start(name, ["-db", "-f", self.write("haproxy.cfg", config)], PROXY)
        config = f"""{{
  admin off
  auto_https off
  servers {{
    protocols h1
  }}
}}
https://:{port} {{
  bind 127.0.0.1
  tls {self.cert} {self.key}
  reverse_proxy 127.0.0.1:{self.port}
}}
"""
        file = self.write("Caddyfile", config)
        return self._start(name, ["run", "--adapter", "caddyfile", "--config", file], PROXY)

    def _nginx(self, name, server, more, cores):
        own = self.folder / name
        folders = " ".join(
            f"{kind}_temp_path {own}.{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        config = f"""daemon off; worker_processes 1; pid {own}.pid; worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{ access_log off; keepalive_requests 100000000; {folders} {more}
  server {{ {server} }} }}"""
        file = self.write(f"{name}.conf", config)
        return self._start("nginx", ["-p", self.folder, "-e", f"{own}.log", "-c", file], cores)

    def _start(self, name, arguments, cores):
        found = peers.find(name)
        if found is None:
            return None
        path, variables = found
        return Pinned([path, *arguments], cores, variables=variables)


def wrk(url, connections, seconds, proxy, *headers):
    """One load: requests per second, CPU microseconds per request, failed requests."""
    path, variables = peers.find("wrk") or cannot("wrk")
    options = [word for header in (HEADER, *headers) for word in ("-H", header)]
    command = [path, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "5s", "--latency", *options, url]
    before = proxy.cpu() if proxy else 0
    with Pinned(command, LOAD, variables=variables) as load:
        load.process.wait(seconds * 5 + 20)
        used = proxy.cpu() - before if proxy else 0
        _, count = load.hear(lambda line: re.search(r"(\d+) requests in", line))
        _, rate = load.hear(lambda line: re.search(r"Requests/sec:\s+([\d.]+)", line))
        said = "\n".join(text for _, text in load.lines)
    failed = [int(number) for number in re.findall(r"Non-2xx or 3xx responses: (\d+)", said)]
    failed += [int(n) for found in re.findall(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", said) for n in found]
    count = max(1, int(count[1]))
    return {"rate": float(rate[1]), "cpu": used * 1e6 / count, "failed": sum(failed)}


def cannot(name):
    raise CannotMeasure(f"`{name}` is not installed, and no Debian package of it is within reach")
