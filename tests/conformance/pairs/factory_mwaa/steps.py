from __future__ import annotations


def total(rows: str, label: str) -> str:
    return label + rows
