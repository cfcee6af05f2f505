"""Whether a schedule is one that Airflow understands, and if not, which part of it is wrong."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterator
from typing import Final, TypeAlias

from airfleet.errors import did_you_mean
from airfleet.metadata.column_sizes import TEXTS

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
#: name, least, most, words, the number of the first word
_Field: TypeAlias = tuple[str, int, int, tuple[str, ...], int]
_FIELDS: Final[tuple[_Field, ...]] = (
    ("minute", 0, 59, (), 0),
    ("hour", 0, 23, (), 0),
    ("day of the month", 1, 31, (), 0),
    ("month", 1, 12, tuple(_MONTHS.split()), 1),
    ("day of the week", 0, 7, tuple(_DAYS.split()), 0),
)
#: what Jenkins writes, and croniter's random times: Airflow would see another time at each look
_HASHED = re.compile(r"[HR](?:\([^)]*\))?(?:/\d+)?", re.IGNORECASE)
INTERVAL: Final = "schedule: {{every: {}}}"
IN_A_ZONE: Final = "timezone: {}"
_LOOKS_LIKE_A_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+|P(?=\d|T\d)[\dTDHMSW.]+", re.ASCII)
#: white space of Unicode, which a copied text often has, and which splits fields for Python and not for croniter
_ODD_SPACE = re.compile(r"[^\S \t\r\n\f\v]")
_TIME_OF_DAY = re.compile(r"(\d{1,2}):([0-5]\d)(?::00)?", re.ASCII)
_EVERY = re.compile(r"@every +(\S+)", re.ASCII)
_BY_HAND: Final = "write null for a Dag that is only run by hand"
#: other names for them, of cron and croniter, which Airflow does not have
_OTHER_PRESETS: Final = {"@midnight": "@daily", "@annually": "@yearly"}
_ZONED = re.compile(r"(?:CRON_)?TZ=(\S+) +(\S.*)", re.ASCII)
_SIMPLE = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d+))?\Z", re.ASCII)


def problem_of(schedule: str) -> tuple[str, str | None] | None:
    """Describe the fault of a cron expression or preset as (sentence, hint), or None.

    >>> problem_of("0 25 * * *")
    ("the hour '25' is not between 0 and 23", None)
    """
    text = schedule.strip()
    if text.startswith("@"):
        return _preset_problem(text) or _around_preset(schedule, text)
    if odd := _ODD_SPACE.search(text):
        name = unicodedata.name(odd[0], f"U+{ord(odd[0]):04X}").lower()
        return f"'{text}' has a space that is none to Airflow: {name}", "write plain spaces between the fields"
    fields = text.split()
    if len(fields) != 5:
        return _not_five(text, fields)
    simple = True
    for field, (name, least, most, words, _) in zip(fields, _FIELDS, strict=True):
        for part in field.split(","):
            if _HASHED.fullmatch(part):
                return f"the {name} '{part}' is neither a number nor a range", "Airflow has no hashed or random times"
            match = _SIMPLE.match(part)
            if match is None or any(end and _may_be_last(end, words) for end in match.groups()[:2]):
                simple = False
                continue
            if wrong := _part_problem(part, match, name, least, most, words):
                return wrong
    return _never(text, fields) if simple else _asked_croniter(text)


def _may_be_last(end: str, words: tuple[str, ...]) -> bool:
    """Tell whether this is one of the rare forms with ``L`` for the last day."""
    return not end.isdigit() and "l" in end.lower() and end.lower() not in words


def _preset_problem(text: str) -> tuple[str, str | None] | None:
    if text in PRESETS:
        return None
    if (every := _EVERY.fullmatch(text)) and _LOOKS_LIKE_A_DURATION.fullmatch(every[1]):
        return f"there is no preset '{text}'", f"write {INTERVAL.format(every[1])}"
    meant = _OTHER_PRESETS.get(text.lower())
    hint = f"write '{meant}'" if meant else did_you_mean(text, PRESETS)
    return f"there is no preset '{text}'", hint or "one of " + ", ".join(PRESETS)


def _around_preset(schedule: str, text: str) -> tuple[str, str | None] | None:
    """Strip spaces as Airflow does: around five fields, and not around a preset."""
    return None if schedule == text else (f"there is a space beside the preset '{text}'", f"write '{text}'")


def _not_five(text: str, fields: list[str]) -> tuple[str, str | None]:
    hint = "minute, hour, day of the month, month and day of the week, as in '30 6 * * *'; or a preset such as '@daily'"
    if not fields:
        return "the schedule is empty", _BY_HAND
    if text.lower() in ("none", "null", "never", "manual"):
        return f"'{text}' is text, not null", _BY_HAND
    if (time := _TIME_OF_DAY.fullmatch(text)) and int(time[1]) < 24:
        return f"'{text}' is a time of the day, not a cron expression", f"write '{int(time[2])} {int(time[1])} * * *'"
    if _LOOKS_LIKE_A_DURATION.fullmatch(text):
        return f"'{text}' is a duration, not a cron expression", f"write {INTERVAL.format(text)}"
    if "://" in text:
        hint = f"for a run after an asset has changed, write schedule: {{assets: ['{text}']}}"
        return f"'{text}' is not a cron expression", hint
    if zoned := _ZONED.fullmatch(text):
        hint = f"write schedule: 'CRON_TZ={zoned[1]} {zoned[2]}'"
        return "a cron expression cannot name its time zone so", hint
    if preset := did_you_mean(f"@{text}", PRESETS):
        return f"'{text}' is neither a cron expression nor a preset", preset
    return f"a cron expression has 5 fields, but '{text}' has {len(fields)}", hint


def _part_problem(
    part: str, match: re.Match[str], name: str, least: int, most: int, words: tuple[str, ...]
) -> tuple[str, str | None] | None:
    for end in (match[1], match[2]):
        if end is None or end.lower() in words:
            continue
        if not end.isdigit():
            short = end[:3].lower()
            return f"the {name} '{end}' is not a number", f"write {short}" if short in words else None
        if not least <= _whole(end) <= most:
            return f"the {name} '{end}' is not between {least} and {most}", None
    step = _whole(match[3] or "1")
    if step == 0:
        return f"the step of the {name} in '{part}' is 0", None
    values = most - least + 1
    if step > values:
        unit = {"minute": "m", "hour": "h"}.get(name)
        hint = f"for every {step}{unit}, write {INTERVAL.format(f'{step}{unit}')}" if unit else None
        return f"the step of the {name} in '{part}' is {step}, but there are only {values}", hint
    return None


def doubts(schedule: str) -> Iterator[tuple[str, str | None]]:
    """Say where a valid cron expression differs from the look of its steps, as (sentence, hint).

    >>> [sentence for sentence, _ in doubts("*/45 10-12/8 * * *")]
    ["'*/45' begins anew every hour: its last step is 15 minutes", "'10-12/8' is the hour 10 alone"]
    """
    fields = schedule.split()
    if schedule.startswith("@") or len(fields) != len(_FIELDS) or problem_of(schedule):
        return
    for field, (name, _, most, words, first) in zip(fields, _FIELDS, strict=True):
        for part in field.split(","):
            match = _SIMPLE.match(part)
            if match is None or match[3] is None:
                continue
            step, (low, high) = int(match[3]), match.groups()[:2]
            if low is None and name in _PERIODS and (rest := (most + 1) % step):
                yield _anew(part, name, step, rest)
            elif low and high and step > _number(high, words, first) - _number(low, words, first) > 0:
                yield f"'{part}' is the {name} {low} alone", None


#: what a field begins anew in, and the unit of a duration
_PERIODS: Final = {"minute": ("every hour", "m"), "hour": ("every day", "h")}


def _anew(part: str, name: str, step: int, rest: int) -> tuple[str, str]:
    period, unit = _PERIODS[name]
    last = f"{rest} {name}{'' if rest == 1 else 's'}"
    hint = f"for every {step}{unit}, write {INTERVAL.format(f'{step}{unit}')}"
    return f"'{part}' begins anew {period}: its last step is {last}", hint


def _number(end: str, words: tuple[str, ...], first: int) -> int:
    return words.index(end.lower()) + first if end.lower() in words else int(end)


def has_time_of_day(schedule: str) -> bool:
    """Tell whether a schedule names hours, which another time zone has at another moment."""
    fields = schedule.split()
    if schedule.startswith("@"):
        return schedule not in ("@once", "@continuous", "@hourly")
    return len(fields) == len(_FIELDS) and any(field != "*" for field in fields[1:])


def _whole(digits: str) -> int:
    """Give the number, or one that is too large for anything: Python reads no more than some thousand digits."""
    return int(digits) if len(digits) < 10 else 10**9


def _asked_croniter(text: str) -> tuple[str, str | None] | None:
    """Check the rare forms (``L``, ``5#2``, ``?``) as Airflow does. Imported late, because its import is slow."""
    from croniter import CroniterBadDateError, CroniterError, croniter  # type: ignore[import-untyped]

    try:
        croniter(text).get_next()
    except CroniterBadDateError:
        return f"there is no day that '{text}' means, so it would never run", None
    except (CroniterError, ValueError, KeyError, TypeError) as error:
        return f"'{text}' is not a cron expression: {error}", None
    return None


def _never(text: str, fields: list[str]) -> tuple[str, str | None] | None:
    """Days that no month has: the scheduler would look for the next run for ever."""
    _, _, days, months, weekdays = fields
    if days == "*" or weekdays != "*":
        return None
    day_numbers, month_numbers = _numbers(days, _FIELDS[2]), _numbers(months, _FIELDS[3])
    if day_numbers is None or month_numbers is None:
        return _asked_croniter(text)
    if any(day <= monthrange(_LEAP_YEAR, month)[1] for day in day_numbers for month in month_numbers):
        return None
    return f"there is no day {days} in month {months}, so it would never run", None


_LEAP_YEAR: Final = 2024


def _numbers(field: str, kind: _Field) -> set[int] | None:
    """Give the numbers that a field of simple parts means; None when a range goes backwards."""
    _, least, most, words, first = kind
    found: set[int] = set()
    for part in field.split(","):
        match = _SIMPLE.match(part)
        assert match is not None  # every part is a simple one
        low, high = (
            words.index(e.lower()) + first if e and e.lower() in words else e and int(e) for e in match.groups()[:2]
        )
        start = int(low) if low else least
        end = int(high) if high else most if match[3] or not low else start
        if end < start:
            return None
        found.update(range(start, end + 1, int(match[3] or 1)))
    return found


#: Airflow describes a schedule in words, and keeps that in a column
_LONGEST_DESCRIPTION: Final = TEXTS["dag.timetable_description"]
#: no shorter expression has a description that comes near to it
_MAY_BE_LONG: Final = 60


def too_long_to_describe(*schedules: str) -> str | None:
    """Give the end of a sentence about cron expressions whose description the database would not take, or None."""
    texts = [_AS_CRON.get(text.strip(), text.strip()) for text in schedules]
    if sum(map(len, texts)) + 9 * len(texts) <= _MAY_BE_LONG + 9 or any(map(problem_of, texts)):
        return None
    length = sum(len(part) for text in texts for part in _descriptions(text.split())) + len(", ") * (len(texts) - 1)
    if _LONGEST_DESCRIPTION is None or length <= _LONGEST_DESCRIPTION:
        return None
    return f"is too long: its description in words has {length} characters; the database takes {_LONGEST_DESCRIPTION}"


#: presets as Airflow reads and describes them
_AS_CRON: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
}


def _descriptions(fields: list[str]) -> Iterator[str]:
    """Describe an expression as Airflow does: with both kinds of days, one text for each, and a word between."""
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
