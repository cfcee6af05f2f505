"""The history of a fault injection, from two witnesses: the journal of the tasks, and the database (or the API).

All times are seconds of one monotonic clock, so records of one machine have one order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class NoteKind(StrEnum):
    """The kind of a line that a task writes into its journal."""

    START = "start"
    BEAT = "beat"
    END = "end"
    #: the task raised an error of its own
    RAISED = "raised"
    #: a callback of the task ran
    CALLBACK = "callback"


@dataclass(frozen=True, order=True)
class TaskKey:
    """A task of a run; all attempts at it share this key."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1

    def __str__(self) -> str:
        mapped = f"[{self.map_index}]" if self.map_index >= 0 else ""
        return f"{self.dag_id}/{self.run_id}/{self.task_id}{mapped}"

    @property
    def run(self) -> RunKey:
        """The run of the task."""
        return RunKey(self.dag_id, self.run_id)


@dataclass(frozen=True, order=True)
class RunKey:
    """A run of a Dag."""

    dag_id: str
    run_id: str

    def __str__(self) -> str:
        return f"{self.dag_id}/{self.run_id}"


@dataclass(frozen=True)
class Note:
    """One line of a task's journal, on disk before the task went on."""

    event: NoteKind
    task: TaskKey
    #: id of the task instance, a new one for each try
    attempt: str
    try_number: int
    host: str
    pid: int
    at: float


@dataclass(frozen=True)
class StateChange:
    """A state of a task instance that the database committed."""

    task: TaskKey
    attempt: str
    try_number: int
    state: str | None
    at: float
    #: the try after which the task fails for good; None where the witness did not say
    max_tries: int | None = None
    #: job id of the scheduler that looks after the task
    job: int | None = None


@dataclass(frozen=True)
class ApiAnswer:
    """One question to the API: asked at a moment, answered or not, after so many seconds."""

    at: float
    answered: bool
    took: float = 0.0


@dataclass(frozen=True)
class Injection:
    """One fault as it happened: when it began, when it was healed, and who may suffer from it."""

    name: str
    began: float
    ended: float
    #: ids of attempts that may suffer
    attempts: frozenset[str] = frozenset()
    #: whether no api-server is left meanwhile
    silences: bool = False
    #: whether no scheduler dies of it, so that none may be given up
    spares_schedulers: bool = False
    #: names of hosts on which every attempt may suffer
    hosts: frozenset[str] = frozenset()


@dataclass(frozen=True)
class History:
    """All that the witnesses have said so far."""

    notes: tuple[Note, ...]
    changes: tuple[StateChange, ...]
    #: each run that was asked for, with the tasks that have to end for it to succeed
    asked: Mapping[RunKey, frozenset[TaskKey]] = field(default_factory=dict)
    #: the state of each run in the database
    states: Mapping[RunKey, str] = field(default_factory=dict)
    injections: tuple[Injection, ...] = ()
    #: tasks whose outcome has to be told by a callback; a callback of a run belongs to its task without a name
    callbacks: frozenset[TaskKey] = frozenset()
    #: sentences: the help that a person would have had to give
    helped: tuple[str, ...] = ()
    answers: tuple[ApiAnswer, ...] = ()
    #: sentences: where a secret stood in clear
    leaks: tuple[str, ...] = ()
    #: every state of a run that was committed, in order
    run_states: tuple[tuple[RunKey, str], ...] = ()
    #: when a scheduler was recorded as ended or dead
    given_up: tuple[float, ...] = ()
    #: job id of each scheduler that has ended or is held for dead -> when that was recorded
    gone: Mapping[int, float] = field(default_factory=dict)
    #: for how many seconds the tasks of a run were asked to run, or to wait
    seconds: Mapping[RunKey, float] = field(default_factory=dict)
    #: when Airflow accepted each run
    accepted: Mapping[RunKey, float] = field(default_factory=dict)
    #: when the agent reported, after a fault, that every component is healthy
    healthy_at: float | None = None
    #: whether Airflow said what became of the runs
    is_known: bool = True
