"""Deadlines: their references, intervals and callbacks, and whether Airflow can keep them."""

from __future__ import annotations

from typing import Final

from airfleet.metadata import column_limits
from airfleet.pipelines.analysis.constructors import Maker
from airfleet.pipelines.checks.check_context import Checking, markers_in, objects_in
from airfleet.pipelines.checks.limits import duration_misfit
from airfleet.pipelines.checks.named.callbacks import OF_A_DEADLINE, check_callback
from airfleet.pipelines.checks.named.objects import check_plain_objects
from airfleet.pipelines.language.spec import Callback, Deadline, JinjaText, NewObject, Value
from airfleet.problem_codes import Code

#: of the column ``deadline_alert.name``
MOST_OF_A_NAME: Final = 250


def check_deadlines(value: Value, path: str, checking: Checking) -> None:
    """Note every problem of a deadline, or of a list of them."""
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            check_deadlines(item, f"{path}[{index}]", checking)
    elif isinstance(value, NewObject):
        check_plain_objects(value, path, checking)
    elif isinstance(value, Deadline):
        _check_deadline(value, path, checking)


def _check_deadline(deadline: Deadline, path: str, checking: Checking) -> None:
    for name, part in (("reference", deadline.reference), ("interval", deadline.interval)):
        if isinstance(part, NewObject):
            check_plain_objects(part, f"{path}.{name}", checking)
        elif name == "interval" and (wrong := duration_misfit(deadline.interval)):
            checking.problem(f"{path}.interval", wrong, code=Code.DURATION)
    if deadline.name is not None and (wrong := _name_problem(deadline.name)):
        checking.problem(f"{path}.name", wrong, code=Code.DATABASE_LIMIT)
    if isinstance(deadline.callback, NewObject):
        check_plain_objects(deadline.callback, f"{path}.callback", checking)
        return
    check_callback(deadline.callback, f"{path}.callback", checking, OF_A_DEADLINE)
    if isinstance(deadline.callback, Callback):
        _check_kept(deadline.callback, f"{path}.callback", checking)


def _name_problem(name: str) -> str | None:
    if len(name) > MOST_OF_A_NAME:
        return f"is {len(name)} characters long; the database takes {MOST_OF_A_NAME}"
    return column_limits.unstorable(name)


def _check_kept(callback: Callback, path: str, checking: Checking) -> None:
    """Note arguments that Airflow cannot keep until the deadline, or does not render then."""
    for at, _made in objects_in(callback.args, f"{path}.with"):
        checking.problem(at, "an object cannot be kept until the deadline", "write plain values", Code.PYTHON_OBJECT)
    found = checking.installed.maker(f"{callback.uses.module}.{callback.uses.function}")
    if isinstance(found, Maker) and not found.is_class:
        for at, marker in markers_in(callback.args, f"{path}.with"):
            if isinstance(marker, JinjaText):
                sentence = "Airflow does not render the arguments of a deadline's function"
                checking.problem(at, sentence, "the function gets the context, or name a notifier", Code.MARKER_PLACE)
