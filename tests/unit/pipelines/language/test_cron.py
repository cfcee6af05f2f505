"""Schedules that Airflow understands, and sentences for those it does not."""

from __future__ import annotations

import pytest
from croniter import croniter
from hypothesis import example, given, settings
from hypothesis import strategies as st

from airfleet.pipelines.language.cron import PRESETS, problem_of

FIVE = "minute, hour, day of the month, month and day of the week, as in '30 6 * * *'; or a preset such as '@daily'"

NO_HASH = "Airflow has no hashed or random times"
EVERY_90M = "write schedule: {every: 90m}"
IN_BERLIN = "write schedule: 'CRON_TZ=Europe/Berlin 0 6 * * *'"
BY_HAND = "write null for a Dag that is only run by hand"
PLAIN_SPACES = "write plain spaces between the fields"


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
        "*/60 * * * *",
        "0 */24 * * *",
        "0 0 30-31 1-2 *",
        "0 0 28-31/3 2 *",
        "0 0 30-1 2 *",
        "0 0 15 */12 *",
        "0 0 L 2 *",
        "0 0 30-31 2 thu",
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
        ("0 0 * * monday", "the day of the week 'monday' is not a number", "write mon"),
        ("0 0 1 january-march *", "the month 'january' is not a number", "write jan"),
        ("@daily ", "there is a space beside the preset '@daily'", "write '@daily'"),
        ("\n@once", "there is a space beside the preset '@once'", "write '@once'"),
        ("@midnight", "there is no preset '@midnight'", "write '@daily'"),
        ("@ANNUALLY", "there is no preset '@ANNUALLY'", "write '@yearly'"),
        ("@every 90m", "there is no preset '@every 90m'", EVERY_90M),
        ("@every day", "there is no preset '@every day'", "one of " + ", ".join(PRESETS)),
        ("None", "'None' is text, not null", BY_HAND),
        ("manual", "'manual' is text, not null", BY_HAND),
        ("6:05", "'6:05' is a time of the day, not a cron expression", "write '5 6 * * *'"),
        ("12:30:00", "'12:30:00' is a time of the day, not a cron expression", "write '30 12 * * *'"),
        ("25:00", "a cron expression has 5 fields, but '25:00' has 1", FIVE),
        ("x * * * *", "the minute 'x' is not a number", None),
        ("*/0 * * * *", "the step of the minute in '*/0' is 0", None),
        ("0 0 31 2 *", "there is no day 31 in month 2, so it would never run", None),
        ("0 0 30-31 2 *", "there is no day 30-31 in month 2, so it would never run", None),
        ("0 0 30/1 feb *", "there is no day 30/1 in month feb, so it would never run", None),
        ("0 0 31 2-4/2 *", "there is no day 31 in month 2-4/2, so it would never run", None),
        ("0 0 31 11,4-6/2 *", "there is no day 31 in month 11,4-6/2, so it would never run", None),
        ("0 0 30-31 FEB *", "there is no day 30-31 in month FEB, so it would never run", None),
        ("0 0 31 2 5#1", "there is no day that '0 0 31 2 5#1' means, so it would never run", None),
        ("H H * * *", "the minute 'H' is neither a number nor a range", NO_HASH),
        ("0 h(0-5)/2 * * *", "the hour 'h(0-5)/2' is neither a number nor a range", NO_HASH),
        ("0 0 * * R", "the day of the week 'R' is neither a number nor a range", NO_HASH),
        (
            "*/90 * * * *",
            "the step of the minute in '*/90' is 90, but there are only 60",
            f"for every 90m, {EVERY_90M}",
        ),
        ("0 0 */40 * *", "the step of the day of the month in '*/40' is 40, but there are only 31", None),
        (f"{'9' * 5000} * * * *", f"the minute '{'9' * 5000}' is not between 0 and 59", None),
        ("90m", "'90m' is a duration, not a cron expression", EVERY_90M),
        ("TZ=Europe/Berlin 0 6 * * *", "a cron expression cannot name its time zone so", IN_BERLIN),
        ("0 0 31 apr,jun *", "there is no day 31 in month apr,jun, so it would never run", None),
        ("0\xa06 * * *", "'0\xa06 * * *' has a space that is none to Airflow: no-break space", PLAIN_SPACES),
        ("0 6\u3000* * *", "'0 6\u3000* * *' has a space that is none to Airflow: ideographic space", PLAIN_SPACES),
        ("0\x1c6 * * *", "'0\x1c6 * * *' has a space that is none to Airflow: u+001c", PLAIN_SPACES),
    ],
)
def test_what_is_wrong_with_a_schedule(schedule: str, sentence: str, hint: str | None) -> None:
    assert problem_of(schedule) == (sentence, hint)


def test_rare_forms_are_left_to_croniter() -> None:
    found = problem_of("0 0 * * 5#9")
    assert found is not None
    assert found[0].startswith("'0 0 * * 5#9' is not a cron expression: ")


PIECES = st.one_of(
    st.integers(0, 61).map(str),
    st.sampled_from(
        ["*", "?", "L", "l", "jan", "FEB", "mon", "SUN", "L5", "5#2", "5#6", "1-5", "30-31", "22-2", "31-28"]
    ),
)
STEPPED = st.tuples(PIECES, st.sampled_from(["", "", "/1", "/2", "/31", "/60"])).map("".join)
FIELD = st.lists(STEPPED, min_size=1, max_size=2).map(",".join)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(st.just("*"), FIELD), min_size=5, max_size=5).map(" ".join))
@example("0 0 30-31 2 *")
def test_a_schedule_without_a_problem_is_one_that_comes(schedule: str) -> None:
    if problem_of(schedule) is None:
        croniter(schedule).get_next()  # raises for one that it does not read, and for one that never comes
