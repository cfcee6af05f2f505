"""The contents of a pipeline file, as frozen values: no Airflow, no disk, no clock.

The reader makes these from YAML, the checks judge them, and :mod:`airfleet.pipelines.airflow.dag`
turns one :class:`Pipeline` into one Airflow Dag.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from airfleet.errors import Place


@dataclass(frozen=True)
class FileText:
    """``{$f: path}``: the text of a file of the project, read when the Dag is built."""

    path: str
    #: the file that says so, to which the path is relative
    said_in: str = field(default="", compare=False, repr=False)


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


@dataclass(frozen=True)
class GroupItem:
    """``{$item: name}``: the item of an argument by which the group around is repeated."""

    name: str


Marker: TypeAlias = JinjaText | XCom | FileText | Const | GroupItem


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


@dataclass(frozen=True)
class Callback:
    """``{uses: module:function, with: {…}}``: a function or a notifier's class that Airflow calls, and its arguments.

    A callback without arguments is the text ``module:function``.
    """

    uses: CallableRef
    args: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Deadline:
    """``{reference: …, interval: …, callback: …}``: what is called when a run is not done in time."""

    #: the name of one of Airflow's references, or an object that gives a moment
    reference: str | NewObject
    #: counted from the reference
    interval: dt.timedelta | NewObject
    #: ``module:function``, one with arguments, or an object of Airflow's
    callback: str | Callback | NewObject
    name: str | None = None

    def parts(self, path: str) -> Iterator[tuple[str, Value]]:
        """Yield what a deadline at ``path`` is made of, with the paths."""
        yield f"{path}.reference", self.reference
        yield f"{path}.interval", self.interval
        if isinstance(self.callback, Callback):
            yield from ((f"{path}.callback.with.{name}", value) for name, value in self.callback.args.items())
        elif isinstance(self.callback, NewObject):
            yield f"{path}.callback", self.callback


@dataclass(frozen=True)
class RetryRule:
    """One rule of a retry policy: an action after an error of one of these classes."""

    #: import paths of classes
    exceptions: tuple[str, ...]
    #: retry, fail or default
    action: str = "retry"
    retry_delay: dt.timedelta | None = None
    reason: str | None = None
    match_subclasses: bool = True


@dataclass(frozen=True)
class RetryPolicy:
    """``retry_policy: [{exception: …, action: …}]``: the first rule that fits an error counts."""

    rules: tuple[RetryRule | NewObject, ...]
    #: what happens after another error
    default: str = "default"
    #: where the rules stand below it: at itself, or at ``rules``
    below: str = ""

    def parts(self, path: str) -> Iterator[tuple[str, RetryRule | NewObject]]:
        """Yield the rules of a policy at ``path``, with their paths."""
        yield from ((f"{path}{self.below}[{index}]", rule) for index, rule in enumerate(self.rules))


@dataclass(frozen=True)
class Watcher:
    """An entry of an asset's ``watchers``: a trigger that says that the asset has changed."""

    name: str
    trigger: Value


@dataclass(frozen=True)
class Asset:
    """An asset; one that is written as a text has it as its name and its address, as in Airflow."""

    name: str
    uri: str
    group: str | None = None
    extra: Mapping[str, Value] = field(default_factory=dict)
    watchers: tuple[Watcher, ...] = ()
    #: whether it was written as a text
    is_short: bool = field(default=False, compare=False)
    path: str = field(default="", compare=False)


@dataclass(frozen=True)
class AssetAlias:
    """``{alias: name}``: assets that a task names when it runs."""

    name: str
    group: str | None = None
    path: str = field(default="", compare=False)


@dataclass(frozen=True)
class AssetReference:
    """``{ref: name or address}``: an asset that another Dag describes."""

    written: str
    path: str = field(default="", compare=False)


AssetLike: TypeAlias = Asset | AssetAlias | AssetReference


@dataclass(frozen=True)
class AssetCondition:
    """``all`` or ``any`` of assets and conditions."""

    of: tuple[AssetLike | AssetCondition, ...]
    is_any: bool = False


AssetExpression: TypeAlias = AssetLike | AssetCondition

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
    | Callback
    | Deadline
    | RetryPolicy
    | AssetLike
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


