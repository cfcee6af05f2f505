"""Recovery of attempts that lost their processes: the task runs again and consumes no retry. [A]

An agent has seen that no process of theirs is left, and reported them (:mod:`airfleet.metadata.lost_attempts`). The
state of the task instance decides, in one transaction that holds its row::

    running, as reported     ──rerun──> no state, a new id: scheduled at once; one more try allowed, none consumed
                             ──fail───> its last sign of life is put back to 1970: Airflow fails it as it would have
    restarting (cleared)     ─────────> no state, a new id, all its retries, as Airflow does when the old attempt ends
    anything else            ─────────> nothing: its end was told after all

*fail* is taken when the fleet asks for it (``on_worker_lost: fail``), and when a task was lost :data:`MOST_RERUNS`
times within a day (it may be what kills its worker). An attempt that ended by itself, so that only its report is
missing, is no loss: the worker's result says so, and the executor reports that as Airflow's does.

The id changes, so whatever comes late under the old one, a message or a report, finds nobody (404). Several schedulers
share the work: a row that one of them holds is skipped by the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.configuration import conf
from airflow.models.log import Log
from airflow.models.taskinstance import TaskInstance
from airflow.utils.sqlalchemy import with_row_locks
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select, text
from sqlalchemy.orm import lazyload

from airfleet.metadata.lost_attempts import LostOutcome

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)

#: how often within a day a task is run again because its process was lost
MOST_RERUNS = 3
#: attempts looked at in one transaction
BATCH = 100
#: values of ``policies.on_worker_lost``
RERUN, FAIL = "rerun", "fail"

_WAITING = text("""
    SELECT number, ti_id, celery_id FROM airfleet_lost WHERE handled_at IS NULL
    ORDER BY number LIMIT :batch FOR UPDATE SKIP LOCKED
""")
_EARLIER = text("""
    SELECT count(*) FROM airfleet_lost
    WHERE (dag_id, run_id, task_id, map_index) = (:dag_id, :run_id, :task_id, :map_index)
    AND outcome = 'rerun' AND handled_at > now() - interval '1 day'
""")
_HANDLED = text("UPDATE airfleet_lost SET handled_at = clock_timestamp(), outcome = :outcome WHERE number = :number")

#: so long ago that any limit is exceeded
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
#: an entry of Airflow's audit log
RERUN_EVENT = "airfleet lost attempt"


def policy() -> str:
    """Return the fleet's policy, ``rerun`` or ``fail``."""
    return FAIL if conf.get("airfleet", "on_worker_lost", fallback=RERUN).strip().lower() == FAIL else RERUN


def decide(state: str | None, wanted: str, earlier_reruns: int, ended_by_itself: bool) -> LostOutcome:
    """Decide the outcome of an attempt that was reported lost, as the table keeps it.

    >>> print(decide("running", "rerun", 0, False), decide("running", "rerun", 3, False))
    rerun fail
    >>> print(decide("success", "rerun", 0, False), decide("running", "rerun", 0, ended_by_itself=True))
    over told
    """
    if state == TaskInstanceState.RESTARTING:
        return LostOutcome.CLEARED
    if state != TaskInstanceState.RUNNING:
        return LostOutcome.OVER
    if ended_by_itself:
        return LostOutcome.TOLD
    fails = wanted == FAIL or earlier_reruns >= MOST_RERUNS
    return LostOutcome.FAIL if fails else LostOutcome.RERUN


@dataclass(frozen=True)
class OrphanRecovery:
    """Acts for the scheduler with job ``job_id``.

    ``retries`` tells how many retries a task has by its Dag; ``ended`` which Celery ids have a result that says that
    the attempt ended by itself.
    """

    job_id: int
    retries: Callable[[TaskInstance, Session], int]
    ended: Callable[[Collection[str]], Collection[str]]

    def __call__(self, session: Session) -> Recovered:
        """Act on what was reported; the caller commits."""
        waiting = session.execute(_WAITING, {"batch": BATCH}).all()
        if not waiting:
            return Recovered()
        wanted, ended = policy(), set(self.ended([row.celery_id for row in waiting if row.celery_id]))
        done: dict[LostOutcome, int] = {}
        for row in waiting:
            outcome = self._handle(row, wanted, row.celery_id in ended, session)
            if outcome is not None:
                session.execute(_HANDLED, {"outcome": outcome.value, "number": row.number})
                done[outcome] = done.get(outcome, 0) + 1
        session.flush()
        left = len(waiting) == BATCH or len(waiting) > sum(done.values())
        return Recovered(reruns=done.get(LostOutcome.RERUN, 0), failed=done.get(LostOutcome.FAIL, 0), left=left)

    def _handle(self, row: Any, wanted: str, ended_by_itself: bool, session: Session) -> LostOutcome | None:
        """Act on one report and return its outcome; None when another scheduler holds the task instance."""
        exists = session.scalar(select(TaskInstance.id).where(TaskInstance.id == row.ti_id)) is not None
        query = select(TaskInstance).where(TaskInstance.id == row.ti_id).options(lazyload(TaskInstance.dag_run))
        ti = session.scalar(with_row_locks(query, of=TaskInstance, session=session, skip_locked=True))
        if ti is None:
            return None if exists else LostOutcome.OVER
        if (ti.external_executor_id or "") != row.celery_id:
            return LostOutcome.OVER
        key = {"dag_id": ti.dag_id, "run_id": ti.run_id, "task_id": ti.task_id, "map_index": ti.map_index}
        outcome = decide(ti.state, wanted, session.scalar(_EARLIER, key) or 0, ended_by_itself)
        if outcome is LostOutcome.FAIL:
            ti.last_heartbeat_at = LONG_AGO
            ti.queued_by_job_id = self.job_id
        elif outcome in (LostOutcome.RERUN, LostOutcome.CLEARED):
            self._run_again(ti, outcome, session)
        return outcome

    def _run_again(self, ti: TaskInstance, outcome: LostOutcome, session: Session) -> None:
        where = f"{ti.hostname} (pid {ti.pid})"
        log.warning("The process of %s on %s is gone; it runs again, no retry is consumed", ti, where)
        told = f"The process of try {ti.try_number} on {where} was lost; it runs again, no retry is consumed."
        session.add(Log(event=RERUN_EVENT, task_instance=ti.key, extra=told))
        tries = ti.max_tries + 1 if outcome is LostOutcome.RERUN else ti.try_number + self.retries(ti, session)
        ti.prepare_db_for_next_try(session)
        ti.max_tries = tries
        ti.state = None
        ti.queued_by_job_id = None
        ti.external_executor_id = None
        ti.clear_next_method_args()


@dataclass(frozen=True)
class Recovered:
    """Counts of attempts that run again, and that Airflow fails, and whether more may be reported."""

    reruns: int = 0
    failed: int = 0
    left: bool = False
