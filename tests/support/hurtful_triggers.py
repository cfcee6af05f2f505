"""Triggers that hurt, each in its own way; a module of the project of a test."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent


def itself() -> list[Any]:
    """Make a list that is in itself."""
    found: list[Any] = []
    found.append(found)
    return found


def deep() -> list[Any]:
    """Make a list nested without end."""
    found: list[Any] = []
    for _ in range(100_000):
        found = [found]
    return found


async def _exits_in_a_task() -> None:
    async def end() -> None:
        os._exit(4)

    await asyncio.create_task(end())


ENDS = {
    "sleeps": lambda: time.sleep(10_000),
    "spins": lambda: re.match(r"(a+)+$", "a" * 60 + "b"),
    "exits": lambda: sys.exit(3),
    "ends": lambda: os._exit(3),
    "raises": lambda: os.environ["NO_SUCH_KEY"],
}
EVENTS = {
    "object": object,
    "function": lambda: {"a": lambda: 1},
    "itself": itself,
    "deep": deep,
    "nul": lambda: "a\0b",
    "nan": lambda: float("nan"),
    "surrogate": lambda: "\ud800",
    "huge": lambda: "x" * 70_000_000,
}


class Hurts(BaseTrigger):
    """Does what its name says, after a second."""

    def __init__(self, do: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.do = do
        if do == "made again":
            sys.exit("not with me")

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "hurtful_triggers.Hurts", {"do": "made again" if self.do == "made" else self.do}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        await asyncio.sleep(1)
        if self.do in ENDS:
            ENDS[self.do]()  # type: ignore[no-untyped-call]
        if self.do == "ends_in_a_task":
            await _exits_in_a_task()
        if self.do == "no_event":
            yield 7  # type: ignore[misc]
            return
        if self.do == "long_line":
            print("y" * 30_000_000)
            self.log.info("z" * 30_000_000)
        if self.do == "waits":
            await asyncio.sleep(20)
        yield TriggerEvent(EVENTS[self.do]() if self.do in EVENTS else self.do)  # type: ignore[no-untyped-call]
