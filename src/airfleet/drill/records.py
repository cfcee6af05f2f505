"""What happened while something was broken on purpose, from two witnesses: the tasks themselves, and the database.

Times are seconds of one monotonic clock. What was read at one place of one machine can be put in order exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Event(StrEnum):
    """What a task writes down about itself."""

    START = "start"
    BEAT = "beat"
    END = "end"
    #: it raised an error of its own
    RAISED = "raised"
    #: a callback of the task ran
    CALLBACK = "callback"


@dataclass(frozen=True, order=True)
class Task:
    """A task of a run, whatever attempts there were at it."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1

    def __str__(self) -> str:
        mapped = f"[{self.map_index}]" if self.map_index >= 0 else ""
        return f"{self.dag_id}/{self.run_id}/{self.task_id}{mapped}"

    @property
    def run(self) -> Run:
        """The run it belongs to."""
        return Run(self.dag_id, self.run_id)


@dataclass(frozen=True, order=True)
class Run:
    """A run of a Dag."""

    dag_id: str
    run_id: str

    def __str__(self) -> str:
        return f"{self.dag_id}/{self.run_id}"


@dataclass(frozen=True)
class Note:
    """One line that a task wrote, on disk before the task went on."""

    event: Event
    task: Task
    #: the task instance's id, a new one for each try
    attempt: str
    try_number: int
    host: str
    pid: int
    at: float


@dataclass(frozen=True)
class Change:
    """A state of a task instance that the database committed."""

    task: Task
    attempt: str
    try_number: int
    state: str | None
    at: float
    #: the try after which it fails for good; None where the witness did not say
    max_tries: int | None = None
    #: the scheduler that looks after it, by the id of its job
    job: int | None = None


@dataclass(frozen=True)
class Answer:
    """Whether the API answered a question that was asked at a moment, and how many seconds that took."""

    at: float
    answered: bool
    took: float = 0.0


@dataclass(frozen=True)
class Fault:
    """Something that was broken, when, until when, and whose tasks may suffer from it: hosts, or single attempts."""

    name: str
    began: float
    ended: float
    hosts: frozenset[str] = frozenset()
    attempts: frozenset[str] = frozenset()
    #: whether nothing is left that could answer for the API
    silences: bool = False
    #: whether no scheduler dies of it, so that none may be given up
    spares_schedulers: bool = False


@dataclass(frozen=True)
class History:
    """All that is known of one experiment.

    ``asked``: each run that was asked for, with the tasks that have to end for it to succeed. ``states``: what the
    database says became of each run. ``callbacks``: tasks whose outcome has to be told by a callback; a run's own are
    those of its task without a name. ``helped``: what a person would have had to do to get things going again.
    ``answers``: what became of questions to the API. ``leaks``: where a secret stood in clear. ``run_states``: every
    state of a run that was committed, in order. ``given_up``: when a scheduler was recorded as ended or dead.
    """

    notes: tuple[Note, ...]
    changes: tuple[Change, ...]
    asked: dict[Run, frozenset[Task]]
    states: dict[Run, str]
    faults: tuple[Fault, ...] = ()
    callbacks: frozenset[Task] = frozenset()
    helped: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()
    leaks: tuple[str, ...] = ()
    run_states: tuple[tuple[Run, str], ...] = ()
    given_up: tuple[float, ...] = ()
