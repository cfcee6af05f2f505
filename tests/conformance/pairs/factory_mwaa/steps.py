from __future__ import annotations


def rows(day: str) -> list[str]:
    return [day, "all"]


def total(rows: str, label: str) -> str:
    return label + rows
