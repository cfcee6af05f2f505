"""Work that others have left: of dead schedulers, of lost attempts, of forgotten callbacks. [A]

A scheduler that has ended or is silent leaves queued tasks, which are adopted at once. Attempts that lost their
processes run again (:mod:`airfleet.scheduler.orphan_recovery`). Attempts and callbacks to which no scheduler sees are
found in the passes that do everything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from airflow.configuration import conf
from airflow.models.taskinstance import TaskInstance
from airflow.utils.net import get_hostname
from airflow.utils.session import create_session
from sqlalchemy import func, or_, select, text

from airfleet.metadata import api_availability
from airfleet.metadata.heartbeat_trigger import YOUNG_SECONDS
from airfleet.metadata.notifications import News
from airfleet.scheduler import callback_claims
from airfleet.scheduler.executor import FleetExecutor
from airfleet.scheduler.isolation.narrowed_queries import narrowed
from airfleet.scheduler.orphan_recovery import LONG_AGO, OrphanRecovery
from airfleet.scheduler.run_choice import RunChoice

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

#: until lost attempts are looked for without news, seconds; until one that another scheduler held is tried again; and
#: while news arrive
RECOVER_SECONDS, RECOVER_AGAIN_SECONDS, RECOVER_SELDOM_SECONDS = 5.0, 1.0, 30.0
#: a longer pause between two answers of the database is an outage, in which no scheduler could be heard, seconds
GAP_SECONDS = 8.0
#: between two adoptions of what a silent scheduler left, seconds
ADOPT_SECONDS = 5.0

#: attempts of one scheduler: queued, or taken by a worker
MINE = """
SELECT id FROM task_instance WHERE queued_by_job_id = %s AND state IN ('queued', 'running', 'restarting')
AND external_executor_id IS NOT NULL
"""
#: takes on attempts whose scheduler's job is not known any more
OWN = text("""
UPDATE task_instance SET queued_by_job_id = :job_id
WHERE state IN ('queued', 'running', 'restarting') AND external_executor_id IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM job WHERE job.id = queued_by_job_id)
""")


@dataclass
class Silence:
    """Tells whether another scheduler is silent, though it could have been heard. Times are monotonic seconds."""

    #: since when the database answered without a gap, and when it did last
    steady_since: float = float("-inf")
    answered_at: float = float("-inf")
    is_certain: bool = False

    def note(self, one_is_silent: bool, now: float) -> None:
        """Take note of an answer. After an outage, a scheduler gets the time to send a heartbeat again."""
        if now - self.answered_at > GAP_SECONDS:
            self.steady_since = now
        self.answered_at = now
        self.is_certain = one_is_silent and now - self.steady_since >= YOUNG_SECONDS


class LostWork(RunChoice):
    """Airflow's scheduler; it takes on the work that others have left."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._silence = Silence()
        self._adopted_at = float("-inf")
        self._recover_at = 0.0
        #: callbacks or tests of connections may wait for an executor
        self._others_wait = True

    def _look_after_the_lost(self, executor: FleetExecutor, news: News | None, now: float) -> None:
        """Adopt the tasks of a dead scheduler, and have attempts that lost their processes run again."""
        silent = self._silence.is_certain and now - self._adopted_at >= ADOPT_SECONDS
        if silent or (news is not None and (news.jobs or news.everything)):
            self._adopted_at, self._silence.is_certain = now, False
            self.adopt_or_reset_orphaned_tasks()
            self._give_back_callbacks(executor)
        if news is not None and (news.messages or news.everything):  # news of a dead worker may have been missed
            executor.doubt_messages()
        told = news is not None and (news.lost or news.everything)
        if told or now >= self._recover_at:
            self._recover_at = now + (RECOVER_SECONDS if news is None else RECOVER_SELDOM_SECONDS)
            self._recover(executor, now)

    def _recover(self, executor: FleetExecutor, now: float) -> None:
        recovery = OrphanRecovery(self.job.id, self._retries_of, executor.ended_by_themselves)
        with create_session() as session:
            outcomes = recovery(session)
        if outcomes.left:
            self._recover_at = min(self._recover_at, now + RECOVER_AGAIN_SECONDS)
        if outcomes.failed:
            self._find_and_purge_task_instances_without_heartbeats()

    def _retries_of(self, ti: TaskInstance, session: Session) -> int:
        dag = self.scheduler_dag_bag.get_dag_for_run(dag_run=ti.dag_run, session=session)
        task = dag.task_dict.get(ti.task_id) if dag is not None else None
        return int(getattr(task, "retries", 0) or 0)

    def _find_the_forgotten(self, executor: FleetExecutor) -> None:
        """Watch attempts that no executor watches."""
        if len(self.executors) > 1:
            return  # some attempts belong to another executor
        self._give_back_callbacks(executor)
        with create_session() as session:
            session.execute(OWN, {"job_id": self.job.id})
        known = {flight.ti_id for flight in executor.flights.values()}
        known |= {workload.ti.id for workload in executor.queued_tasks.values()}
        forgotten = [ti_id for (ti_id,) in self._fetch(MINE, (self.job.id,)) or () if ti_id not in known]
        if forgotten:
            with create_session() as session:
                found = session.scalars(select(TaskInstance).where(TaskInstance.id.in_(forgotten))).all()
                # An attempt with an event is not forgotten: the scheduler handles the event next.
                for ti in (ti for ti in found if ti.key not in executor.event_buffer):
                    self.log.warning("%s is watched again; no executor watched it", ti)
                    executor.watch(ti)

    def _give_back_callbacks(self, executor: FleetExecutor) -> None:
        """Requeue callbacks that no scheduler watches."""
        if executor is not self._only_executor():
            return  # some callbacks belong to another executor
        known = {UUID(key.id) for key in executor.known_callbacks()}
        with create_session() as session:
            given_back = callback_claims.give_back(session, self.job.id, known)
        if given_back:
            self.log.warning("%d callbacks that no scheduler watched are queued again", given_back)
            self._others_wait = True

    def _only_executor(self) -> FleetExecutor | None:
        """Return the listening executor where it is the only one."""
        return self._listening_executor() if len(self.executors) == 1 else None

    # --- late heartbeats -----------------------------------------------------------------------------

    def _find_task_instances_without_heartbeats(self, *, session: Session) -> list[TaskInstance]:
        """Find attempts as Airflow does; after an outage, only those that had time to send a heartbeat again.

        Leaves out attempts of hosts that hold their lease: their agents watch them.
        """
        timeout = self._task_instance_heartbeat_timeout_secs
        patience = conf.getfloat("airfleet", "api_outage_seconds", fallback=0.0)
        oldest = api_availability.oldest_heartbeat(api_availability.read(session), timeout, patience)
        holding = api_availability.holding(session, get_hostname())
        self._task_instance_heartbeat_timeout_secs = int(oldest)
        try:
            with _without_attempts_of(holding, session):
                return super()._find_task_instances_without_heartbeats(session=session)
        finally:
            self._task_instance_heartbeat_timeout_secs = timeout


@contextmanager
def _without_attempts_of(hosts: Collection[str], session: Session) -> Iterator[None]:
    """Hide attempts of these hosts from the session's queries, but those that were given up on purpose."""
    elsewhere = func.coalesce(TaskInstance.hostname, "").not_in(hosts)
    if not hosts:
        yield
        return
    with narrowed(session, TaskInstance, or_(elsewhere, TaskInstance.last_heartbeat_at <= LONG_AGO)):
        yield
