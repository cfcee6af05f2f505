"""A door that speaks TLS, before a server that does not: the embedded Valkey is built without it.

What comes in is decrypted here and handed on, and what the server says goes back encrypted. Whoever connects sees a
certificate, and has to be content with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

from airfleet.fleet.spec import LOOPBACK

_CHUNK = 65536
_SECONDS = 10.0


@contextmanager
def tls_before(port: int, certificate: Path, key: Path) -> Iterator[int]:
    """The port of a door to ``port``, both on this machine; it is shut at the end of the block."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    opened: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        server = await asyncio.start_server(lambda *ends: _pass(*ends, port), LOOPBACK, 0, ssl=context)
        shut = asyncio.Event()
        opened.set_result((server.sockets[0].getsockname()[1], asyncio.get_running_loop(), shut))
        await shut.wait()
        server.close()

    # Connections that are left are broken by the end of the loop.
    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="tls", daemon=True)
    thread.start()
    door, loop, shut = opened.result(_SECONDS)
    try:
        yield door
    finally:
        loop.call_soon_threadsafe(shut.set)
        thread.join(_SECONDS)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    try:
        there, back = await asyncio.open_connection(LOOPBACK, port)
        await asyncio.gather(_pump(reader, back), _pump(there, writer))
    except (OSError, asyncio.CancelledError):  # nobody listens there, or the door is shut
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):  # one side has gone: so does the other
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()
