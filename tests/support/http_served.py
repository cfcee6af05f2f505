"""An application of ASGI that is served by uvicorn, on a port of its own."""

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
    server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=port, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started, 20, "the api-server answers")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
