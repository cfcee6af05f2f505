from __future__ import annotations


def choose() -> str:
    return "left"


def goes_on() -> bool:
    return True
