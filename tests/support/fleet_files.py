"""Reading the text of a ``fleet.yaml``: what it says, or what is wrong with it."""

from __future__ import annotations

from pathlib import Path

from airfleet.fleet.config import reader
from airfleet.fleet.config.spec import Fleet

#: where it lies when a test does not care
ROOT = Path("/srv/shop")


def read(text: str, root: Path = ROOT, **environ: str) -> Fleet:
    """Give the fleet of a text without problems."""
    fleet, problems = reader.read(text, "fleet.yaml", environ, root)
    assert problems == ()
    assert fleet is not None
    return fleet


def problems_of(text: str, root: Path = ROOT, **environ: str) -> list[str]:
    """Give the problems of a text that is no fleet."""
    fleet, problems = reader.read(text, "fleet.yaml", environ, root)
    assert (fleet is None) is bool(problems)
    return [str(problem) for problem in problems]
