"""Dates of dag-factory: dates, texts, and lengths of time before today."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from typing import Final

from airfleet.pipelines.dialects.dag_factory import objects
from airfleet.pipelines.dialects.node_building import text
from airfleet.pipelines.dialects.translation import Translation
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node, Scalar

_BEFORE: Final = re.compile(r"\s*(?:\d+(?:\.\d+)?\s*(?:weeks?|days?|hours?|minutes?|seconds?)[\s,]*)+", re.ASCII)
_AMOUNT: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(week|day|hour|minute|second)", re.ASCII)
_WITH_SLASHES: Final = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})(.*)", re.ASCII | re.DOTALL)
_SHORT: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(.*)", re.ASCII | re.DOTALL)
_CALLS: Final = ("datetime.datetime", "datetime.date", "pendulum.datetime", "pendulum.date")


def date(node: Node, path: str, translation: Translation) -> Node:
    """Give a date as ours reads it; the reader says what is wrong with everything else."""
    if isinstance(node, Mapping):
        return _called(node)
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return node
    if (length := before_today(node.value)) is not None:
        return _relative(node, length, path, translation)
    found = _WITH_SLASHES.fullmatch(node.value.strip()) or _SHORT.fullmatch(node.value.strip())
    if found is None:
        return node
    year, month, day, rest = found.groups()
    return text(f"{year}-{month:0>2}-{day:0>2}{rest}", node.place)


def before_today(written: str) -> dt.timedelta | None:
    """Read ``2 days`` and ``1 days 2 hours``.

    >>> before_today("1 days 2 hours"), before_today("2025-01-01")
    (datetime.timedelta(days=1, seconds=7200), None)
    """
    if len(written) > 100 or not _BEFORE.fullmatch(written):
        return None
    try:
        return dt.timedelta(**{f"{unit}s": float(count) for count, unit in _AMOUNT.findall(written)})
    except OverflowError:
        return None


def _relative(node: Scalar, length: dt.timedelta, path: str, translation: Translation) -> Node:
    moment = dt.datetime.combine(translation.today, dt.time()) - length
    sentence = f"'{node.text}' is another date every day, which makes a new version of the Dag every day"
    hint = f"write a date that stays, such as {moment.date()}"
    translation.remark(node, path, sentence, hint, Code.MOVING_DATE)
    return text(moment.isoformat(), node.place)


def _called(node: Mapping) -> Node:
    """Give the date of ``datetime.datetime`` and ``pendulum.datetime`` with plain numbers."""
    if objects.type_of(node) not in _CALLS:
        return node
    by_place, by_name = objects.arguments_of(node)
    parts = dict(zip(("year", "month", "day", "hour", "minute", "second"), by_place, strict=False))
    parts.update((name, one) for name, (_, one) in by_name.items())
    zone = next((parts.pop(name) for name in ("tz", "tzinfo", "timezone") if name in parts), None)
    try:
        numbers = {name: int(one.text) for name, one in parts.items() if isinstance(one, Scalar)}
        made = dt.datetime(**numbers)  # type: ignore[arg-type]
        if isinstance(zone, Scalar) and zone.text != "UTC":
            made = made.replace(tzinfo=zoneinfo.ZoneInfo(zone.text))
    except (TypeError, ValueError, OverflowError, KeyError, OSError):
        return node
    return text(made.isoformat(), node.place)
