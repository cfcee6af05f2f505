"""The README's figures of the fault matrix say no more than was seen."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "docs.py"


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
    ("recovered", "failed", "said"),
    [(5, 0, "2.4 s"), (5, 1, "2.4 s"), (3, 1, "they fail"), (3, 0, "3 of 5 times"), (0, 0, "0 of 5 times")],
)
def test_tasks_fail_only_where_they_were_seen_to(docs: Any, recovered: int, failed: int, said: str) -> None:
    rerun = {"median_s": 2.354, "recovered": recovered, "of": 5}
    assert docs._recovery({"recovery": {"rerun": rerun}, "failed_tasks": failed}, "rerun") == said


def test_how_many_tasks_failed_is_a_mean(docs: Any) -> None:
    assert docs._failed_by_it({"failed_tasks": 9, "times": 2}) == "4"
    assert docs._failed_by_it({"failed_tasks": 0, "times": 1}) == "0"
