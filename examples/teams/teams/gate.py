"""A scratch table, and the decision about the rows in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: so many doubtful rows are published all the same
MOST_DOUBTFUL = 5


def make(lake: str) -> str:
    """Make the scratch table."""
    folder = Path(lake) / "scratch"
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


def judge(params: Mapping[str, Any]) -> str:
    """Choose the task that goes on, by the number of doubtful rows."""
    return "publish" if params["doubtful"] <= MOST_DOUBTFUL else "set_aside"


def note(said: str) -> str:
    """Say what happened."""
    print(f"the rows are {said}")
    return said


def drop(lake: str) -> None:
    """Drop the scratch table."""
    (Path(lake) / "scratch").rmdir()