IsolationKind: TypeAlias = Literal["venv", "python", "docker", "kubernetes"]
RoleKind: TypeAlias = Literal["sensor", "branch", "short_circuit"]


@dataclass(frozen=True)
class Isolation:
    """``isolation``: the other Python, or the container, that a function runs in, with the operator's arguments."""

    kind: IsolationKind
    options: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Role:
    """``sensor``, ``branch`` or ``short_circuit``: what the answer of a function decides."""

    kind: RoleKind
    options: Mapping[str, Value] = field(default_factory=dict)


#: ``uses: null`` or no ``uses`` at all is None: an EmptyOperator.
Uses: TypeAlias = OperatorRef | CallableRef | None


# --- schedules


@dataclass(frozen=True)
class CalendarLength:
    """``P1Y2MT6H``: a length with years or months, which are longer or shorter than others."""

    years: int = 0
    months: int = 0
    rest: dt.timedelta = dt.timedelta()


Length: TypeAlias = dt.timedelta | CalendarLength


@dataclass(frozen=True)
class Partition:
    """``partition``: what makes the partition key of a run by a cron expression."""

    offset: int | None = None
    key_format: str | None = None


@dataclass(frozen=True)
class Crons:
    """One cron expression or several, with what is said beside them."""

    expressions: tuple[str, ...]
    #: of the expressions; None for that of the pipeline
    timezone: str | None = None
    #: true for the time between two runs, a length before the run, false for none; None as Airflow is set
    interval: bool | Length | None = None
    run_immediately: bool | dt.timedelta | None = None
    partition: Partition | None = None
    #: of the expressions, and of the time zone
    paths: tuple[str, ...] = field(default=(), compare=False)
    timezone_path: str = field(default="", compare=False)


@dataclass(frozen=True)
class Every:
    """``{every: 5m}``: a run after each such length."""

    length: Length


@dataclass(frozen=True)
class Events:
    """``{events: [...]}``: runs at these moments."""

    moments: tuple[dt.datetime, ...]
    restrict_to_events: bool = False
    description: str | None = None


@dataclass(frozen=True)
class Timetable:
    """``{uses: import path, with: {...}, args: [...]}``: any timetable."""

    path: str
    args: Mapping[str, Value] = field(default_factory=dict)
    #: ``args``: arguments without a name
    unnamed: tuple[Value, ...] = ()


#: A plain text is a cron expression or a preset, in the time zone of the pipeline.
TimeSchedule: TypeAlias = str | Crons | Every | Events | Timetable


@dataclass(frozen=True)
class AssetSchedule:
    """Runs after changes of assets; of ``or``, at times, too."""

    assets: AssetExpression
    or_time: TimeSchedule | None = None
    #: whether partition keys of the changes are taken over, or the object that maps them
    partition: bool | NewObject = False


Schedule: TypeAlias = TimeSchedule | AssetSchedule | None


class Repeat(enum.Enum):
    """How the values of an :class:`Expansion` make its repetitions."""

    #: every combination of the items
    PRODUCT = "expand"
    #: the first items, the second ones, and so on
    ZIP = "zip"
    #: each item is a mapping of arguments
    KWARGS = "expand_kwargs"


@dataclass(frozen=True)
class Expansion:
    """``expand`` and ``expand_kwargs``: a task or group that is repeated when it runs."""

    repeat: Repeat
    #: argument → a list, a mapping or an output; of KWARGS, the one value is at the empty name
    values: Mapping[str, Value]

    @property
    def sets(self) -> tuple[Mapping[str, Value], ...]:
        """The sets of arguments of KWARGS that are written; none when they are the output of a task."""
        found = self.values[""] if self.repeat is Repeat.KWARGS else ()
        return tuple(one for one in found if isinstance(one, Mapping)) if isinstance(found, tuple) else ()

    @property
    def names(self) -> tuple[str, ...]:
        """The arguments for which there are items, as far as they are written."""
        return tuple(dict.fromkeys(name for one in (self.sets or (self.values,)) for name in one if name))

    def may_give(self, argument: str) -> bool:
        """Tell whether there are items for an argument; sets of arguments that a task returns may have any."""
        return argument in self.names or (self.repeat is Repeat.KWARGS and not self.sets)


