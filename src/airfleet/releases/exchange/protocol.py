"""The protocol by which one host takes objects of releases from another one's api-server.

::

    GET /airfleet/releases/objects/DIGEST            the bytes of one object; 404 while the host has not got it
    GET /airfleet/releases/objects?digests=A,B,…     those of at most 64 KiB that it has, a frame each

A frame is the digest (32 bytes), the size (4 bytes, the most significant first), and the content. Each request carries
a token. Its key is derived from a secret of the agents, and opens nothing else
(:attr:`airfleet.fleet.servers.secrets.Secrets.releases_key`). The client verifies each object.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Collection, Iterator
from typing import Final

from airfleet.releases.stores.objects import SMALL
from airfleet.system import component_logs

#: below the path of Airflow
PATH: Final = "/airfleet/releases/objects"
#: objects of one request: their digests have room in the headers that proxies take
MOST_AT_ONCE: Final = 100
_AUDIENCE: Final = "airfleet releases"
_FRAME: Final = struct.Struct(">32sI")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class BrokenFrame(ValueError):
    """The words are no frame of this protocol."""


def token(key: str, now: float) -> str:
    """Make a token that opens the objects for half a minute; ``now`` is in seconds since the epoch."""
    return component_logs.token(key, now, _AUDIENCE)


def opens(given: str, key: str) -> bool:
    """Tell whether this is a valid token of this key; no token is one of an empty key."""
    return bool(key) and component_logs.opens(given, key, _AUDIENCE)


def is_digest(text: str) -> bool:
    """Tell whether this is the name of an object.

    >>> is_digest("0" * 64), is_digest("../" + "0" * 61), is_digest("0" * 64 + chr(10))
    (True, False, False)
    """
    return _DIGEST.fullmatch(text) is not None


def frame(digest: str, size: int) -> bytes:
    """Write what stands before the content of an object."""
    return _FRAME.pack(bytes.fromhex(digest), size)


def frames(read: Callable[[int], bytes], asked: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """Read objects until the end; ``read`` gives at most so many bytes, none at the end.

    Raises BrokenFrame for an object that was not asked for, or is no small one, and for an end within a frame.
    """
    while head := _whole(read, _FRAME.size, may_end=True):
        name, size = _FRAME.unpack(head)
        digest = name.hex()
        if digest not in asked or size > SMALL:
            raise BrokenFrame("it gives what nobody asked for")
        yield digest, _whole(read, size)


def _whole(read: Callable[[int], bytes], size: int, *, may_end: bool = False) -> bytes:
    found = bytearray()
    while len(found) < size:
        piece = read(size - len(found))
        if not piece:
            if may_end and not found:
                return b""
            raise BrokenFrame("its answer ends too early")
        found += piece
    return bytes(found)
