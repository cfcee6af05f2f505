"""Schedules that Airflow understands, and sentences for those it does not."""

from __future__ import annotations

import pytest

from airfleet.pipelines.cron import PRESETS, problem_of

FIVE = "minute, hour, day of the month, month and day of the week, as in '30 6 * * *'; or a preset such as '@daily'"


@pytest.mark.parametrize(
    "schedule",
    [
        *PRESETS,
        "0 0 * * *",
        "*/5 * * * *",
        "5/15 8-18 * * mon-fri",
        "0 22-2 * * *",
        "0 0 1,15 JAN-MAR *",
        "0 0 * * 7",
        "0 0 L * *",
        "0 0 * * 5#2",
        "0 0 * * L5",
        "0 0 29 2 *",
        "0 0 30 2 1",
        "* * ? * *",
        "  0 0 * * *  ",
    ],
)
def test_a_good_schedule(schedule: str) -> None:
    assert problem_of(schedule) is None


@pytest.mark.parametrize(
    ("schedule", "sentence", "hint"),
    [
        ("@dialy", "there is no preset '@dialy'", "did you mean '@daily'?"),
        ("@zzz", "there is no preset '@zzz'", "one of " + ", ".join(PRESETS)),
        ("daily", "'daily' is neither a cron expression nor a preset", "did you mean '@daily'?"),
        ("", "the schedule is empty", "write null for a Dag that is only run by hand"),
        ("0 0 * *", "a cron expression has 5 fields, but '0 0 * *' has 4", FIVE),
        ("0 0 0 * * ?", "a cron expression has 5 fields, but '0 0 0 * * ?' has 6", FIVE),
        ("60 * * * *", "the minute '60' is not between 0 and 59", None),
        ("0 0-25 * * *", "the hour '25' is not between 0 and 23", None),
        ("0 0 0 * *", "the day of the month '0' is not between 1 and 31", None),
        ("0 0 * 1,13 *", "the month '13' is not between 1 and 12", None),
        ("0 0 * * 8", "the day of the week '8' is not between 0 and 7", None),
        ("0 0 * * monday", "the day of the week 'monday' is not a number", None),
        ("x * * * *", "the minute 'x' is not a number", None),
        ("*/0 * * * *", "the step of the minute in '*/0' is 0", None),
        ("0 0 31 2 *", "there is no day 31 in month 2, so it would never run", None),
        ("0 0 31 apr,jun *", "there is no day 31 in month apr,jun, so it would never run", None),
    ],
)
def test_what_is_wrong_with_a_schedule(schedule: str, sentence: str, hint: str | None) -> None:
    assert problem_of(schedule) == (sentence, hint)


def test_rare_forms_are_left_to_croniter() -> None:
    found = problem_of("0 0 * * 5#9")
    assert found is not None
    assert found[0].startswith("'0 0 * * 5#9' is not a cron expression: ")
