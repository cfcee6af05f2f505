from __future__ import annotations


def report(day: str, limit: int) -> None:
    print(day, limit)
