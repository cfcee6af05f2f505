"""Tests that need what this machine does not have are left out, and counted at the end of a run.

A test names its needs, those of ``scripts/system_packages.py``: ``@pytest.mark.needs("nginx", "root")``. Each run adds
its own to the file that ``AIRFLEET_LEFT_OUT`` names, for the end of ``make test``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

SCRIPTS = str(Path(__file__).resolve().parents[2] / "scripts")
if SCRIPTS not in sys.path:
    sys.path.append(SCRIPTS)

import system_packages  # noqa: E402

_LEFT_OUT = pytest.StashKey[list[tuple[str, str]]]()


def needs_of(item: pytest.Item) -> tuple[str, ...]:
    """Name what a test needs, each once. Raises KeyError for a need that nobody knows."""
    named = dict.fromkeys(name for mark in item.iter_markers("needs") for name in mark.args)
    for name in named:
        if name != system_packages.ROOT:
            _ = system_packages.BY_NAME[name]
    return tuple(named)


def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Skip the tests whose needs this machine does not meet."""
    left_out = config.stash.setdefault(_LEFT_OUT, [])
    missing = system_packages.missing_here((*system_packages.BY_NAME, system_packages.ROOT))
    for item in items:
        if lacking := [name for name in needs_of(item) if name in missing]:
            left_out += [(item.nodeid, name) for name in lacking]
            item.add_marker(pytest.mark.skip(reason=f"needs {' and '.join(lacking)}"), append=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many tests were left out, and what each needed."""
    skipped = {report.nodeid for report in terminalreporter.stats.get("skipped", [])}
    left_out = [one for one in config.stash.get(_LEFT_OUT, []) if one[0] in skipped]
    if text := system_packages.counted(left_out, system_packages.manager_here()):
        terminalreporter.write_line(text, yellow=True)
    if left_out and (file := os.environ.get("AIRFLEET_LEFT_OUT")):
        with Path(file).open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(one) + "\n" for one in left_out)
