"""Messages between the monitors of attempts, the pool and its Dag zygotes: JSON with open files.

All of it goes over sockets of type ``SOCK_SEQPACKET``: a message arrives whole or not at all, with the
descriptors that belong to it, and several processes may send into one socket.

::

    monitor                       pool                          Dag zygote
    {"attempt", "file"} + 5 fds   ->  {"attempt", "file"} + 5 fds   ->    fork this
                                  <-  the same, and "stale" or "cold"     no: a file has changed, or cannot be kept
                                      {"retire"}                    ->    end when your last attempt has ended

    on the first of the five descriptors, from whoever forked the attempt:
    <-  {"pid"} + its pidfd
    <-  {"exit"}                                      it is reaped when this socket is closed
    ->  (closed)                                      before "exit": the monitor is gone, end the attempt

The five descriptors: *status* (above), then the attempt's ends of *requests*, *stdout*, *stderr*, *logs*.
"""

from __future__ import annotations

import array
import dataclasses
import json
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: bytes of one message; a path and some names
MOST_BYTES = 65_536
MOST_DESCRIPTORS = 8


@dataclass(frozen=True)
class DagFile:
    """The source of an attempt's Dag: a file in a bundle, at a version where the bundle has versions."""

    bundle: str
    version: str | None
    path: str
    #: the one Dag to load, where a file can be loaded in part
    dag: str | None = None


@dataclass(frozen=True)
class Attempt:
    """An attempt that is to be forked: its id, its file, and its ends of the five sockets."""

    id: str
    file: DagFile
    descriptors: tuple[int, ...]

    def message(self) -> dict[str, Any]:
        """Return the message beside the descriptors."""
        return {"attempt": self.id, "file": dataclasses.astuple(self.file)}


def attempt(message: Mapping[str, Any], descriptors: Sequence[int]) -> Attempt:
    """Return the attempt that such a message describes."""
    return Attempt(message["attempt"], DagFile(*message["file"]), tuple(descriptors))


def pair() -> tuple[socket.socket, socket.socket]:
    """Make two connected ends."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(connection: socket.socket, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send one message. Raises OSError when nobody is left who could read it."""
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    connection.sendmsg([json.dumps(message).encode()], ancillary, socket.MSG_NOSIGNAL)


def receive(connection: socket.socket, *, wait: bool = True) -> tuple[dict[str, Any], list[int]] | None:
    """Receive the next message and its descriptors, or None at the end.

    Raises:
        BlockingIOError: there is none, and neither this call nor the socket may wait.
        TimeoutError: none came in the time that the socket was given.
    """
    found = array.array("i")
    room = socket.CMSG_SPACE(MOST_DESCRIPTORS * found.itemsize)
    # Not for the programs that a task starts.
    flags = socket.MSG_CMSG_CLOEXEC | (0 if wait else socket.MSG_DONTWAIT)
    data, ancillary, _, _ = connection.recvmsg(MOST_BYTES, room, flags)
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            found.frombytes(content[: len(content) - len(content) % found.itemsize])
    return (json.loads(data), list(found)) if data else None


def unread(end: socket.socket) -> list[Attempt]:
    """Take the attempts that nobody has read from this end; its reader has ended."""
    end.setblocking(False)
    found: list[Attempt] = []
    while True:
        try:
            received = receive(end)
        except BlockingIOError:
            return found
        if received is None:
            return found
        if "attempt" in received[0]:
            found.append(attempt(*received))


def close(descriptors: Iterable[int]) -> None:
    """Close descriptors that were sent on, or that nobody needs."""
    for descriptor in descriptors:
        os.close(descriptor)
