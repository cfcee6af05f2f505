"""A file that arrives from somewhere else, and its use."""

from __future__ import annotations

from pathlib import Path


def is_there(lake: str) -> bool:
    """Tell whether the file has arrived."""
    return (Path(lake) / "inbox" / "orders.csv").is_file()


def take(lake: str) -> int:
    """Move the file into the lake; returns its size in bytes."""
    arrived = Path(lake) / "inbox" / "orders.csv"
    taken = Path(lake) / "taken"
    taken.mkdir(exist_ok=True)
    return (arrived.rename(taken / "orders.csv")).stat().st_size


def use(lake: str) -> int:
    """Count the lines of the files that were taken."""
    return sum(len(file.read_text().splitlines()) for file in (Path(lake) / "taken").glob("*.csv"))
