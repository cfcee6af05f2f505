"""Hosts of one machine that are apart like machines: a network namespace for each, all on one bridge of their own.

::

    this machine ── bridge af37 (198.18.37.254)
                      ├─ af37-1 ═ eth0 of airfleet-37-1 (198.18.37.1)
                      ├─ af37-2 ═ eth0 of airfleet-37-2 (198.18.37.2)
                      └─ ...

Each agent and everything that it starts run in its namespace, so each host has ports of its own. A host is cut off
from the others, alive, when the bridge's end of its link is set down. The addresses are of the range that is
kept for measurements (RFC 2544), which no real network has. Nothing leads out of the bridge but to addresses of this
machine in that range: a server beside the fleet can have one, and tasks in such a fleet do not reach the internet.

Root's rights and ``ip`` (iproute2) are needed. ``airfleet down`` and :func:`remove` remove the
bridge and its hosts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import zlib
from collections.abc import Mapping
from pathlib import Path

from airfleet.errors import FleetError
from airfleet.fleet.planning.local_hosts import NAMESPACE, Network

#: the range that is kept for measurements
MEASUREMENTS = "198.18.0.0/15"
_FOLDERS = ("/usr/sbin", "/sbin", "/usr/bin", "/bin")
_SECONDS = 20.0


def make(count: int, home: Path) -> Network:
    """Make the bridge with so many hosts, for the fleet of ``home``. Raises FleetError; then nothing of it is left."""
    _require_rights()
    network = _free(home)
    try:
        # With an address of its own: else it takes that of one of its links, and another one when there is a lower one,
        # and hosts that know it by the old one do not reach this machine for half a minute.
        ip("link", "add", "name", network.bridge, "address", f"02:af:00:00:00:{network.number:02x}", "type", "bridge")
        ip("addr", "add", f"{network.prefix}.254/24", "dev", network.bridge)
        ip("link", "set", network.bridge, "up")
        for host in range(1, count + 1):
            _add(network, host)
    except BaseException:
        remove(network)
        raise
    return network


def remove(network: Network) -> None:
    """Remove the bridge and its hosts, whatever there is of them."""
    prefix = network.namespace(0)[:-1]
    for name in sorted(Path("/run/netns").glob(f"{prefix}*")) if Path("/run/netns").exists() else ():
        ip("netns", "delete", name.name, check=False)
    for link in sorted(Path("/sys/class/net").glob(f"{network.bridge}*")):
        if link.name == network.bridge or link.name.startswith(f"{network.bridge}-"):
            ip("link", "delete", link.name, check=False)


def cut(network: Network, host: int) -> None:
    """Let nothing through to a host, or from it; it notices nothing but silence. Raises FleetError."""
    ip("link", "set", network.link(host), "down")


def mend(network: Network, host: int) -> None:
    """Let everything through again. Raises FleetError."""
    ip("link", "set", network.link(host), "up")


def within(argv: list[str], environ: Mapping[str, str]) -> list[str]:
    """Return the arguments that start a program in the namespace that the environment names, if it names one."""
    name = environ.get(NAMESPACE)
    if not name:
        return argv
    # Not 'ip netns exec': that mounts another /sys, without the control groups of components.
    if enter := _program("nsenter"):
        return [enter, f"--net=/run/netns/{name}", "--", *argv]
    return [_program("ip") or "ip", "netns", "exec", name, *argv]


def ip(*words: str, check: bool = True) -> str:
    """Run ``ip`` with these arguments; return its output. Raises FleetError when it refuses and ``check`` is true."""
    program = _program("ip") or "ip"
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=_SECONDS, check=False)
    if check and done.returncode != 0:
        raise FleetError(f"'ip {' '.join(words)}' failed: {done.stderr.strip() or done.returncode}")
    return done.stdout


def _add(network: Network, host: int) -> None:
    namespace, link = network.namespace(host), network.link(host)
    ip("netns", "add", namespace)
    ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", namespace)
    ip("link", "set", link, "master", network.bridge)
    ip("link", "set", link, "up")
    for words in (("link", "set", "lo", "up"), ("link", "set", "eth0", "up")):
        ip("-n", namespace, *words)
    ip("-n", namespace, "addr", "add", f"{network.prefix}.{host}/24", "dev", "eth0")
    ip("-n", namespace, "route", "add", MEASUREMENTS, "via", f"{network.prefix}.254")


def _require_rights() -> None:
    if _program("ip") is None:
        raise FleetError("hosts with networks of their own need the program 'ip'", hint="apt-get install iproute2")
    if os.geteuid() != 0:
        raise FleetError(
            "hosts with networks of their own need root's rights", hint="without --netns, they share this machine's"
        )


def _free(home: Path) -> Network:
    first = zlib.crc32(str(home).encode()) % 256
    for step in range(256):
        network = Network((first + step) % 256)
        if not Path("/sys/class/net", network.bridge).exists():
            return network
    raise FleetError("all 256 networks for hosts of one machine are in use", hint="airfleet down, where they run")


def _program(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), *_FOLDERS)))
