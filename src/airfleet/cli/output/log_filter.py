"""The end of a task's log as a person wants it: what the task said, not how Airflow got there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from airfleet.cli.output import airflow_messages

_ROUTINE = re.compile("|".join(map(re.escape, airflow_messages.ROUTINE)))
#: ``2026-01-31T06:00:00.1Z [info     ] reading        [shop.steps] loc=steps.py:12``
DECORATED = re.compile(r"\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)\S* \[(\w+) *\] (.*?) *\[[\w.]+\] loc=.*")
FRAME = re.compile(r'\s*File "([^"]+)", line \d+')
#: code between the user's function and the task: Airflow, other packages, and our own operator
FOREIGN = re.compile(r"site-packages|/airfleet/pipelines/|<template>|<frozen")


def is_routine(line: str) -> bool:
    """Tell whether the line says nothing about this task."""
    return _ROUTINE.search(line) is not None


def is_foreign(file: str) -> bool:
    """Tell whether code in ``file`` is none of the user's."""
    return FOREIGN.search(file) is not None


def telling(lines: Iterable[str], count: int) -> list[str]:
    """Return the last ``count`` lines that tell something: without routine and without other people's frames."""
    return _without_foreign_frames([_plain(line) for line in lines if not is_routine(line)])[-count:]


def _plain(line: str) -> str:
    """Write a line of Airflow's as time and message; any other line as it is."""
    match = DECORATED.match(line)
    if not match:
        return line
    at, level, said = match.groups()
    return f"{at} {said}" if level == "info" else f"{at} {level.upper()} {said}"


def _without_foreign_frames(lines: Sequence[str]) -> list[str]:
    kept: list[str] = []
    skipping: int | None = None
    for line in lines:
        frame = FRAME.match(line)
        indent = len(line) - len(line.lstrip())
        if frame:
            skipping = indent if is_foreign(frame[1]) else None
        elif skipping is not None and (indent <= skipping or not line.strip()):
            skipping = None  # the frame's source line and its carets are over
        if skipping is None:
            kept.append(line)
    return [line for line, following in zip(kept, [*kept[1:], ""], strict=False) if not _is_bare_head(line, following)]


def _is_bare_head(line: str, following: str) -> bool:
    """Tell whether a traceback's first line has lost all its frames."""
    return line.startswith("Traceback (most recent call last)") and FRAME.match(following) is None
