"""The service that keeps the agent of a host: a unit of systemd where that runs, the agent alone where it does not.

The unit starts the fleet at boot and after a crash. It belongs to root, or to the user who logs in.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from airfleet.deploy.facts import Facts
from airfleet.deploy.layout import Layout
from airfleet.errors import EXIT_UNHEALTHY


def unit_name(fleet: str) -> str:
    """Name the unit of a fleet."""
    return f"airfleet-{fleet}.service"


def unit(command: Sequence[str], fleet: str, *, is_of_root: bool) -> str:
    """Write the unit whose process is ``command``, which stays."""
    target = "multi-user.target" if is_of_root else "default.target"
    lines = (
        "[Unit]",
        f"Description=fleet {fleet} of airfleet",
        "After=network-online.target",
        "Wants=network-online.target",
        "",
        "[Service]",
        f"ExecStart={' '.join(map(_word, command))}",
        "# calls it again when it was killed, or has exited with 4",
        "Restart=on-failure",
        "# tasks live until then",
        "KillMode=process",
        "# limits of memory",
        "Delegate=yes",
        "",
        "[Install]",
        f"WantedBy={target}",
        "",
    )
    return "\n".join(lines)


def _word(text: str) -> str:
    """Write a word of a command for systemd, which reads ``%``, ``$``, quotes and backslashes in its own way."""
    told = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return told if told == text and " " not in text else f'"{told}"'


def start(place: Layout, facts: Facts, fleet: str) -> str:
    """Write the script that has systemd start the agent; empty where ``airfleet up --detach`` does it.

    An agent that runs goes on: whoever wants it to start anew has ended it before.
    """
    if not facts.has_systemd:
        return ""
    is_root = facts.uid == 0
    text = unit((place.command, "up"), fleet, is_of_root=is_root)
    socket = f"{shlex.quote(place.home)}/hosts/*/run/agent.sock"
    return install(text, fleet, socket, shlex.join((place.command, "status")), is_of_root=is_root)


def is_in_force(text: str, fleet: str, *, is_of_root: bool) -> str:
    """Write the condition of the shell that this very unit is installed and runs."""
    folder, systemctl = _of(is_of_root)
    name = shlex.quote(unit_name(fleet))
    same = f'[ "$(cat {folder}/{name} 2>/dev/null)" = {shlex.quote(text.rstrip())} ]'
    return f"{same} && {systemctl} is-active --quiet {name}"


def _of(is_of_root: bool) -> tuple[str, str]:
    """Give the folder of units and the words of systemctl."""
    return ("/etc/systemd/system", "systemctl") if is_of_root else ('"$HOME"/.config/systemd/user', "systemctl --user")


def install(text: str, fleet: str, socket: str, status: str, *, is_of_root: bool) -> str:
    """Write the script that installs a unit, and starts it; ``socket`` is a pattern of the shell for the agent's.

    ``status`` is the command that tells by its exit code whether the agent runs.
    """
    folder, systemctl = _of(is_of_root)
    name = shlex.quote(unit_name(fleet))
    return "\n".join(
        [
            *([] if is_of_root else ['export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"']),
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
