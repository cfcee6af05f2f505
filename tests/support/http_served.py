"""An application of ASGI that is served by uvicorn, on a port of its own.

With asyncio's own loop: libuv, once used, closes descriptors by their numbers in every later fork of this process.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from airfleet.drill.waiting import wait_until
from airfleet.testing.ports import free_ports


@contextmanager
def serving(application: Any) -> Iterator[str]:
    """Serve it for the block, and give its address."""
    (port,) = free_ports(1)
    told = {"host": "127.0.0.1", "port": port, "log_config": None, "lifespan": "off"}
    server = uvicorn.Server(uvicorn.Config(application, loop="asyncio", **told))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started, 20, "the server answers")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
