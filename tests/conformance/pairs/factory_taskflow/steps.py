from __future__ import annotations


def some() -> list[int]:
    return [1, 2]


def both() -> dict[str, int]:
    return {"first": 1, "second": 2}


def asked() -> list[list[int]]:
    return [[1], [2]]


def double(number: int) -> int:
    return 2 * number


def labelled(number: int, label: str) -> str:
    return f"{label}: {number}"
