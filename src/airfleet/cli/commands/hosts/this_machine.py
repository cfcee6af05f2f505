"""``airfleet deploy --local``: the fleet of this folder as a service of this machine, which starts it at boot."""

from __future__ import annotations

import getpass
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from airfleet.cli.output import terminal
from airfleet.client.project import Project
from airfleet.deploy import service
from airfleet.errors import FleetError, argument
from airfleet.fleet.config import reader
from airfleet.fleet.planning import paths
from airfleet.render import systemd

if TYPE_CHECKING:
    from airfleet.fleet.config.spec import Fleet

#: there where systemd runs
SYSTEMD = Path("/run/systemd/system")
_LINGERS = Path("/var/lib/systemd/linger")
#: seconds beside those that the fleet may take
_MORE = 120.0


def install(here: Project, fleet: Fleet, timeout: float, *, dry_run: bool, systemd: Path = SYSTEMD) -> None:
    """Install the unit, start it, and wait until the fleet is healthy. Raises FleetError."""
    if wrong := problem(here, systemd):
        raise wrong
    script = commands(here, fleet, timeout)
    if dry_run:
        terminal.put(script)
        return
    try:
        done = subprocess.run(["sh", "-c", script], stdin=subprocess.DEVNULL, timeout=timeout + _MORE, check=False)
    except subprocess.TimeoutExpired:
        raise FleetError("the service did not start in time", hint=_log_of(fleet)) from None
    if done.returncode:
        raise FleetError("the fleet was not healthy as a service of this machine", hint=_log_of(fleet))
    terminal.put(f"{service.unit_name(fleet.name)} runs fleet '{fleet.name}', and starts it at boot")


def problem(here: Project, systemd: Path) -> FleetError | None:
    """Say why there can be no such service; None when there can."""
    up = f"'airfleet -C {argument(here.root)} up'"
    if not systemd.is_dir():
        return FleetError("systemd does not run on this machine", hint=f"let its init system call {up} at boot")
    user = getpass.getuser()
    if os.geteuid() and not (_LINGERS / user).exists():
        sentence = f"systemd ends services of '{user}' at the last logout"
        return FleetError(sentence, hint=f"sudo loginctl enable-linger {user}")
    names = reader.referenced_variables(here.fleet_file, here.environ)
    if taken := sorted(names.for_the_fleet | names.for_tasks):
        sentence = f"fleet.yaml takes in {taken[0]} from the environment, and a service has none of this shell's"
        return FleetError(sentence, hint="write ${{ secrets.NAME }}, a file in the folder of secrets")
    return None


def commands(here: Project, fleet: Fleet, timeout: float) -> str:
    """Write the script that makes the service; a fleet that runs is ended before, for the service to start it."""
    program = [str(Path(sys.executable).with_name("airfleet"))]
    chosen = [
        *(["--env", overlay] if (overlay := here.environ.get(reader.ENVIRONMENT)) else []),
        *(["--host", host] if (host := here.environ.get(paths.HOST)) else []),
    ]
    up = [*program, "-C", str(here.root), "up", *chosen]
    down = [*program, "-C", str(here.root), "down", "--timeout", f"{fleet.deploy.drain_seconds:.0f}s"]
    is_root = os.geteuid() == 0
    socket = shlex.quote(str(here.paths.socket))
    status = shlex.join([*program, "-C", str(here.root), "status"])
    unit = systemd.unit_of_command(up, fleet.name, fleet.deploy.drain_seconds, is_of_root=is_root)
    wait = shlex.join([*up, "--detach", "--timeout", f"{timeout:.0f}s"])
    return "\n".join(
        (
            "set -e",
            # 'up' of a fleet that runs fails when fleet.yaml says something else by now.
            f"if {service.is_in_force(unit, fleet.name, is_of_root=is_root)} && {wait} 2>/dev/null; then exit 0; fi",
            shlex.join(down),
            service.install(unit, fleet.name, socket, status, is_of_root=is_root),
            wait,
        )
    )


def _log_of(fleet: Fleet) -> str:
    user = "" if os.geteuid() == 0 else "--user "
    return f"journalctl {user}-u {service.unit_name(fleet.name)}; airfleet logs agent"
