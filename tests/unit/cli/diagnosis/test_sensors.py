"""Sensors of a local run say what they wait for."""

from __future__ import annotations

import time

import pytest

from airfleet.cli.commands.pipelines import run
from airfleet.cli.diagnosis import sensors
from airfleet.cli.output import progress
from airfleet.pipelines.local.runner import TaskEvent
from airfleet.pipelines.reading import reader

WAITS = """\
dag_id: p
tasks:
  - {id: other, uses: external_task_sensor, with: {external_dag_id: orders, external_task_id: load}}
  - {id: file, uses: file_sensor, with: {filepath: /nothing, timeout: 90}}
  - {id: work, uses: bash, with: {bash_command: ls}}
  - {id: last}
"""


def test_it_is_said_once_what_a_sensor_waits_for_and_what_would_end_it(capsys: pytest.CaptureFixture[str]) -> None:
    (pipeline,) = reader.read(WAITS, "p.yaml").pipelines
    board = run.TaskBoard(
        progress.ChangeLines(), [task.id for task in pipeline.tasks], lambda task: sensors.waits_for(pipeline, task)
    )
    now = time.monotonic()
    for task in ("other", "file", "work"):
        board(TaskEvent("started", task))
    board.remind(now + 5)
    board(TaskEvent("started", "file"))  # it looks again
    board.remind(now + 15)
    board(TaskEvent("started", "file"))
    board.remind(now + 30)
    board(TaskEvent("succeeded", "file", seconds=31.0))
    board(TaskEvent("started", "file"))
    board.remind(now + 60)
    assert [line[10:] for line in capsys.readouterr().err.splitlines()[7:]] == [
        "other  waits for task 'load' of Dag 'orders', and no other Dag runs here, only on a fleet;"
        " it gives up after 7 days ('timeout' under its 'with'), Ctrl-C ends the run",
        "file   waits for what its FileSensor asks for;"
        " it gives up after 1m30s ('timeout' under its 'with'), Ctrl-C ends the run",
        "file   success after 31.0s",
        "file   running",
    ]
