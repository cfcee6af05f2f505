from __future__ import annotations


def shop(day: str) -> str:
    return f"shop of {day}"


def shout(text: str) -> str:
    return text.upper()
