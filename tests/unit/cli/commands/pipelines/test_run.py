"""``run``: how tasks look while they run, how a failure is told, and one real run of the new project."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from airfleet.cli.commands.pipelines import run
from airfleet.cli.output import progress
from airfleet.client.project import Project
from airfleet.pipelines.local.runner import RunOutcome, TaskEvent
from support.command_line import Airfleet


def test_each_event_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    board = run.TaskBoard(progress.ChangeLines(), ["extract", "load", "report"])
    board(TaskEvent("started", "extract"))
    board(TaskEvent("retrying", "extract", seconds=0.5, error="KeyError: 'x'"))
    board(TaskEvent("started", "extract", attempt=2))
    board(TaskEvent("succeeded", "extract", attempt=2, seconds=1.0))
    board(TaskEvent("started", "load", map_index=0))
    board(TaskEvent("failed", "load", map_index=0, seconds=2.0, error="ValueError: no"))
    board(TaskEvent("upstream_failed", "report"))
    told = [line[10:] for line in capsys.readouterr().err.splitlines()]
    assert told == [
        "extract  waiting",
        "load     waiting",
        "report   waiting",
        "extract  running",
        "extract  will be tried again after 0.5s: KeyError: 'x'",
        "extract  running (attempt 2)",
        "extract  success after 1.0s (attempt 2)",
        "load[0]  running",
        "load[0]  failed after 2.0s: ValueError: no",
        "report   not run",
    ]


def test_it_is_said_when_nothing_runs_and_some_still_wait(capsys: pytest.CaptureFixture[str]) -> None:
    board = run.TaskBoard(progress.ChangeLines(), ["a", "b"])
    now = time.monotonic()
    board.remind(now + 60)  # Airflow is still being loaded
    board(TaskEvent("started", "a"))
    board.remind(now + 60)
    board(TaskEvent("succeeded", "a"))
    board.remind(now + 60)
    board.remind(now + 90)
    assert [line[10:] for line in capsys.readouterr().err.splitlines()[4:]] == [
        "b  cannot run yet, and nothing else runs; Ctrl-C ends the run"
    ]


def test_a_failed_task_is_told_with_the_end_of_its_log_and_the_likely_cause(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "load.1.log"
    log.write_text("::group::x\nloading\nsh: 1: jq: not found\n")
    error = "AirflowException: Bash command failed. The command returned a non-zero exit code 127."
    event = TaskEvent("failed", "load", seconds=1.0, log=str(log), error=error)
    code = run.report(RunOutcome("orders", "r1", "failed", 2.0, (event,), tmp_path), "table")
    captured = capsys.readouterr()
    assert (code, captured.out) == (1, "")
    assert captured.err == (
        "\n"
        "✗ task 'load' failed\n"
        "    loading\n"
        "    sh: 1: jq: not found\n"
        f"  {error}\n"
        "  likely cause: the command 'jq' was not found\n"
        "  what helps:   install it on the host of the worker, or write its whole path\n"
        f"  its whole log: {log}\n"
        "\n"
        f"'orders' failed after 2.0s; logs in {tmp_path}\n"
    )


def test_the_outcome_as_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    event = TaskEvent("succeeded", "load", seconds=1.25, log="load.1.log")
    assert run.report(RunOutcome("orders", "r1", "success", 2.0, (event,), tmp_path), "json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "dag_id": "orders",
        "run_id": "r1",
        "state": "success",
        "seconds": 2.0,
        "logs": str(tmp_path),
        "tasks": [
            {"task": "load", "state": "success", "seconds": 1.25, "attempt": 1, "error": None, "log": "load.1.log"}
        ],
    }


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["pipelines/hallo.yaml"], 1, "error: no such file: pipelines/hallo.yaml\nhint: did you mean 'hello.yaml'?\n"),
        (["pipelines/two.yaml"], 2, "error: pipelines/two.yaml has 2 jobs\nhint: choose one with --job: eu, us\n"),
        (
            ["pipelines/two.yaml", "--job", "uk"],
            2,
            "error: pipelines/two.yaml has no job 'uk'\nhint: it has eu, us\n",
        ),
        (
            ["pipelines/future.yaml", "--date", "2026-03-01"],
            1,
            "error: no task of 'x' takes part in a run of 2026-03-01: the start_date is 2050-01-01\n"
            "hint: --date 2050-01-01 runs it as of that day\n",
        ),
        (
            ["pipelines/past.yaml", "--date", "2026-03-01T10:00"],
            1,
            "error: no task of 'x' takes part in a run of 2026-03-01T10:00+00:00: the end_date is 2026-02-01\n"
            "hint: --date 2026-02-01 runs it as of that day\n",
        ),
        (["pipelines/bad.yaml"], 1, "pipelines/bad.yaml:2:25: tasks.a.needs[0]: there is no task 'b' [AF120]\n"),
    ],
)
def test_what_cannot_be_run_is_told_before_anything_runs(
    argv: list[str], code: int, said: str, project: Project, airfleet: Airfleet
) -> None:
    folder = project.root / "pipelines"
    (folder / "hello.yaml").write_text("dag_id: hello\ntasks: [{id: a}]\n")
    (folder / "two.yaml").write_text("dag_id: ${{ job.name }}\njobs: [{name: eu}, {name: us}]\ntasks: [{id: a}]\n")
    (folder / "future.yaml").write_text("dag_id: x\nstart_date: 2050-01-01\ntasks: [{id: a}]\n")
    (folder / "past.yaml").write_text(
        "dag_id: x\nend_date: 2027-01-01\ntasks: [{id: a, end_date: 2026-02-01}, {id: b, end_date: 2026-01-31}]\n"
    )
    (folder / "bad.yaml").write_text("dag_id: x\ntasks: [{id: a, needs: [b]}]\n")
    result = airfleet("run", *argv)
    assert (result.code, result.out, result.err) == (code, "", said)


def test_the_pipeline_of_a_new_project_runs_to_its_end(tmp_path: Path, airfleet: Airfleet) -> None:
    airfleet("init", tmp_path / "shop")
    done = subprocess.run(
        [sys.executable, "-m", "airfleet.cli", "run", "pipelines/hello.yaml", "-o", "json"],
        cwd=tmp_path / "shop",
        env={**os.environ, "CI": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert [(task["task"], task["state"]) for task in outcome["tasks"]] == [
        ("look", "success"),
        ("greet", "success"),
        ("say", "success"),
    ]
    said = Path(outcome["tasks"][-1]["log"]).read_text()
    assert re.search(r"Good (morning|day), world! for \d{4}-\d\d-\d\d", said)
