"""Unix sockets in folders of any depth.

The kernel takes no path of more than 107 bytes for a socket. So the folder is opened first, and the socket is named
by way of that descriptor: ``/proc/self/fd/N/agent.sock``.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def connect(connection: socket.socket, path: Path) -> None:
    """Connect to the socket at ``path``. Raises OSError as ``connect`` does."""
    with _short(path) as name:
        connection.connect(name)


def bind(listener: socket.socket, path: Path) -> None:
    """Make the socket at ``path``. Raises OSError as ``bind`` does."""
    with _short(path) as name:
        listener.bind(name)


@contextmanager
def _short(path: Path) -> Iterator[str]:
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
