"""Where the measured programs are: built or installed into target/ when they are not there."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "target"
SOURCES = ROOT / "tests" / "tools"
MANIFEST = ("package.json", "package-lock.json", ".npmrc")


class CannotMeasure(Exception):
    """Something is missing or did not start: there is no figure to report."""


@dataclass(frozen=True)
class Programs:
    """Absolute paths."""

    mcpgw: Path
    node: Path
    modules: Path  # the node_modules that hold lt and the localtunnel server

    @property
    def lt(self):
        return self.modules / ".bin" / "lt"

    @property
    def tunnel_server(self):
        return SOURCES / "lt-server.cjs"

    @property
    def gateway(self):
        return SOURCES / "gateway.cjs"


def gather(binary):
    """All of them; `binary` is an mcpgw built elsewhere, or None to build the release here."""
    node = run(["node", "-p", "process.execPath"]).strip()
    return Programs(mcpgw=mcpgw(binary), node=Path(node), modules=modules())


def mcpgw(binary):
    if binary:
        path = Path(binary).resolve()
        if not path.is_file():
            raise CannotMeasure(f"there is no {path}")
        return path
    run(["cargo", "build", "--release", "--locked", "--bin", "mcpgw", "--target-dir", str(TARGET)], ROOT)
    return TARGET / "release" / "mcpgw"


def replayer():
    """The player of recordings that the tests use."""
    run(["cargo", "build", "--release", "--locked", "--example", "replayer", "--target-dir", str(TARGET)], ROOT)
    return TARGET / "release" / "examples" / "replayer"


def floor():
    """An empty clap binary, built as ours is."""
    manifest = ROOT / "benches" / "floor" / "Cargo.toml"
    target = TARGET / "floor"
    run(["cargo", "build", "--release", "--locked", "--manifest-path", str(manifest), "--target-dir", str(target)])
    return target / "release" / "floor"


def modules():
    """What the tests installed, where it is of this very lock file; else an own installation."""
    own = TARGET / "tools-bench"
    for folder in [own, *sorted((TARGET / "tools").glob("*/"))]:
        # The last file that npm writes.
        if (folder / "node_modules" / ".package-lock.json").is_file() and locked_alike(folder):
            return folder / "node_modules"
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir(parents=True)
    for name in MANIFEST:
        shutil.copy(SOURCES / name, own)
    run(["npm", "ci"], own)
    if not (own / "node_modules" / ".package-lock.json").is_file():
        raise CannotMeasure("`npm ci` installed nothing: is a package registry within reach?")
    return own / "node_modules"


def locked_alike(folder):
    lock = folder / "package-lock.json"
    return lock.is_file() and lock.read_bytes() == (SOURCES / "package-lock.json").read_bytes()


def run(command, folder=None):
    """A command's output; its failure is the end of the measurement."""
    try:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except FileNotFoundError:
        raise CannotMeasure(f"`{command[0]}` is not installed") from None
    if done.returncode != 0:
        raise CannotMeasure(f"`{' '.join(command)}` failed:\n{done.stdout}{done.stderr}")
    return done.stdout
