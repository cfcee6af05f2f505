"""A door on loopback before a server, which can be shut: the server itself goes on and knows nothing.

::

    with TcpFaultProxy(("127.0.0.1", 8080)) as gate:
        client.connect(gate.address)
        gate.refuse()    # connections break, new ones are refused
        gate.hang()      # connections stay, new ones are taken, nothing passes
        gate.open()

It passes bytes, whatever they mean; with a ``tls`` context clients have to speak TLS with it, and the server does not.
A loop in a thread of its own does the work; each method returns when it is so.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

from airfleet.testing.ports import free_ports

Address = tuple[str, int]
_CHUNK = 65536
_SECONDS = 10.0


class TcpFaultProxy:
    """The door; open at first."""

    def __init__(self, target: Address, tls: ssl.SSLContext | None = None) -> None:
        self.address: Address = ("127.0.0.1", free_ports(1)[0])
        self._target = target
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gate", daemon=True)
        self._server: asyncio.Server | None = None
        self._passes = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def port(self) -> int:
        """Where clients connect to."""
        return self.address[1]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Begin to pass."""
        self._thread.start()
        self.open()

    def open(self) -> None:
        """Let everything pass."""
        self._do(self._open())

    def refuse(self) -> None:
        """Break connections and refuse new ones."""
        self._do(self._refuse())

    def hang(self) -> None:
        """Take connections, and pass nothing."""
        self._do(self._hang())

    def close(self) -> None:
        """Break all connections and end the loop."""
        if self._thread.is_alive():
            self.refuse()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_SECONDS)

    def _do(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(_SECONDS)

    async def _open(self) -> None:
        self._passes.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._take, *self.address, ssl=self._tls)

    async def _hang(self) -> None:
        await self._open()
        self._passes.clear()

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in tuple(self._writers):
            _break(writer)
        self._passes.set()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self._passes.wait()
            there, back = await asyncio.open_connection(*self._target)
        except OSError:  # nobody listens there
            self._writers.discard(writer)
            _break(writer)
            return
        self._writers.add(back)
        await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        for end in (writer, back):
            self._writers.discard(end)
            end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(_CHUNK):
                await self._passes.wait()
                writer.write(data)
                await writer.drain()
            writer.write_eof() if writer.can_write_eof() else writer.close()  # TLS knows no half of an end
        except OSError:  # one side has gone: so does the other
            _break(writer)


def _break(writer: asyncio.StreamWriter) -> None:
    """End a connection the hard way: the other side sees a reset."""
    connection = writer.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
