"""The README's figures of the fault matrix say no more than was seen."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "docs.py"
FAILED = "I5: try 1 of witness_one/r/work is recorded as failed, and raised no error"
LATE = "I2: run witness_one/r was not done in time"


@pytest.fixture(scope="module")
def docs() -> Any:
    """``scripts/docs.py`` as a module."""
    spec = importlib.util.spec_from_file_location("docs", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("recovered", "violations", "said"),
    [
        (5, [], "2.4 s"),
        (5, [FAILED], "2.4 s"),
        (3, [FAILED], "they fail"),
        (3, [LATE], "3 of 5 times"),
        (0, [], "0 of 5 times"),
    ],
)
def test_tasks_fail_only_where_they_were_seen_to(docs: Any, recovered: int, violations: list[str], said: str) -> None:
    rerun = {"median_s": 2.354, "recovered": recovered, "of": 5}
    assert docs._recovery({"recovery": {"rerun": rerun}, "violations": violations}, "rerun") == said


def test_how_many_tasks_failed_is_a_mean(docs: Any) -> None:
    assert docs._failed_by_it({"violations": [*[FAILED] * 9, LATE], "faults": [{}, {}]}) == "4"
    assert docs._failed_by_it({"violations": [], "faults": [{}]}) == "0"
