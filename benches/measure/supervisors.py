"""What people put around `lt` today, each as a child that prints the URLs it gets, and mcpgw among them."""

import shlex
import shutil

from .children import Child
from .tunnels import Session, new_name

OURS = "mcpgw"
SLEEPING_LOOP = "while lt; sleep 1"
TIGHT_LOOP = "while lt"


def installed():
    """The names of those that this machine has, and of those that it lacks."""
    found = [OURS, SLEEPING_LOOP, TIGHT_LOOP]
    missing = []
    for name, program in [("pm2", "pm2-runtime"), ("supervisord", "supervisord")]:
        (found if shutil.which(program) else missing).append(name)
    return found, missing


def supervise(which, programs, server, gateway, folder, *options):
    """Starts one; its `lt` can be found by `current_lt`."""
    lt = noted_lt(programs, folder)
    if which == OURS:
        return Session(programs, server, *options, lt=lt, gateway_port=gateway.port)
    call = [str(lt), "--port", str(gateway.port), "--host", server.url, "--subdomain", new_name()]
    line = shlex.join(call)
    match which:
        case "pm2":
            # Under the name of a program, not of a script, pm2 runs it as it is.
            command = ["pm2-runtime", "start", "--interpreter", "none", call[0], "--", *call[1:]]
        case "supervisord":
            command = ["supervisord", "-c", supervisord_settings(line, folder)]
        case _:
            pause = "; sleep 1" if which == SLEEPING_LOOP else ""
            command = ["sh", "-c", f"while true; do {line}{pause}; done"]
    return Child(command)


def noted_lt(programs, folder):
    """The real lt behind a shell that writes down its process id and becomes it: the same for everybody."""
    script = folder / "lt"
    # Renamed into place, so that no reader sees half of it.
    note = shlex.quote(str(folder / "pid"))
    become = shlex.join([str(programs.node), str(programs.lt.resolve())])
    script.write_text(f'#!/bin/sh\necho $$ >{note}.new && mv {note}.new {note}\nexec {become} "$@"\n')
    script.chmod(0o755)
    return script


def current_lt(folder):
    return int((folder / "pid").read_text())


def supervisord_settings(line, folder):
    settings = folder / "supervisord.conf"
    settings.write_text(
        "[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\n"
        f"pidfile={folder}/supervisord.pid\nchildlogdir={folder}\n"
        f"[program:lt]\ncommand={line}\nautorestart=true\nstdout_logfile=/dev/fd/1\nstdout_logfile_maxbytes=0\n"
    )
    return settings
