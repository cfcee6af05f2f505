"""What differs between two runs of one Dag on one Airflow, and so says nothing, becomes a word."""

from __future__ import annotations

import datetime as dt
import re
import socket
from collections.abc import Callable, Iterable
from typing import Any

#: a moment is now when its day is this near
NEAR_DAYS = 1

_TIME = r"[T _]?\d{2}[:-]?\d{2}[:-]?\d{2}(?:[.,]\d+)?(?: ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?"
_DATE = r"\b[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} [A-Z]+ \d{4}\b"  # as `date` writes it
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(_DATE), "<now>"),
    (re.compile(r"\b00-[0-9a-f]{32}-[0-9a-f]{16}-0\d\b"), "<trace>"),
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b0x[0-9a-f]+\b"), "<address>"),
    (re.compile(r"\b(?:127\.0\.0\.1|localhost|0\.0\.0\.0):\d{2,5}\b"), "<api>"),
    (re.compile(r"\b((?i:pid|process id|process|process group)['\"]?\s*[=:#]?\s*)\d+\b"), r"\1<pid>"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+\b"), "<token>"),
    (re.compile(r"\bunusual_prefix_[0-9a-f]{40}_"), "unusual_prefix_"),
    (re.compile(r"(?<=maximum recursion depth exceeded)[ \w]+"), ""),
    (re.compile(r"(?<=Skipped frames: )\d+"), "<many>"),
    # Of a trigger: how many were made before it.
    (re.compile(r"(?<=\(ID )\d+(?=\))"), "<number>"),
    (re.compile(r"(?<=when you look for ID )\w+"), "<id>"),
    # The class of the bundle that reads pipelines, too, is airfleet's own.
    (re.compile(r"\bbundle_instance=\w+\("), "bundle_instance=<bundle>("),
    (re.compile(r"\bpython3\.\d+\b"), "python3"),
    (re.compile(r"/tmp/(?:tmp|airflowtmp|venv|pytest)[\w.-]+"), "<tmp>"),
)
_LOG_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<=Inode: )\d+"), "<number>"),
    (re.compile(r"(?<=Temporary script location: ).*"), "<tmp>"),
    (re.compile(r"(?<![\w.])\d+\.\d{3,}\b"), "<number>"),
    (re.compile(r"\b\d{1,2}:\d{2}:\d{2}\b"), "<clock>"),
)


#: what is in no order but that of hashes, which are others in each process: a set of texts, a list made of one
_SET = re.compile(r"(?<=\{)'[^'{}]*'(?:, '[^'{}]*')+(?=\})")
_SKIPPED = re.compile(r"(?<=Skipping tasks \[)\('.*\)(?=\])")


class Normaliser:
    """Replaces in texts, and in texts inside of values, what belongs to one installation or moment."""

    def __init__(self, places: Iterable[tuple[str, str]], today: dt.date) -> None:
        host = re.escape(socket.gethostname())
        self._places = tuple(places)
        self._host = re.compile(rf"((?i:host_?name)['\"]?\s*[=:]\s*['\"]?){host}\b")
        began = dt.datetime.combine(today, dt.time(), dt.UTC) - dt.timedelta(NEAR_DAYS)
        #: the same days in seconds since the epoch
        self._began = began.timestamp()
        self._ended = (began + dt.timedelta(2 * NEAR_DAYS + 1)).timestamp()
        self._moments = _moments(today + dt.timedelta(days) for days in range(-NEAR_DAYS, NEAR_DAYS + 1))

    def text(self, text: str) -> str:
        """One text."""
        for path, word in self._places:
            text = text.replace(path, word)
        for pattern, word in (*self._moments, *_RULES):
            text = pattern.sub(word, text)
        return self._host.sub(r"\1<host>", text)

    def line(self, text: str) -> str:
        """A line of a log, where durations and clocks say nothing either."""
        text = self.text(text)
        for pattern, word in _LOG_RULES:
            text = pattern.sub(word, text)
        text = _SET.sub(lambda found: ", ".join(sorted(found[0].split(", "))), text)
        return _SKIPPED.sub(lambda found: "), ".join(sorted(found[0][:-1].split("), "))) + ")", text)

    def value(self, value: Any, of_text: Callable[[str], str] | None = None) -> Any:
        """A JSON value."""
        change = of_text or self.text
        if isinstance(value, str):
            return change(value)
        if isinstance(value, dict):
            return {change(str(key)): self.value(inner, change) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(inner, change) for inner in value]
        if isinstance(value, float) and self._began <= value < self._ended:
            return "<now>"
        return value


def _moments(days: Iterable[dt.date]) -> tuple[tuple[re.Pattern[str], str], ...]:
    near = list(days)
    written = "|".join(form for day in near for form in (day.isoformat(), day.strftime("%Y%m%d")))
    called = "|".join(rf"{day.year}, {day.month}, {day.day}" for day in near)
    return (
        (re.compile(rf"(?<!\d)(?:{written})(?:{_TIME})?(?!\d)"), "<now>"),
        (re.compile(rf"\b(?:datetime\.datetime|DateTime)\((?:{called})(?:, \d+)*"), "<now>("),
    )
