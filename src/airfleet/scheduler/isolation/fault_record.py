"""Backoff for Dags and runs at which the scheduler failed, and the notes by which people see them.

A Dag rests when no run of it can be made or its stored form cannot be read: for one minute, then two, then five, or
until it changes. Meanwhile its file has an import error. A run at which the scheduler fails is tried again after one
second, two, four and eight; then the run has failed, and its note says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from airfleet.backoff import UNTIL_MENDED, Backoff, Steps
from airfleet.metadata import database_errors

#: tries of a run after its first, and the delays between
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
class FailedTries:
    """Tries of one Dag or run that failed, the last reason, and until when it rests."""

    tries: int
    why: str
    until: float


@dataclass
class FaultRecord:
    """Failed tries of Dags and runs; times are seconds of ``clock``."""

    clock: Callable[[], float]
    dags: dict[str, FailedTries] = field(default_factory=dict)
    runs: dict[int, FailedTries] = field(default_factory=dict)

    def dag_waits(self, dag_id: str) -> bool:
        """Tell whether this Dag rests."""
        return dag_id in self.dags and self.clock() < self.dags[dag_id].until

    def run_waits(self, run: int) -> bool:
        """Tell whether this run rests."""
        return run in self.runs and self.clock() < self.runs[run].until

    def dag_failed(self, dag_id: str, why: str) -> bool:
        """Count a failed try; tell whether its reason is new."""
        before = self.dags.get(dag_id)
        self.dags[dag_id] = self._next(before, why, UNTIL_MENDED)
        return before is None or before.why != why

    def run_failed(self, run: int, why: str) -> bool:
        """Count a failed try; tell whether it was the last one."""
        fault = self.runs[run] = self._next(self.runs.get(run), why, RUN_BACKOFF)
        return fault.tries > RUN_TRIES

    def changed(self, dag_id: str) -> None:
        """Have a changed Dag tried at once."""
        if dag_id in self.dags:
            self.dags[dag_id].until = 0.0

    def dag_is_well(self, dag_id: str) -> FailedTries | None:
        """Forget the failed tries of a Dag and return them."""
        return self.dags.pop(dag_id, None)

    def _next(self, before: FailedTries | None, why: str, delays: Backoff | Steps) -> FailedTries:
        tries = before.tries + 1 if before else 1
        return FailedTries(tries, why, self.clock() + delays.delay(tries))


def note_dag(session: Any, dag_id: str, why: str) -> None:
    """Give the file of a Dag an import error, or add to the one that it has."""
    for statement in (_ADD_TO_NOTE, _NOTE_DAG):
        session.execute(statement, {"dag_id": dag_id, "why": why})


def forget_dag(session: Any, why: str) -> None:
    """Remove an import error that says nothing else; the next look at the file makes it anew."""
    session.execute(_FORGET_DAG, {"why": why})


def end_run(session: Any, run: int, why: str) -> bool:
    """Fail a run and its tasks that have not begun; tell whether it was active. Running tasks go on to their end."""
    note = why if len(why) <= NOTE_CHARACTERS else why[:NOTE_CHARACTERS] + " ..."
    ended = bool(session.execute(_END_RUN, {"id": run}).rowcount)
    if ended:
        session.execute(_END_TASKS, {"id": run})
        session.execute(_NOTE_RUN, {"id": run, "note": database_errors.storable(note)})
    return ended
