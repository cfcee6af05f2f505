"""Whether a schedule is one that Airflow understands, and if not, which part of it is wrong."""

from __future__ import annotations

import contextlib
import re
from calendar import monthrange
from collections.abc import Iterator
from typing import Final

from airfleet.database_columns import TEXTS
from airfleet.errors import did_you_mean

PRESETS: Final = {
    "@once": "one run, as soon as it can be",
    "@continuous": "a new run as soon as the last one ends",
    "@hourly": "at minute 0 of every hour",
    "@daily": "at midnight",
    "@weekly": "at midnight on Sunday",
    "@monthly": "at midnight on the first of the month",
    "@quarterly": "at midnight on the first day of January, April, July and October",
    "@yearly": "at midnight on the first of January",
}

_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec"
_DAYS: Final = "sun mon tue wed thu fri sat"
_FIELDS: Final[tuple[tuple[str, int, int, tuple[str, ...], int], ...]] = (
    # name, least, most, words, the number of the first word
    ("minute", 0, 59, (), 0),
    ("hour", 0, 23, (), 0),
    ("day of the month", 1, 31, (), 0),
    ("month", 1, 12, tuple(_MONTHS.split()), 1),
    ("day of the week", 0, 7, tuple(_DAYS.split()), 0),
)
_SIMPLE = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d+))?\Z", re.ASCII)


def problem_of(schedule: str) -> tuple[str, str | None] | None:
    """What is wrong with a cron expression or preset as (sentence, hint), or None.

    >>> problem_of("0 25 * * *")
    ("the hour '25' is not between 0 and 23", None)
    """
    text = schedule.strip()
    if text.startswith("@"):
        return _preset_problem(text)
    fields = text.split()
    if len(fields) != 5:
        return _not_five(text, fields)
    simple = True
    for field, (name, least, most, words, first) in zip(fields, _FIELDS, strict=True):
        for part in field.split(","):
            match = _SIMPLE.match(part)
            if match is None:
                simple = False
                continue
            if wrong := _part_problem(part, match, name, least, most, words, first):
                return wrong, None
    if not simple:
        return _asked_croniter(text)
    return _never(fields)


def _preset_problem(text: str) -> tuple[str, str | None] | None:
    if text in PRESETS:
        return None
    return f"there is no preset '{text}'", did_you_mean(text, PRESETS) or "one of " + ", ".join(PRESETS)


def _not_five(text: str, fields: list[str]) -> tuple[str, str | None]:
    hint = "minute, hour, day of the month, month and day of the week, as in '30 6 * * *'; or a preset such as '@daily'"
    if not fields:
        return "the schedule is empty", "write null for a Dag that is only run by hand"
    if preset := did_you_mean(f"@{text}", PRESETS):
        return f"'{text}' is neither a cron expression nor a preset", preset
    return f"a cron expression has 5 fields, but '{text}' has {len(fields)}", hint


def _part_problem(
    part: str, match: re.Match[str], name: str, least: int, most: int, words: tuple[str, ...], first: int
) -> str | None:
    step = match[3]
    if step is not None and int(step) == 0:
        return f"the step of the {name} in '{part}' is 0"
    for end in (match[1], match[2]):
        if end is None or end.lower() in words:
            continue
        if not end.isdigit():
            # letters that only croniter knows: L for last
            return (
                None if end.upper() in ("L", "H", "R") or "l" in end.lower() else f"the {name} '{end}' is not a number"
            )
        if not least <= int(end) <= most:
            return f"the {name} '{end}' is not between {least} and {most}"
    return None


def _asked_croniter(text: str) -> tuple[str, str | None] | None:
    """For the rare forms (``L``, ``5#2``, ``?``): what Airflow itself asks. Imported late, for it is slow to import."""
    from croniter import CroniterError, croniter  # type: ignore[import-untyped]

    try:
        croniter.expand(text)
    except (CroniterError, ValueError, KeyError, TypeError) as error:
        return f"'{text}' is not a cron expression: {error}", None
    return None


def _never(fields: list[str]) -> tuple[str, str | None] | None:
    """Days that no month has: the scheduler would look for the next run for ever."""
    _, _, days, months, weekdays = fields
    if "*" in (days, months) or weekdays != "*" or not re.fullmatch(r"[\d,]+", days):
        return None
    numbers = [_MONTHS.split().index(month) + 1 if month in _MONTHS else month for month in months.lower().split(",")]
    if not all(str(number).isdigit() for number in numbers):
        return None
    if any(int(day) <= monthrange(2024, int(month))[1] for day in days.split(",") for month in numbers):
        return None
    return f"there is no day {days} in month {months}, so it would never run", None


#: Airflow describes a schedule in words, and keeps that in a column
_LONGEST_DESCRIPTION: Final = TEXTS["dag.timetable_description"]
#: no shorter expression has a description that comes near to it
_MAY_BE_LONG: Final = 60


def too_long_to_describe(schedule: str) -> str | None:
    """The end of a sentence about a cron expression whose description the database would not take, or None."""
    text = schedule.strip()
    if len(text) <= _MAY_BE_LONG or problem_of(text):
        return None
    length = sum(len(part) for part in _descriptions(text.split()))
    if _LONGEST_DESCRIPTION is None or length <= _LONGEST_DESCRIPTION:
        return None
    return f"is too long: its description in words has {length} characters; the database takes {_LONGEST_DESCRIPTION}"


def _descriptions(fields: list[str]) -> Iterator[str]:
    """As Airflow has it: with both kinds of days, one for each, and a word between them."""
    from cron_descriptor import (  # type: ignore[import-untyped]
        CasingTypeEnum,
        ExpressionDescriptor,
        FormatException,
        MissingFieldException,
    )

    minute, hour, day, month, weekday = fields
    both = day != "*" and weekday != "*"
    for written in ([minute, hour, day, month, "*"], [minute, hour, "*", month, weekday]) if both else (fields,):
        options = {"casing_type": CasingTypeEnum.Sentence, "use_24hour_time_format": True}
        with contextlib.suppress(FormatException, MissingFieldException):
            yield ExpressionDescriptor(" ".join(written), **options).get_description()
    yield " (or) " if both else ""
