"""The trigger that has the event loop, on a board that the watching process reads even when the loop is stuck.

All triggers share one process and one event loop. A trigger that blocks the loop, or ends the process, stops every
other one, and afterwards nobody can ask which one it was. Here the loop writes the trigger of each step into memory
that both processes share, before it runs the step::

    runner:   loop ──step of trigger 7──> [7 | since] ──run──> [0 | ]
    monitor:  the runner is silent, or has ended ──> 7

A step belongs to the trigger in whose context it was asked for: the tasks and the callbacks that a trigger starts
belong to it as well. Threads that a trigger starts do not.
"""

from __future__ import annotations

import asyncio
import mmap
import struct
import time
from collections.abc import Callable
from contextvars import Context, ContextVar
from dataclasses import dataclass
from typing import Any

#: the trigger that this context belongs to; 0 is the runner itself
OWNER: ContextVar[int] = ContextVar("trigger", default=0)
_LAYOUT = struct.Struct("=qd")


@dataclass(frozen=True)
class Step:
    """Which trigger runs, and since when by the monotonic clock."""

    trigger: int
    since: float


class StepBoard:
    """Memory of both processes that has the present step; made before the fork."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, mmap.PAGESIZE)

    def write(self, trigger: int, since: float) -> None:
        """Say which trigger runs; 0 is none."""
        _LAYOUT.pack_into(self._memory, 0, trigger, since)

    def read(self) -> Step | None:
        """Read the step of a trigger that runs, or ran when the process ended."""
        trigger, since = _LAYOUT.unpack_from(self._memory, 0)
        return Step(trigger, since) if trigger else None

    def close(self) -> None:
        """Give the memory back."""
        self._memory.close()


class StepLoop(asyncio.SelectorEventLoop):
    """An event loop that writes on a board whose step it runs; ``ends`` is told of a trigger that ends the process."""

    def __init__(self, board: StepBoard, ends: Callable[[int, BaseException], object]) -> None:
        super().__init__()
        self._board = board
        self._ends = ends

    def call_soon(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Context | None = None
    ) -> Any:
        """Schedule a callback as asyncio does."""
        return super().call_soon(self._step, callback, args, context=context)

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Context | None = None
    ) -> Any:
        """Schedule a callback as asyncio does."""
        return super().call_soon_threadsafe(self._step, callback, args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Context | None = None
    ) -> Any:
        """Schedule a callback as asyncio does."""
        return super().call_at(when, self._step, callback, args, context=context)

    def own(self, trigger: int) -> None:
        """Have the rest of the present step belong to a trigger; 0 is to none."""
        OWNER.set(trigger)
        self._board.write(trigger, time.monotonic())

    def _step(self, callback: Callable[..., None], args: tuple[Any, ...]) -> None:
        owner = OWNER.get()
        self._board.write(owner, time.monotonic() if owner else 0.0)
        try:
            callback(*args)
        except (SystemExit, KeyboardInterrupt) as end:
            if not owner:
                raise
            self._ends(owner, end)
        finally:
            self._board.write(0, 0.0)
