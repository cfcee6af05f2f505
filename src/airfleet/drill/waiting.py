"""Waiting for a condition, with its last value in the error."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE_SECONDS = 0.1


def wait_until(condition: Callable[[], T], seconds: float, what: str, pause_seconds: float = PAUSE_SECONDS) -> T:
    """Wait for the first true value of ``condition``. Raises AssertionError after ``seconds``, naming ``what``."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what} (last seen: {value!r})")
        time.sleep(pause_seconds)
