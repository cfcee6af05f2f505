"""Limits of Airflow's database, calendar and processes: values that would end a component, not a task.

Everything here is found by :func:`check_limits`, before a Dag is built; so ``check`` and the importer say the same.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping
from typing import Final

from airfleet.metadata import column_limits
from airfleet.pipelines.checks.check_context import Checking, markers_in
from airfleet.pipelines.language.spec import CallableRef, Const, Deadline, JinjaText, NewObject, Task, Value, XCom
from airfleet.pipelines.language.values import frozen
from airfleet.problem_codes import Code
from airfleet.yaml.durations import MOST_DURATION, parse_duration
from airfleet.yaml.problems import joined

#: keys of a pipeline, and the columns that they end in
DAG_COLUMNS: Final[dict[str, str]] = {
    "description": "dag.description",
    "dag_display_name": "dag.dag_display_name",
    "max_active_tasks": "dag.max_active_tasks",
    "max_active_runs": "dag.max_active_runs",
    "max_consecutive_failed_dag_runs": "dag.max_consecutive_failed_dag_runs",
    "tags": "dag_tag.name",
}
#: keys of a task or of ``defaults``
TASK_COLUMNS: Final[dict[str, str]] = {
    "retries": "task_instance.max_tries",
    "pool": "task_instance.pool",
    "pool_slots": "task_instance.pool_slots",
    "queue": "task_instance.queue",
    "executor": "task_instance.executor",
    "owner": "dag.owners",
    "run_as_user": "task_instance.unixname",
    "task_display_name": "task_instance.task_display_name",
}
#: names of what is looked for elsewhere: no queue and no pool has an empty one
_NEVER_EMPTY: Final = ("queue", "pool")
OUTSIDE_THE_CALENDAR: Final = "{} is outside the calendar in UTC, which has the years 1 to 9999"
#: AMQP's own limit for the name of a queue
_MOST_QUEUE_BYTES: Final = 255


def check_limits(checking: Checking) -> None:
    """Note every value that Airflow would take and its database or calendar would not."""
    pipeline = checking.pipeline
    _check_options("", pipeline.options, DAG_COLUMNS, checking)
    _check_options("defaults", pipeline.defaults, TASK_COLUMNS, checking)
    for task, own in checking.tasks_with_options:
        _check_options(task.path, own, TASK_COLUMNS, checking)
        _check_arguments(task, checking)
    _check_owner_links(checking)
    _check_owners(checking)


def _check_options(prefix: str, options: Mapping[str, Value], known: Mapping[str, str], checking: Checking) -> None:
    for name, value in options.items():
        path = joined(prefix, name)
        column = known.get(name)
        for at, item in leaves(value, path):
            if wrong := _misfit(item, column):
                checking.problem(at, wrong, code=_code(item))
        if name in _NEVER_EMPTY and value == "":
            checking.problem(path, "must not be empty", "leave it out for the usual one", Code.EMPTY_VALUE)
        if name == "queue" and isinstance(value, str) and (wrong := queue_misfit(value)):
            checking.problem(path, wrong, code=Code.DATABASE_LIMIT)


def _code(item: Value) -> Code:
    return Code.CALENDAR if isinstance(item, dt.timedelta) else Code.DATABASE_LIMIT


def _misfit(value: Value, column: str | None) -> str | None:
    if isinstance(value, dt.timedelta):
        return duration_misfit(value)
    if column is not None and isinstance(value, (str, int)):
        return column_limits.misfit(column, value)
    return column_limits.unstorable(value) if isinstance(value, str) else None


def duration_misfit(value: Value) -> str | None:
    """Say why a duration, however it is written, is none for Airflow's calendar; None when it is one."""
    if isinstance(value, str):
        value = parse_duration(value)
    if isinstance(value, (int, float)):
        try:
            value = dt.timedelta(seconds=value)
        except (OverflowError, ValueError):  # inf and nan, too
            return f"must be a duration such as 90s, 5m or 1h30m, not {value}"
    if not isinstance(value, dt.timedelta) or abs(value) <= MOST_DURATION:
        return None
    return f"is a duration of {value.days} days; Airflow can reckon with {MOST_DURATION.days} at most"


def queue_misfit(name: str) -> str | None:
    """Say why no broker has a queue of this name; None when one can."""
    length = len(name.encode(errors="surrogatepass"))
    if length <= _MOST_QUEUE_BYTES:
        return None
    return f"is {length} bytes long; the name of a queue has {_MOST_QUEUE_BYTES} at most"


def leaves(value: Value, path: str) -> Iterator[tuple[str, Value]]:
    """Give the plain values in ``value`` with their paths, and the keys of mappings with the path of their mapping."""
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield path, key
            yield from leaves(item, f"{path}.{key}")
    elif isinstance(value, (NewObject, Deadline)):
        for at, item in value.parts(path):
            yield from leaves(item, at)
    else:
        yield path, value


def _check_owner_links(checking: Checking) -> None:
    links = checking.pipeline.options.get("owner_links")
    for owner, link in links.items() if isinstance(links, Mapping) else ():
        path = f"owner_links.{owner}"
        if not isinstance(link, str):
            checking.problem(path, f"must be a link, not {link}", code=Code.LINK)
        elif wrong := column_limits.misfit("dag_owner_attributes.link", link):
            checking.problem(path, wrong, code=Code.DATABASE_LIMIT)
        if wrong := column_limits.misfit("dag_owner_attributes.owner", owner):
            checking.problem(path, f"the owner's name {wrong}", code=Code.DATABASE_LIMIT)


def _check_owners(checking: Checking) -> None:
    """Check the owners of all tasks of a Dag, which Airflow keeps in one column."""
    owners = {task.options.get("owner"): task for task in checking.pipeline.tasks}
    names = [name for name in owners if isinstance(name, str)]
    joined = ", ".join(names)
    if len(names) > 1 and (wrong := column_limits.misfit("dag.owners", joined)):
        checking.problem("tasks", f"the list of all owners {wrong}", code=Code.DATABASE_LIMIT)


# --- under `with`


def _check_arguments(task: Task, checking: Checking) -> None:
    """Check arguments that are rendered, and so stored with the Dag; others are the task's own affair."""
    rendered = {name for name, value in task.args.items() if _is_rendered(value)}
    if rendered and isinstance(task.uses, CallableRef):
        rendered = set(task.args)  # all arguments of a function are one field
    for name in rendered:
        _check_rendered(task.args[name], f"{task.path}.with.{name}", checking)


def _is_rendered(value: Value) -> bool:
    return any(isinstance(marker, (JinjaText, XCom)) for _, marker in markers_in(value, ""))


def _check_rendered(value: Value, path: str, checking: Checking) -> None:
    for at, item in leaves(value, path):
        if isinstance(item, Const):
            _check_rendered(frozen(item.value), at, checking)
            continue
        if isinstance(item, float) and not math.isfinite(item):
            hint = "write it as text, or let the function make it"
            sentence = f"is {item}, which Airflow cannot keep beside what it renders"
            checking.problem(at, sentence, hint, Code.UNSTORABLE)
        text = item.text if isinstance(item, JinjaText) else item
        if isinstance(text, str) and (wrong := column_limits.unstorable(text)):
            checking.problem(at, wrong, code=Code.UNSTORABLE)
        if isinstance(item, XCom) and (wrong := column_limits.misfit("xcom.key", item.key)):
            checking.problem(at, f"the key {wrong}", code=Code.DATABASE_LIMIT)
