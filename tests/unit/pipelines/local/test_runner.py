"""The pipeline that a local run is asked for is found, or refused with a way out, before anything runs."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from airfleet.errors import FileProblems, FleetError, UsageError
from airfleet.pipelines.local import runner
from airfleet.pipelines.local.runner import TaskEvent

JOBS = "dag_id: '${{ job.name }}_daily'\njobs: [{name: red}, {name: blue}]\ntasks: [{id: t}]\n"
ONE = "dag_id: only\ntasks: [{id: t}]\n"


def file(folder: Path, text: str) -> Path:
    (folder / "a.yaml").write_text(text)
    return folder / "a.yaml"


@pytest.mark.parametrize(
    ("text", "dag_id", "job", "chosen"),
    [
        (ONE, None, None, "only"),
        (ONE, "only", None, "only"),
        (JOBS, None, "red", "red_daily"),
        (JOBS, "blue_daily", None, "blue_daily"),
    ],
)
def test_a_pipeline_is_chosen_by_its_job_or_its_dag(
    text: str, dag_id: str | None, job: str | None, chosen: str, tmp_path: Path
) -> None:
    assert runner.choose(file(tmp_path, text), dag_id, job, {}).dag_id == chosen


@pytest.mark.parametrize(
    ("text", "dag_id", "job", "said"),
    [
        (JOBS, None, None, "{} has 2 jobs\nhint: choose one with --job: red, blue"),
        (JOBS, None, "rde", "{} has no job 'rde'\nhint: did you mean 'red'?"),
        (JOBS, None, "purple-haze", "{} has no job 'purple-haze'\nhint: it has red, blue"),
        (ONE, "onyl", None, "{} has no Dag 'onyl'\nhint: did you mean 'only'?"),
        (ONE, None, "red", "{} has no job 'red'\nhint: it has none"),
    ],
)
def test_a_choice_that_is_missing_or_wrong_is_a_usage_error(
    text: str, dag_id: str | None, job: str | None, said: str, tmp_path: Path
) -> None:
    path = file(tmp_path, text)
    with pytest.raises(UsageError) as raised:
        runner.choose(path, dag_id, job, {})
    assert str(raised.value) == said.format(path)


@pytest.mark.parametrize("text", ["dag_id: a\ntasks: [{id: t, neds: [x]}]\n", "apiVersion: v1\nkind: Pod\n"])
def test_a_file_with_problems_or_of_another_tool_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(FileProblems):
        runner.choose(file(tmp_path, text), None, None, {})


def test_a_date_on_which_no_task_takes_part_is_refused_with_one_on_which_some_do(tmp_path: Path) -> None:
    text = "dag_id: a\nstart_date: 2026-03-01\ntasks: [{id: t}]\n"
    pipeline = runner.choose(file(tmp_path, text), None, None, {})
    with pytest.raises(FleetError) as raised:
        runner.absences(pipeline, dt.datetime(2026, 1, 31, tzinfo=dt.UTC), {})
    assert "no task of 'a' takes part in a run of 2026-01-31: the start_date is 2026-03-01" in str(raised.value)
    assert "--date 2026-03-01 runs it as of that day" in str(raised.value)
    assert runner.absences(pipeline, dt.datetime(2026, 3, 1, tzinfo=dt.UTC), {}) == ()


def test_an_event_goes_over_the_pipe_and_is_the_same_on_the_other_side() -> None:
    event = TaskEvent("failed", "t", attempt=2, error="KeyError: 'x'")
    assert TaskEvent(**json.loads(runner.message(event=event))["event"]) == event


STOPPED = """
import os, signal, sys
from airfleet.pipelines.local.runner import Stopped, stopped_by_signals
signal.signal(int(sys.argv[1]), signal.SIG_DFL)  # nohup ignores SIGHUP
try:
    with stopped_by_signals():
        os.kill(os.getpid(), int(sys.argv[1]))
except Stopped as stopped:
    print(stopped)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_would_end_the_process_without_a_word_is_an_exception(number: signal.Signals) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STOPPED, str(int(number))], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"ended by {number.name}\n"), done.stderr


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with runner.stopped_by_signals():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_another_thread_than_the_main_one_leaves_signals_alone() -> None:
    seen = []

    def inside() -> None:
        with runner.stopped_by_signals():
            seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert seen == [before]
