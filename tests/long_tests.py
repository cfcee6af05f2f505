"""The long tests: what became of each is written down, and CI runs one of them each time, in turn.

``LONG_RESULTS`` names the file of results, in which a test that is not run keeps its last one. With ``LONG_TURN=7``
only the eighth of the tests that were found is run, counted round and round: ``pytest -p tests.long_tests -m long``.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

_OUTCOMES: dict[str, dict[str, Any]] = {}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the one whose turn it is."""
    if (turn := os.environ.get("LONG_TURN")) and items:
        chosen = whose_turn([item.nodeid for item in items], int(turn))
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid != chosen])
        items[:] = [item for item in items if item.nodeid == chosen]


def whose_turn(names: Sequence[str], turn: int) -> str:
    """Choose one of the tests; as many turns as there are tests choose each once."""
    return sorted(names)[turn % len(names)]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note what became of a test; a part of it that went wrong is what counts."""
    known = _OUTCOMES.setdefault(report.nodeid, {"outcome": "passed", "seconds": 0.0})
    known["seconds"] = round(known["seconds"] + report.duration, 1)
    if report.outcome != "passed":
        known["outcome"] = report.outcome


def pytest_sessionfinish() -> None:
    """Write down what became of them beside what is known of the others."""
    if not (name := os.environ.get("LONG_RESULTS")) or not _OUTCOMES:
        return
    path = Path(name)
    kept = json.loads(path.read_text()) if path.exists() else {"tests": {}}
    stamp = {"date": dt.datetime.now(dt.UTC).date().isoformat(), "commit": _commit()}
    kept["tests"].update({test: {**told, **stamp} for test, told in _OUTCOMES.items()})
    lines = ",\n".join(f"  {json.dumps(test)}: {json.dumps(told)}" for test, told in sorted(kept["tests"].items()))
    path.write_text(f'{{\n "tests": {{\n{lines}\n }}\n}}\n')


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short=9", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip()
