"""A failed test shows the warnings and errors that its fleet has logged: the logs are removed with the fleet."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from airfleet.testing.fleet import FleetUnderTest

#: lines of one log, the last ones
MOST_LINES = 10
_TOLD = re.compile(r"\b(warning|error|critical|fatal|traceback)\b", re.IGNORECASE)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add a section for each log with such lines, of each fleet that the failed test was given."""
    report = yield
    if report.failed:
        for fleet in fleets_in(getattr(item, "funcargs", {}).values()):
            report.sections += sections(fleet.paths.logs)
    return report


def fleets_in(values: Any) -> Iterator[FleetUnderTest]:
    """Yield the fleets among the values of fixtures, and in them."""
    for value in values:
        fleet = value if isinstance(value, FleetUnderTest) else getattr(value, "fleet", None)
        if isinstance(fleet, FleetUnderTest):
            yield fleet


def sections(logs: Path) -> list[tuple[str, str]]:
    """Return a title and the last such lines of each log in a folder."""
    found = ((file, _told_in(file)) for file in sorted(logs.glob("*.log")))
    return [(f"fleet: {file.name}", "\n".join(lines)) for file, lines in found if lines]


def _told_in(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line for line in lines if _TOLD.search(line)][-MOST_LINES:]
