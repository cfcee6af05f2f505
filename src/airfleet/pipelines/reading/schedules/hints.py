"""Schedules as people bring them from Airflow in Python and from other formats, and what to write instead."""

from __future__ import annotations

from typing import Final

from airfleet.pipelines.language.cron import INTERVAL

_UNITS: Final = {"weeks": "w", "days": "d", "hours": "h", "minutes": "m", "seconds": "s"}
_CALENDAR: Final = {"years": "Y", "months": "M"}
#: keys below which other formats have assets
_ASSETS: Final = ("assets", "datasets", "and", "or", "__and__", "__or__")

_AT_ASSETS: Final = "assets of a schedule stand at 'assets'"


def of_mapping(written: dict[str, object]) -> tuple[str, str] | None:
    """Describe a mapping that says no schedule here, as (sentence, hint): a length of time, or assets."""
    if written and written.keys() <= _UNITS.keys() | _CALENDAR.keys():
        return "a length is written 'every'", f"write {INTERVAL.format(_length(written))}"
    if uris := _uris(written):
        return _AT_ASSETS, _assets(uris, written.get("timetable") is not None)
    if "datasets" in written:
        return _AT_ASSETS, "write schedule: {any: [{all: [a, b]}, c]} for (a & b) | c"
    if "timetable" in written:
        return "a timetable is written 'uses'", "write schedule: {uses: import path of the class, with: {…}}"
    return None


def of_list(written: list[object]) -> tuple[str, str] | None:
    """Describe a list that holds assets, as (sentence, hint); None for every other list."""
    uris = [uri for item in written for uri in _uris(item)]
    if not uris and not any(isinstance(item, dict) for item in written):
        return None
    crons = [item for item in written if isinstance(item, str) and _is_cron(item)]
    if crons:
        return "mixes cron expressions and assets", _assets(uris, times=True)
    return _AT_ASSETS, _assets(uris, times=False)


def _is_cron(item: str) -> bool:
    return item.startswith("@") or len(item.split()) >= 5


def _length(written: dict[str, object]) -> str:
    """Write a length as one of ours: ISO 8601 if it has months or years."""
    short = "".join(f"{written[unit]}{sign}" for unit, sign in _UNITS.items() if unit in written)
    if not written.keys() & _CALENDAR.keys():
        return short
    months = "".join(f"{written[unit]}{sign}" for unit, sign in _CALENDAR.items() if unit in written)
    days = f"{written['days']}D" if "days" in written else ""
    return f"P{months}{days}"


def _assets(uris: list[str], times: bool) -> str:
    shown = ", ".join(f"'{uri}'" for uri in uris[:3] or ["s3://lake/orders"]) + (", …" if len(uris) > 3 else "")
    return f"write schedule: {{assets: [{shown}]{', or: …' if times else ''}}}"


def _uris(written: object) -> list[str]:
    """Give the addresses of assets in what dag-factory and others take for a schedule."""
    if isinstance(written, str):
        return [written] if "://" in written else []
    if not isinstance(written, dict):
        return []
    if isinstance(uri := written.get("uri"), str):
        return [uri]
    inner = [item for key in _ASSETS for item in _items(written.get(key))]
    return [uri for item in inner for uri in _uris(item)]


def _items(written: object) -> list[object]:
    return written if isinstance(written, list) else []
