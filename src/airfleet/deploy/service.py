"""The service that keeps the agent of a host: a unit of systemd where that runs, the agent alone where it does not.

The unit starts the fleet at boot and after a crash. It belongs to root, or to the user who logs in.
"""

from __future__ import annotations

import shlex

from airfleet.deploy.facts import Facts
from airfleet.deploy.layout import Layout


def unit_name(fleet: str) -> str:
    """Name the unit of a fleet."""
    return f"airfleet-{fleet}.service"


def unit(place: Layout, fleet: str, *, is_of_root: bool) -> str:
    """Write the unit of a host."""
    target = "multi-user.target" if is_of_root else "default.target"
    lines = (
        "[Unit]",
        f"Description=fleet {fleet} of airfleet",
        "After=network-online.target",
        "Wants=network-online.target",
        "",
        "[Service]",
        f"ExecStart={place.command} up",
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


def start(place: Layout, facts: Facts, fleet: str) -> str:
    """Write the script that has systemd start the agent; empty where ``airfleet up --detach`` does it."""
    if not facts.has_systemd:
        return ""
    is_root = facts.uid == 0
    folder = "/etc/systemd/system" if is_root else '"$HOME/.config/systemd/user"'
    name = unit_name(fleet)
    systemctl = "systemctl" if is_root else "systemctl --user"
    return "\n".join(
        [
            *([] if is_root else ['export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"']),
            f"mkdir -p {folder}",
            f"printf '%s' {shlex.quote(unit(place, fleet, is_of_root=is_root))} > {folder}/{name}",
            f"{systemctl} daemon-reload",
            f"{systemctl} enable --quiet {name}",
            f"{systemctl} restart {name}",
            # The unit's own 'up' begins a moment later; the one that waits must not start a second agent.
            f'for _ in $(seq 60); do [ -S "$(echo {shlex.quote(place.home)}/hosts/*/run/agent.sock)" ] && break; '
            "sleep 1; done",
        ]
    )
