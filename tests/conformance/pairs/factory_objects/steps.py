from __future__ import annotations

from typing import Any


def shift(ds: str) -> str:
    return ds


def told(context: Any) -> None:
    print(context)


def told_of(context: Any, place: str) -> None:
    print(place, context)
