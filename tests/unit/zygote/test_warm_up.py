"""The warm-up of the zygote: what it does once, no process that it forks does again."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from airfleet.pipelines.airflow import import_common
from airfleet.zygote import warm_up

#: A process that does the work and says what became of it.
PROGRAM = """
import json, sys, threading
from airfleet.zygote import warm_up
{before}
warm_up.run()
{after}
print(json.dumps(found))
"""


def said(before: str, after: str) -> object:
    """Return what a process of its own finds before and after the work."""
    program = PROGRAM.format(before=before, after=after)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout.splitlines()[-1])


def test_the_pipeline_that_is_read_has_no_problem_and_leaves_no_trace() -> None:
    warm_up.read_a_pipeline()
    assert not import_common.TAKEN_IN
    assert not import_common.NAMED_MODULES


def test_a_zygote_without_room_for_the_file_goes_on_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    warm_up.run()
    told = capsys.readouterr().err
    assert told.startswith("the warm-up lacks a part: read_a_pipeline\n")
    assert told.count("lacks a part") == 1
    assert "FileNotFoundError" in told


def test_no_thread_is_left_and_nothing_is_open() -> None:
    before = "import os; files = set(os.listdir('/proc/self/fd'))"
    after = "found = [threading.active_count(), len(set(os.listdir('/proc/self/fd')) - files)]"
    assert said(before, after) == [1, 0]


@pytest.mark.parametrize(
    "work",
    [warm_up.read_a_pipeline, warm_up.declare_functions_of_c, warm_up.ask_abstract_classes],
    ids=lambda work: work.__name__,
)
def test_each_part_can_be_done_again(work: Callable[[], None]) -> None:
    work()
    work()


def test_a_pipeline_is_read_without_a_look_at_modules_that_were_outlined() -> None:
    before = "from airfleet.pipelines.analysis import catalog"
    after = (
        "ast_parses = []\n"
        "sys.addaudithook(lambda event, given: ast_parses.append(event) if event == 'compile' else None)\n"
        "warm_up.read_a_pipeline()\n"
        "found = len(ast_parses)"
    )
    assert said(before, after) == 0
