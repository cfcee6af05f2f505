"""The function that another Python runs: sent as text, it imports the task's own and calls it."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airfleet.pipelines.airflow.functions.isolated import source_of_runner

STEPS = """
from sent_helpers.words import up
def shout(text, ds=None): return up(text) + str(ds)
def all_of(**context): return sorted(context)
async def late(n): return n + 1
"""


@pytest.fixture
def sent() -> Iterator[Any]:
    """Give the function as another Python has it: from its source alone."""
    path, modules = list(sys.path), set(sys.modules)
    namespace: dict[str, Any] = {}
    exec("from __future__ import annotations\n" + source_of_runner(), namespace)
    yield namespace["run_function"]
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("sent_"):
            del sys.modules[name]


def test_a_function_of_a_folder_finds_what_stands_beside_it(sent: Any, tmp_path: Path) -> None:
    (tmp_path / "sent_steps.py").write_text(STEPS)
    (tmp_path / "sent_helpers").mkdir()
    (tmp_path / "sent_helpers/words.py").write_text("def up(t): return t.upper()\n")
    assert sent("sent_steps:shout", [str(tmp_path)], {}, {"text": "a"}, {"ds": "2026-01-31", "run_id": "r"}) == (
        "A2026-01-31"
    )


def test_modules_that_are_sent_are_enough_and_gone_afterwards(
    sent: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    files = {"sent_steps.py": STEPS, "sent_helpers/words.py": "def up(t): return t.upper()\n"}
    assert sent("sent_steps:shout", [], files, {"text": "a", "ds": 1}, {"ds": 2}) == "A1"
    assert sent("sent_steps:all_of", [], {}, {"n": 1}, {"ds": 2}) == ["ds", "n"]
    assert sent("sent_steps:late", [], {}, {"n": 1}, {"ds": 2}) == 2
    assert list(tmp_path.iterdir()) == []


def test_an_argument_that_is_not_taken_fails(sent: Any) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'm'"):
        sent("sent_steps:late", [], {"sent_steps.py": STEPS, "sent_helpers/words.py": "up = str"}, {"m": 1}, {})
