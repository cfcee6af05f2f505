"""The contents of a pipeline file, as frozen values: no Airflow, no disk, no clock.

The reader makes these from YAML, the checks judge them, and :mod:`airfleet.pipelines.airflow.dag`
turns one :class:`Pipeline` into one Airflow Dag.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from airfleet.errors import Place


@dataclass(frozen=True)
class FileText:
    """``{$f: path}``: the text of a file beside the pipeline, read when the Dag is built."""

    path: str


@dataclass(frozen=True)
class JinjaText:
    """``{$t: text}``: Jinja, rendered when the task runs. ``{$t: {$f: path}}`` renders a file."""

    text: str | FileText


@dataclass(frozen=True)
class XCom:
    """``{$x: task}`` or ``{$x: {task: id, key: k}}``: the output of an upstream task."""

    task: str
    key: str = "return_value"


@dataclass(frozen=True)
class Const:
    """``{$const: value}``: the value itself, even when it looks like a marker."""

    value: object


Marker: TypeAlias = JinjaText | XCom | FileText | Const


@dataclass(frozen=True)
class NewObject:
    """``{$new: import.path, args: […], with: {…}}``: an object of a class, or what a function gives, made with the Dag.

    It holds values as a list and a mapping do; :meth:`parts` gives them.
    """

    path: str
    #: arguments by their place
    args: tuple[Value, ...] = ()
    #: ``with``: arguments by their names
    kwargs: Mapping[str, Value] = field(default_factory=dict)

    def parts(self, path: str) -> Iterator[tuple[str, Value]]:
        """Yield the arguments of an object that stands at ``path``, with their paths."""
        yield from ((f"{path}.args[{index}]", value) for index, value in enumerate(self.args))
        yield from ((f"{path}.with.{name}", value) for name, value in self.kwargs.items())


#: A literal as YAML gives it, a marker, an object to make, or a list (as tuple) or mapping of these.
Value: TypeAlias = (
    bool
    | int
    | float
    | str
    | dt.date
    | dt.datetime
    | dt.timedelta
    | Marker
    | NewObject
    | tuple["Value", ...]
    | Mapping[str, "Value"]
    | None
)


@dataclass(frozen=True)
class OperatorRef:
    """``uses: bash`` or an import path: ``path`` is always the full import path of a class."""

    path: str
    written: str


@dataclass(frozen=True)
class CallableRef:
    """``uses: module:function``: a plain Python function, run as a task."""

    module: str
    function: str

    @property
    def written(self) -> str:
        """The reference as a person writes it."""
        return f"{self.module}:{self.function}"


#: ``uses: null`` or no ``uses`` at all is None: an EmptyOperator.
Uses: TypeAlias = OperatorRef | CallableRef | None


@dataclass(frozen=True)
class Timetable:
    """``schedule: {uses: import path, with: {...}}``."""

    path: str
    args: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """One task. Templates (``extends``) and the pipeline's defaults are already merged in."""

    id: str
    #: the operator class, the Python callable, or None (EmptyOperator)
    uses: Uses
    #: ``with``: arguments of the operator, or keyword arguments of the callable
    args: Mapping[str, Value] = field(default_factory=dict)
    #: every other key: BaseOperator arguments (retries, queue, pool, ...), durations as timedelta
    options: Mapping[str, Value] = field(default_factory=dict)
    #: ``needs`` as written; upstream tasks named by ``$x`` come on top (see :attr:`upstream`)
    needs: tuple[str, ...] = ()
    #: path of the task in its document, e.g. ``tasks.load``
    path: str = ""

    @property
    def upstream(self) -> tuple[str, ...]:
        """Every task this one waits for, by ``needs`` and by ``$x``, in order, once."""
        return tuple(dict.fromkeys([*self.needs, *(x.task for x in xcoms(self.args))]))


@dataclass(frozen=True)
class Pipeline:
    """One Dag to build: a document, or one job of a document."""

    dag_id: str
    tasks: tuple[Task, ...]
    #: cron expression or preset, None, or a timetable
    schedule: str | Timetable | None = None
    #: every other top-level key: DAG arguments (start_date, catchup, tags, params, ...)
    options: Mapping[str, Value] = field(default_factory=dict)
    #: ``defaults``: arguments that every task has unless it says otherwise
    defaults: Mapping[str, Value] = field(default_factory=dict)
    #: the job this Dag was made for, or None
    job: str | None = None
    #: the file as it was given to the reader
    file: str = ""
    #: the place of every value, by its path in the document
    places: Mapping[str, Place] = field(default_factory=dict, repr=False, compare=False)

    def place(self, path: str) -> Place:
        """Give the place of ``path``, or of the nearest value around it that has one."""
        while path and path not in self.places:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.places.get(path, Place(self.file))

    def task(self, task_id: str) -> Task:
        """Give the task with this id. Raises KeyError when there is none."""
        for task in self.tasks:
            if task.id == task_id:
                return task
        raise KeyError(task_id)


def xcoms(value: Value) -> tuple[XCom, ...]:
    """Yield every ``$x`` inside ``value``, in reading order."""
    if isinstance(value, str):  # nearly all values; to ask for a mapping costs more
        return ()
    if isinstance(value, XCom):
        return (value,)
    if isinstance(value, Mapping):
        return tuple(x for item in value.values() for x in xcoms(item))
    if isinstance(value, tuple):
        return tuple(x for item in value for x in xcoms(item))
    if isinstance(value, NewObject):
        return (*xcoms(value.args), *xcoms(value.kwargs))
    return ()
