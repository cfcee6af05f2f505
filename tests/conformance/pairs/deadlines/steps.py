from __future__ import annotations

from typing import Any


def told(channel: str = "", context: Any = None) -> None: ...


async def later() -> None: ...


class Refused(Exception): ...
