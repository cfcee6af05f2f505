"""The web server of api-servers and log servers, at rest while it has no request.

uvicorn's own loop looks ten times a second whether it shall end, and once a second renews the header with the date.
Here the signal itself says that it shall end, and the date is all that is left to wake for.
"""

from __future__ import annotations

import asyncio
import sys
from types import FrameType
from typing import Any

import uvicorn

#: the exit code of a server that could not start, as uvicorn's
NOT_STARTED = 3
#: between two dates
REST_SECONDS = 1.0
#: a tick at which uvicorn renews the date: each tenth
_TICK = 10


class RestingServer(uvicorn.Server):
    """uvicorn's server; its loop wakes for the date, and when a signal says that it shall end."""

    _loop: asyncio.AbstractEventLoop | None = None
    _asked: asyncio.Event | None = None

    async def main_loop(self) -> None:
        """Serve until it shall end (reference: ``main_loop`` and ``on_tick`` in uvicorn/server.py)."""
        self._loop, self._asked = asyncio.get_running_loop(), asyncio.Event()
        while not await self.on_tick(_TICK):
            try:
                await asyncio.wait_for(self._asked.wait(), REST_SECONDS)
            except TimeoutError:
                continue

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle the signal as uvicorn does, and wake the loop at once."""
        super().handle_exit(sig, frame)
        if self._loop is not None and self._asked is not None:
            self._loop.call_soon_threadsafe(self._asked.set)


def serve(application: Any, **options: Any) -> None:
    """Serve an application until a signal ends it; ``options`` are uvicorn's.

    Raises SystemExit when it cannot start, as ``uvicorn.run`` does.
    """
    server = RestingServer(uvicorn.Config(application, **options))
    server.run()
    if not server.started:
        sys.exit(NOT_STARTED)