class Part(enum.Enum):
    """The part of a task in setup and teardown."""

    WORK = "work"
    SETUP = "setup"
    TEARDOWN = "teardown"


@dataclass(frozen=True)
class Group:
    """A group of tasks. The defaults of the group are in its tasks already."""

    #: with the ids of the groups around it that prefix it
    id: str
    #: as it is written
    name: str
    #: the id of the group around it; empty at the top
    parent: str = ""
    needs: tuple[str, ...] = ()
    #: whether the ids in it begin with its id
    prefix: bool = True
    #: tooltip, doc_md, ...
    options: Mapping[str, Value] = field(default_factory=dict)
    #: ``defaults`` as they are written at the group
    defaults: Mapping[str, Value] = field(default_factory=dict)
    expand: Expansion | None = None
    path: str = ""

    @property
    def upstream(self) -> tuple[str, ...]:
        """Every task and group this one waits for, by ``needs`` and by the outputs that repeat it, in order, once."""
        return tuple(dict.fromkeys([*self.needs, *self.outputs]))

    @property
    def outputs(self) -> tuple[str, ...]:
        """The tasks whose outputs repeat it."""
        values = self.expand.values.values() if self.expand else ()
        return tuple(x.task for value in values for x in xcoms(value))

    def id_of(self, name: str) -> str:
        """Give the whole id of an entry of the group."""
        return f"{self.id}.{name}" if self.prefix and self.id else name


@dataclass(frozen=True)
class Task:
    """One task. Templates (``extends``) and the pipeline's defaults are already merged in."""

    id: str
    #: the operator class, the Python callable, or None (EmptyOperator)
    uses: Uses
    #: ``with``: arguments of the operator, or keyword arguments of the callable
    args: Mapping[str, Value] = field(default_factory=dict)
    #: every other key: BaseOperator arguments (retries, queue, pool, ...), durations as timedelta; None is Airflow's
    #: own default in place of one of the pipeline
    options: Mapping[str, Value] = field(default_factory=dict)
    #: whole ids of the tasks and groups in ``needs``; tasks named by ``$x`` come on top (see :attr:`upstream`)
    needs: tuple[str, ...] = ()
    #: path of the task in its document, e.g. ``tasks.load``
    path: str = ""
    #: the id of its group; empty at the top
    group: str = ""
    expand: Expansion | None = None
    part: Part = Part.WORK
    #: of a teardown: its setups
    setups: tuple[str, ...] = ()
    #: of a teardown: whether its failure fails the run
    fails_run: bool = False
    #: of a function: where it runs, and what its answer decides
    isolation: Isolation | None = None
    role: Role | None = None

    @property
    def values(self) -> Iterator[tuple[str, Value]]:
        """Every argument that may hold markers, with its path below the task."""
        yield from ((f"with.{name}", value) for name, value in self.args.items())
        if self.expand is not None:
            yield from ((self.below_expand(name), value) for name, value in self.expand.values.items())
        if self.isolation is not None:
            yield from ((f"isolation.{name}", value) for name, value in self.isolation.options.items())

    def below_expand(self, name: str) -> str:
        """Give the path, below the task, of an argument by which it is repeated."""
        if self.expand is None or self.expand.repeat is Repeat.KWARGS:
            return "expand_kwargs"
        return f"expand.zip.{name}" if self.expand.repeat is Repeat.ZIP else f"expand.{name}"

    @property
    def upstream(self) -> tuple[str, ...]:
        """Every task and group this one waits for, by ``needs``, setups and ``$x``, in order, once."""
        outputs = (x.task for _, value in self.values for x in xcoms(value))
        return tuple(dict.fromkeys([*self.needs, *self.setups, *outputs]))


@dataclass(frozen=True)
class Pipeline:
    """One Dag to build: a document, or one job of a document."""

    dag_id: str
    tasks: tuple[Task, ...]
    groups: tuple[Group, ...] = ()
    #: None for runs by hand alone
    schedule: Schedule = None
    #: of cron expressions and dates that name none; None for Airflow's default time zone
    timezone: str | None = None
    #: the file of requirements of its Python in a release; None for that of the project
    python: FileText | None = None
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
