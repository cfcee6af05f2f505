"""What a scheduler remembers of Dags and runs that it failed at, and where people see it.

A Dag of which no run can be made, or whose stored form cannot be read, is left alone for one minute, then two, then
five, and until news of it; its file has an import error meanwhile. A run at which the scheduler fails is tried again
after one second, two, four and eight; then the run has failed, and its note says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from airfleet.backoff import UNTIL_MENDED, Backoff, Steps
from airfleet.metadata import database_errors

#: how often a run is tried again, and the delays between
RUN_TRIES, RUN_BACKOFF = 4, Backoff(first=1.0, most=8.0)
#: characters of a note of a run
NOTE_CHARACTERS = 900

_ADD_TO_NOTE = text("""
UPDATE import_error e SET stacktrace = e.stacktrace || chr(10) || :why, timestamp = now() FROM dag
WHERE dag.dag_id = :dag_id AND e.filename = dag.relative_fileloc AND e.bundle_name = dag.bundle_name
AND position(:why IN e.stacktrace) = 0
""")
_NOTE_DAG = text("""
INSERT INTO import_error (timestamp, filename, bundle_name, stacktrace)
SELECT now(), relative_fileloc, bundle_name, :why FROM dag
WHERE dag_id = :dag_id AND relative_fileloc IS NOT NULL AND NOT EXISTS (
    SELECT FROM import_error e WHERE e.filename = dag.relative_fileloc AND e.bundle_name = dag.bundle_name
)
""")
_FORGET_DAG = text("DELETE FROM import_error WHERE stacktrace = :why")
_END_RUN = text("""
UPDATE dag_run SET state = 'failed', end_date = now(), updated_at = now()
WHERE id = :id AND state IN ('running', 'queued')
""")
_END_TASKS = text("""
UPDATE task_instance ti
SET state = CASE WHEN ti.state = 'up_for_retry' THEN 'failed' ELSE 'skipped' END,
    end_date = coalesce(ti.end_date, now()), updated_at = now()
FROM dag_run r
WHERE r.id = :id AND ti.dag_id = r.dag_id AND ti.run_id = r.run_id AND (ti.state IS NULL OR ti.state IN (
    'scheduled', 'up_for_retry', 'up_for_reschedule', 'deferred', 'awaiting_input'
))
""")
_NOTE_RUN = text("""
INSERT INTO dag_run_note (dag_run_id, content, created_at, updated_at) VALUES (:id, :note, now(), now())
ON CONFLICT (dag_run_id) DO UPDATE SET content = :note, updated_at = now()
""")


@dataclass
class Fault:
    """How often it happened, why, and until when nothing is tried."""

    tries: int
    why: str
    until: float


@dataclass
class Faults:
    """See the module. Times are seconds of ``clock``."""

    clock: Callable[[], float]
    dags: dict[str, Fault] = field(default_factory=dict)
    runs: dict[int, Fault] = field(default_factory=dict)

    def dag_waits(self, dag_id: str) -> bool:
        """Whether this Dag is left alone now."""
        return dag_id in self.dags and self.clock() < self.dags[dag_id].until

    def run_waits(self, run: int) -> bool:
        """Whether this run is left alone now."""
        return run in self.runs and self.clock() < self.runs[run].until

    def dag_failed(self, dag_id: str, why: str) -> bool:
        """Note it; whether that is new."""
        before = self.dags.get(dag_id)
        self.dags[dag_id] = self._next(before, why, UNTIL_MENDED)
        return before is None or before.why != why

    def run_failed(self, run: int, why: str) -> bool:
        """Note it; whether it was tried often enough."""
        fault = self.runs[run] = self._next(self.runs.get(run), why, RUN_BACKOFF)
        return fault.tries > RUN_TRIES

    def changed(self, dag_id: str) -> None:
        """There are news of a Dag: it is tried at once."""
        if dag_id in self.dags:
            self.dags[dag_id].until = 0.0

    def dag_is_well(self, dag_id: str) -> Fault | None:
        """Forget what was wrong; what that was."""
        return self.dags.pop(dag_id, None)

    def _next(self, before: Fault | None, why: str, delays: Backoff | Steps) -> Fault:
        tries = before.tries + 1 if before else 1
        return Fault(tries, why, self.clock() + delays.delay(tries))


def note_dag(session: Any, dag_id: str, why: str) -> None:
    """Make what is wrong with a Dag an import error of its file, or add it to the one that it has."""
    for statement in (_ADD_TO_NOTE, _NOTE_DAG):
        session.execute(statement, {"dag_id": dag_id, "why": why})


def forget_dag(session: Any, why: str) -> None:
    """Remove that import error, when it says nothing else; the next look at the file makes it anew."""
    session.execute(_FORGET_DAG, {"why": why})


def end_run(session: Any, run: int, why: str) -> bool:
    """Have a run failed, with what it has not begun; whether it was under way. What runs goes on to its end."""
    note = why if len(why) <= NOTE_CHARACTERS else why[:NOTE_CHARACTERS] + " ..."
    ended = bool(session.execute(_END_RUN, {"id": run}).rowcount)
    if ended:
        session.execute(_END_TASKS, {"id": run})
        session.execute(_NOTE_RUN, {"id": run, "note": database_errors.storable(note)})
    return ended
