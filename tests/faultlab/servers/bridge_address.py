"""A place on this machine for a server beside a fleet whose hosts have networks of their own.

They reach no loopback but their own. The place is an address of the range that those networks are of, on a link that
leads nowhere: hosts get there over this machine's end of their bridge, and no longer when they are cut off.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from airfleet.agent.host import netns


@contextmanager
def place_beside() -> Iterator[str]:
    """Make the address for the time of the block. Raises FleetError without root's rights."""
    number = next(one for one in range(1, 255) if not Path("/sys/class/net", _link(one)).exists())
    netns.ip("link", "add", "name", _link(number), "type", "bridge")
    try:
        address = f"198.19.0.{number}"
        netns.ip("addr", "add", f"{address}/32", "dev", _link(number))
        netns.ip("link", "set", _link(number), "up")
        yield address
    finally:
        netns.ip("link", "delete", _link(number), check=False)


def _link(number: int) -> str:
    return f"afb{number}"
