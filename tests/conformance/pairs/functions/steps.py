from __future__ import annotations


def arrived(name: str) -> bool:
    return name == "orders"


async def ready() -> bool:
    return True


def choose() -> str:
    return "full"


def load() -> None: ...


def is_monday(day: int = 1) -> bool:
    return day == 1
