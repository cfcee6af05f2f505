"""Whole files: what a good one says and what is said of a bad one, as files beside them.

``AIRFLEET_WRITE_GOLDEN=1 pytest tests/unit/pipelines/across/test_golden.py`` writes them anew; read the difference.
"""

from __future__ import annotations

import os
import pprint
from pathlib import Path

import pytest

from airfleet.pipelines.checks.pipeline_checks import read_and_check

GOLDEN = Path(__file__).parents[3] / "golden" / "pipelines"


def compared(file: Path, text: str) -> None:
    if os.environ.get("AIRFLEET_WRITE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["air_quality", "every_key"])
def test_a_good_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN)
    found = read_and_check(Path(f"{name}.yaml"), environ={})
    assert [str(problem) for problem in found.problems] == []
    compared(GOLDEN / f"{name}.values.txt", pprint.pformat(found.pipelines, width=110) + "\n")


def test_a_file_with_many_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN)
    found = read_and_check(Path("many_problems.yaml"), environ={})
    assert found.pipelines == ()
    compared(GOLDEN / "many_problems.txt", "".join(f"{problem}\n" for problem in found.problems))
