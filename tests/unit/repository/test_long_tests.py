"""Each long test has its turn in CI, and what became of it is written down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.long_tests import whose_turn

from support.documents import REPOSITORY

TOY = """
import pytest

@pytest.mark.parametrize("number", [1, 2])
def test_passes(number):
    pass

def test_fails():
    assert False
"""


def run(folder: Path, **environ: str) -> str:
    """Run the toy tests with the plugin; what pytest printed."""
    (folder / "test_toy.py").write_text(TOY)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.long_tests",
        "-q",
        "-rA",
        "-p",
        "no:cacheprovider",
        str(folder),
    ]
    # Without the plugins that happen to be installed, which take longer to load than all of this.
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(REPOSITORY)}
    environment = {**os.environ, **alone, **environ}
    return subprocess.run(
        [*command, f"--rootdir={folder}"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    ).stdout


def test_as_many_turns_as_there_are_tests_choose_each_once() -> None:
    names = ["c", "a", "b"]
    assert sorted(whose_turn(names, turn) for turn in range(7, 10)) == ["a", "b", "c"]


def test_in_a_turn_one_test_runs(tmp_path: Path) -> None:
    printed = [run(tmp_path, LONG_TURN=str(turn)) for turn in range(3)]
    assert ["1 failed" in one for one in printed] == [True, False, False]
    assert all("2 deselected" in one for one in printed)


def test_what_became_of_a_test_is_kept_until_it_runs_again(tmp_path: Path) -> None:
    results = tmp_path / "long.json"
    results.write_text('{"tests": {"test_other.py::test_it": {"outcome": "passed"}}}')
    run(tmp_path, LONG_RESULTS=str(results))
    known = json.loads(results.read_text())["tests"]
    assert {name: one["outcome"] for name, one in known.items()} == {
        "test_other.py::test_it": "passed",
        "test_toy.py::test_fails": "failed",
        "test_toy.py::test_passes[1]": "passed",
        "test_toy.py::test_passes[2]": "passed",
    }
    assert known["test_toy.py::test_fails"]["date"]
