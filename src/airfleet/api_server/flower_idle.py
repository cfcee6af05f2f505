"""Flower's idle time: the seconds since somebody asked for a page of it.

The agent's probe does not count; so neither does any other that asks for ``/healthcheck`` alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tornado.ioloop import IOLoop, PeriodicCallback

#: seconds between two looks
_LOOK_SECONDS = 1.0


class IdleClock:
    """Counts the time without requests. ``noted`` is Tornado's ``log_function``."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked = clock()

    def noted(self, handler: Any) -> None:
        """Note the end of a request."""
        if not handler.request.path.endswith("/healthcheck"):
            self._asked = self._clock()

    @property
    def seconds(self) -> float:
        """Return the seconds since the last request that counts."""
        return self._clock() - self._asked

    def stop_after(self, seconds: float, loop: IOLoop) -> None:
        """Stop the loop when nobody has asked for so long."""

        def look() -> None:
            if self.seconds >= seconds:
                loop.stop()

        PeriodicCallback(look, _LOOK_SECONDS * 1000).start()
