"""A log is told without routine and without the frames of other people's code."""

from __future__ import annotations

from airfleet.cli.output import log_filter


def test_a_log_is_told_without_routine_and_other_peoples_frames() -> None:
    log = """\
::group::Pre task execution logs
Filling up the DagBag from /shop/pipelines/a.yaml
reading in.csv
Traceback (most recent call last):
  File "/venv/site-packages/airflow/sdk/task_runner.py", line 192, in wrapper
    return f(*args)
           ^^^^^^^^
  File "/shop/shop/steps.py", line 12, in load
    rows[3]
    ~~~~^^^
  File "/venv/site-packages/rows/core.py", line 1, in get
    raise IndexError
IndexError: list index out of range
::endgroup::"""
    assert log_filter.telling(log.splitlines(), 20) == [
        "reading in.csv",
        "Traceback (most recent call last):",
        '  File "/shop/shop/steps.py", line 12, in load',
        "    rows[3]",
        "    ~~~~^^^",
        "IndexError: list index out of range",
    ]
    assert log_filter.telling(log.splitlines(), 1) == ["IndexError: list index out of range"]


def test_airflows_own_log_lines_are_told_as_time_and_message() -> None:
    log = """\
2026-01-31T06:00:01.5Z [info     ] reading in.csv                 [shop.steps] loc=steps.py:12
printed by the task
2026-01-31T06:00:02.5Z [error    ] Task failed with exception     [task] loc=task_runner.py:1676
Traceback (most recent call last):
  File "/venv/site-packages/airflow/x.py", line 1, in run
    raise AirflowException(
airflow.sdk.exceptions.AirflowException: no"""
    assert log_filter.telling(log.splitlines(), 20) == [
        "06:00:01 reading in.csv",
        "printed by the task",
        "06:00:02 ERROR Task failed with exception",
        "airflow.sdk.exceptions.AirflowException: no",
    ]
