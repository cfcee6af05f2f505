"""Work that the zygote does once, so that no process that it forks does it again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from airfleet.pipelines.airflow import import_common
from airfleet.zygote import first_times

#: A process that does the work and says what became of it.
PROGRAM = """
import json, sys, threading
from airfleet.zygote import first_times
{before}
first_times.run()
{after}
print(json.dumps(found))
"""


def said(before: str, after: str) -> object:
    """Return what a process of its own finds before and after the work."""
    program = PROGRAM.format(before=before, after=after)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout.splitlines()[-1])


def test_the_pipeline_that_is_read_has_no_problem_and_leaves_no_trace() -> None:
    first_times.read_a_pipeline()
    assert not import_common.TAKEN_IN
    assert not import_common.NAMED_MODULES


def test_no_thread_is_left_and_nothing_is_open() -> None:
    before = "import os; files = set(os.listdir('/proc/self/fd'))"
    after = "found = [threading.active_count(), len(set(os.listdir('/proc/self/fd')) - files)]"
    assert said(before, after) == [1, 0]


@pytest.mark.parametrize(
    "work",
    [first_times.read_a_pipeline, first_times.declare_functions_of_c, first_times.ask_abstract_classes],
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
        "first_times.read_a_pipeline()\n"
        "found = len(ast_parses)"
    )
    assert said(before, after) == 0
