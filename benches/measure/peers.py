"""The proxies people know, and the load: on the PATH, or from Debian's packages, unpacked into target/ and not installed."""

import os
import shutil
import subprocess

from . import programs as place

FOLDER = place.TARGET / "peers"
# Program -> the packages that hold it and the libraries that a small system lacks.
PACKAGES = {
    "nginx": ["nginx"],
    "haproxy": ["haproxy", "liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1"],
    "caddy": ["caddy"],
    "wrk": ["wrk", "libluajit-5.1-2"],
}


def find(name):
    """The program's path and the variables it needs; None where it can neither be found nor fetched."""
    if path := shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
        return path, {}
    return fetched(name) or (fetch(name) and fetched(name))


def fetched(name):
    root = FOLDER / name
    for folder in ("usr/sbin", "usr/bin"):
        if (root / ".complete").exists() and (root / folder / name).is_file():
            libraries = sorted({str(path.parent) for path in root.rglob("*.so*")})
            return str(root / folder / name), {"LD_LIBRARY_PATH": ":".join(libraries)}
    return None


def fetch(name):
    """Downloads and unpacks. False where this system has no such packages."""
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        return False
    root, packages = FOLDER / name, FOLDER / f"{name}.debs"
    for folder in (root, packages):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    download = ["apt-get", "download", *PACKAGES[name]]
    if subprocess.run(download, cwd=packages, **quiet).returncode != 0:
        subprocess.run(["apt-get", "update"], **quiet)
        if subprocess.run(download, cwd=packages, **quiet).returncode != 0:
            return False
    for package in packages.glob("*.deb"):
        if subprocess.run(["dpkg", "-x", package, root], **quiet).returncode != 0:
            return False
    (root / ".complete").touch()
    return True
