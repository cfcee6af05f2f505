"""The end of a task's log, with its exception and the frames of the user's code."""

from __future__ import annotations

from airfleet.cli.diagnosis import facts as evidence
from airfleet.cli.diagnosis.facts import Log
from support.task_logs import LOG


def test_the_end_of_a_structured_log() -> None:
    assert evidence.read_log(LOG) == Log(
        ("06:00:01 reading in.csv", "06:00:01 of today", "06:00:01 ERROR Task failed with exception"),
        "ModuleNotFoundError: No module named 'pandas'",
        ("/shop/shop/steps.py:12 in load",),
    )


def test_a_task_that_exits_says_its_code() -> None:
    entry = {"timestamp": "2026-11-25T21:38:46.25Z", "level": "error", "event": "Task exited", "exit_code": 2}
    assert evidence.read_log([entry]) == Log(("21:38:46 ERROR Task exited with code 2",))


def test_the_end_of_a_log_of_plain_lines() -> None:
    assert evidence.read_log(["one\ntwo", "three"]) == Log(("one", "two", "three"))
