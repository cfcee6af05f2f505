"""The service that keeps the agent of a host: a unit of systemd where that runs, the agent alone where it does not.

The unit starts the fleet at boot and after a crash. It belongs to root, or to the user who logs in.
"""

from __future__ import annotations

import shlex

from airfleet.deploy.facts import Facts
from airfleet.deploy.layout import Layout
from airfleet.errors import EXIT_UNHEALTHY
from airfleet.render import systemd


def unit_name(fleet: str) -> str:
    """Name the unit of a fleet."""
    return f"airfleet-{fleet}.service"


def start(place: Layout, facts: Facts, fleet: str, drain_seconds: float) -> str:
    """Write the script that has systemd start the agent; empty where ``airfleet up --detach`` does it.

    An agent that runs goes on: whoever wants it to start anew has ended it before.
    """
    if not facts.has_systemd:
        return ""
    is_root = facts.uid == 0
    text = systemd.unit_of_command((place.command, "up"), fleet, drain_seconds, is_of_root=is_root)
    socket = f"{shlex.quote(place.home)}/hosts/*/run/agent.sock"
    return install(text, fleet, socket, shlex.join((place.command, "status")), is_of_root=is_root)


def remove(facts: Facts, fleet: str) -> str:
    """Write the script that takes the unit away again; empty where systemd does not run."""
    if not facts.has_systemd:
        return ""
    folder, systemctl = _of(facts.uid == 0)
    name = shlex.quote(unit_name(fleet))
    lines = (*_reach(facts.uid == 0), f"{systemctl} disable --quiet --now {name}", f"rm -f {folder}/{name}")
    return "\n".join((*lines, f"{systemctl} daemon-reload"))


def is_in_force(text: str, fleet: str, *, is_of_root: bool) -> str:
    """Write the condition of the shell that this very unit is installed and runs."""
    folder, systemctl = _of(is_of_root)
    name = shlex.quote(unit_name(fleet))
    same = f'[ "$(cat {folder}/{name} 2>/dev/null)" = {shlex.quote(text.rstrip())} ]'
    return f"{same} && {systemctl} is-active --quiet {name}"


def _of(is_of_root: bool) -> tuple[str, str]:
    """Give the folder of units and the words of systemctl."""
    return ("/etc/systemd/system", "systemctl") if is_of_root else ('"$HOME"/.config/systemd/user', "systemctl --user")


def _reach(is_of_root: bool) -> tuple[str, ...]:
    """Say where a user's own systemd listens; a login by ``ssh`` may not."""
    return () if is_of_root else ('export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"',)


def install(text: str, fleet: str, socket: str, status: str, *, is_of_root: bool) -> str:
    """Write the script that installs a unit, and starts it; ``socket`` is a pattern of the shell for the agent's.

    ``status`` is the command that tells by its exit code whether the agent runs.
    """
    folder, systemctl = _of(is_of_root)
    name = shlex.quote(unit_name(fleet))
    return "\n".join(
        [
            *_reach(is_of_root),
            f"mkdir -p {folder}",
            f"printf '%s' {shlex.quote(text)} > {folder}/{name}",
            f"{systemctl} daemon-reload",
            f"{systemctl} enable --quiet {name}",
            # After 'airfleet down' the unit's process ends a moment later; a unit whose agent runs is left alone.
            f"if {status} > /dev/null 2>&1 || [ $? -eq {EXIT_UNHEALTHY} ]; then :; else {systemctl} restart {name}; fi",
            # The unit's own 'up' begins a moment later; the one that waits must not start a second agent.
            f'for _ in $(seq 60); do [ -S "$(echo {socket})" ] && break; sleep 1; done',
        ]
    )
