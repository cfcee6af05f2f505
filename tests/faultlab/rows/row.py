"""A row of the fault matrix: one fault, the stopwatches that measure it, and the promise.

A *scale* shortens outages for a quick look; 1 is the matrix itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import LiteralString

import psycopg

from airfleet.drill import journal, killing
from airfleet.drill.records import NoteKind
from airfleet.drill.recovery_times import Stopwatch
from airfleet.drill.workload import ONE, RunRequest
from faultlab.experiment import Trial
from faultlab.faults.fault import Fault
from faultlab.systems.system import System
from faultlab.systems.topology import Topology

#: callbacks that have run when the dag-processor dies
CALLBACKS_BEFORE = 5


@dataclass(frozen=True)
class Promise:
    """The promise of one stopwatch, in seconds."""

    p95: float
    most: float


@dataclass(frozen=True)
class Row:
    """One fault of the matrix."""

    number: str
    #: makes the fault, with outages of the given share of their full time
    fault: Callable[[float], Fault]
    watches: Mapping[str, Stopwatch]
    #: by the name of the stopwatch
    promised: Mapping[str, Promise]
    #: the longest that stock Airflow takes by its timers, where it recovers at all
    stock: str
    before: Callable[[str], Sequence[RunRequest]] = lambda label: ()
    #: instead of these runs: the length of two tasks that outlast the fault at its full time
    through_seconds: float = 0.0
    moment: Callable[[System, str], bool] = lambda system, label: True
    topology: Topology = field(default_factory=Topology)
    overlap_seconds: float = 0.0
    #: whether no scheduler dies of it, so that none may be given up
    spares_schedulers: bool = False
    #: whether stock Airflow has no such part
    fleet_only: bool = False

    def trial(self, scale: float = 1.0, after_seconds: float = 0.0) -> Trial:
        """Make the row a trial of an experiment."""
        before = runs(ONE, 2, self.through_seconds * scale) if self.through_seconds else self.before
        return Trial(self.fault(scale), self.watches, after_seconds, before, self.moment, self.spares_schedulers)


def some_callbacks(system: System, label: str) -> bool:
    """Tell whether enough of the callbacks that were asked for have run."""
    notes = journal.read(system.witness_folder)
    told = {n.task for n in notes if n.event == NoteKind.CALLBACK and n.task.run_id.startswith(f"{label}-more-")}
    return len(told) >= CALLBACKS_BEFORE


def some_run(system: System, label: str) -> bool:
    """Tell whether one of the tasks that were asked for has begun."""
    return any(note.task.run_id.startswith(f"{label}-more-") for note in killing.running(system.witness_folder))


def in_state(state: str, count: int) -> Callable[[System, str], bool]:
    """Make a moment: so many task instances are in a state."""
    question: LiteralString = "SELECT count(*) FROM task_instance WHERE state = %s"
    return lambda system, label: counted(system, question, state) >= count


def counted(system: System, question: LiteralString, *values: str) -> int:
    """Count rows of the database by a question."""
    with closing(psycopg.connect(system.database_url, autocommit=True, connect_timeout=5)) as connection:
        row = connection.execute(question, values).fetchone()
    return int(row[0]) if row else 0


def runs(dag_id: str, count: int, seconds: float) -> Callable[[str], Sequence[RunRequest]]:
    """Make the runs of a Dag that are asked for before a fault."""
    return lambda label: [RunRequest(dag_id, f"{label}-more-{one}", {"seconds": seconds}) for one in range(count)]


def every_scheduler_has_tasks(system: System, label: str) -> bool:
    """Tell whether every scheduler looks after some task, so that the death of any leaves orphans."""
    return counted(system, _WITHOUT_TASKS) == 0


_WITHOUT_TASKS: LiteralString = """
SELECT count(*) FROM job WHERE job_type = 'SchedulerJob' AND state = 'running' AND NOT EXISTS (
    SELECT 1 FROM task_instance WHERE queued_by_job_id = job.id AND state IN ('queued', 'running'))
"""
