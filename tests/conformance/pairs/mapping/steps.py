from __future__ import annotations


def files() -> list[str]:
    return ["a.csv", "b.csv"]


def load(file: str, day: int, table: str = "") -> int:
    return len(file) * day


def total(parts: list[int]) -> int:
    return sum(parts)
