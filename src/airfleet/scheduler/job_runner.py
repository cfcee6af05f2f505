"""Airflow's scheduler, looking only where something may have changed. [A]

Stock looks at everything in every pass of its loop: due Dags, queued runs, up to twenty active runs with all their
tasks, tasks that may be queued. A pass here runs the parts on its agenda (:mod:`airfleet.scheduler.agenda`), each by
Airflow's own code. A contract test pins the code that is overridden and called here.

Where it is plain which tasks are queued next, one statement queues them (:mod:`airfleet.scheduler.bulk_enqueue`).

Without news (another executor, or a database that sends none) every pass is stock's.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from airflow._shared.observability.metrics import stats
from airflow._shared.timezones import timezone
from airflow.models.pool import normalize_pool_name_for_stats
from airflow.models.taskinstance import TaskInstance
from airflow.utils.db import DBLocks
from airflow.utils.sqlalchemy import is_lock_not_available_error, prohibit_commit
from airflow.utils.state import TaskInstanceState
from sqlalchemy import ARRAY, any_, bindparam, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import joinedload, make_transient

from airfleet import versions
from airfleet.metadata.heartbeat_trigger import YOUNG_SECONDS
from airfleet.metadata.notifications import News
from airfleet.scheduler import bulk_enqueue, callback_claims
from airfleet.scheduler.agenda import DUE, Agenda, Due, Planner
from airfleet.scheduler.executor import WAIT_SECONDS, FleetExecutor
from airfleet.scheduler.lost_work import LostWork
from airfleet.spool.current_work import Kind
from airfleet.system import clock_skew

if TYPE_CHECKING:
    from airflow.callbacks.callback_requests import DagCallbackRequest
    from airflow.models.dagrun import DagRun
    from sqlalchemy.orm import Session

_LOCK = text("SELECT pg_try_advisory_xact_lock(:id)")
_LOAD = (
    select(TaskInstance)
    .where(TaskInstance.id == any_(bindparam("ids", type_=ARRAY(TaskInstance.id.type))))
    .options(joinedload(TaskInstance.dag_model))
)
ANY_SCHEDULED = "SELECT EXISTS (SELECT FROM task_instance WHERE state = 'scheduled')"


class FleetSchedulerJobRunner(LostWork):
    """Airflow's scheduler, which runs the parts of a pass that are on its agenda."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._planner = Planner(self._ask_due)
        #: callbacks wait that another scheduler was about to queue
        self._others_left = False

    def _do_scheduling(self, session: Session) -> int:
        clock_skew.catch_up(self.job, timezone.utcnow())
        executor = self._listening_executor()
        if executor is None:
            return self._stock_pass(session)
        news = executor.take_news()
        self._look_after_the_lost(executor, news, time.monotonic())
        if news is None:
            executor.patience_seconds = None
            return self._stock_pass(session)
        return self._pass_by_agenda(executor, news, session)

    def _stock_pass(self, session: Session) -> int:
        self._forget_versions(News(everything=True))
        self._others_wait = True
        return super()._do_scheduling(session)

    def _pass_by_agenda(self, executor: FleetExecutor, news: News, session: Session) -> int:
        now = time.monotonic()
        self._forget_versions(news)
        self._others_wait |= news.other
        agenda, patience = self._planner.plan(news, executor.freed, now)
        if agenda.everything:
            self._others_wait = True
            self._forget_versions(News(everything=True))
        executor.freed = False
        executor.patience_seconds = self._bounded(patience, now)
        if agenda.everything:
            self._find_the_forgotten(executor)
        if not agenda:
            return 0
        queued = self._pass(agenda, session)
        if self._planner.left:
            executor.patience_seconds = 0.0
        return queued

    def _bounded(self, patience: float, now: float) -> float:
        """Bound the rest of the loop, in seconds, by the next try of recovery and of callbacks."""
        again = min(self._recover_at - now, WAIT_SECONDS if self._others_wait else float("inf"))
        return max(0.0, min(patience, again))

    def _ask_due(self, now: float) -> Due | None:
        rows = self._fetch(DUE, (YOUNG_SECONDS,))
        if not rows:
            return None
        due = Due.of(rows[0])
        self._silence.note(due.one_is_silent, now)
        return due

    def _pass(self, agenda: Agenda, session: Session) -> int:
        left = self._planner.left
        with prohibit_commit(session) as guard:
            if agenda.make_runs and self._scheduler_use_job_schedule:
                self._create_dagruns_for_dags(guard, session)
            if agenda.start_runs:
                self._start_queued_dagruns(session)
                # There may be more of them than one pass starts.
                left.start_runs = self._has_started
                self._record_unreadable(session)
                guard.commit()
            runs = self._runs_to_look_at(agenda, left, session)
            self._stamp_team_names(runs, session)
            callbacks = self._schedule_all_dag_runs(guard, runs, session)
        self._work.on(Kind.NOTHING)
        self._send_callbacks(callbacks, session)
        with prohibit_commit(session) as guard:
            session.expunge_all()
            queued = self._queue_tasks(session) if agenda.queue_tasks else 0
            guard.commit()
        # Some may stand behind others that wait for a pool: they are seen when those are out of the way.
        left.queue_tasks |= bool(queued) and self._any_scheduled()
        return queued

    def _find_task_instances_without_heartbeats(self, *, session: Session) -> list[TaskInstance]:
        """Find none while nothing runs: an attempt that outlives its run is among the executor's flights."""
        executor = self._only_executor()
        if executor is not None and not executor.flights and not self._planner.any_run:
            return []
        return super()._find_task_instances_without_heartbeats(session=session)

    # --- queueing ------------------------------------------------------------------------------------

    def _queue_tasks(self, session: Session) -> int:
        if sum(executor.slots_available for executor in self.executors) <= 0 or not self._any_scheduled():
            return 0
        timer = stats.timer("scheduler.critical_section_duration")
        timer.start()
        try:
            queued = self._critical_section_enqueue_task_instances(session=session)
        except OperationalError as error:
            timer.stop(send=False)
            if not is_lock_not_available_error(error=error):
                raise
            stats.incr("scheduler.critical_section_busy")
            session.rollback()
            self._planner.left.queue_tasks = True  # another scheduler holds the lock for a moment
            return 0
        timer.stop(send=True)
        return queued

    def _executable_task_instances_to_queued(self, max_tis: int, session: Session) -> list[TaskInstance]:
        """Choose by one statement where that is plain, else in Airflow's way."""
        executor = self._only_executor()
        if executor is None or self._multi_team or not versions.core_is_checked():
            return super()._executable_task_instances_to_queued(max_tis, session)
        if not session.scalar(_LOCK, {"id": DBLocks.SCHEDULER_CRITICAL_SECTION.value}):
            raise OperationalError("another scheduler queues tasks", params=None, orig=RuntimeError("55P03"))
        most = min(max_tis, executor.slots_available)
        with stats.timer("scheduler.critical_section_query_duration"):
            ids = bulk_enqueue.choose(session.execute, most, self.job.id, timezone.utcnow())
        if ids is None:
            return super()._executable_task_instances_to_queued(max_tis, session)
        return self._queued(ids, session)

    def _queued(self, ids: Sequence[UUID], session: Session) -> list[TaskInstance]:
        """Return the task instances as Airflow hands them on."""
        found = {ti.id: ti for ti in session.scalars(_LOAD, {"ids": ids})} if ids else {}
        queued = [found[ti_id] for ti_id in ids]
        stats.gauge("scheduler.tasks.starving", 0)
        stats.gauge("scheduler.tasks.executable", len(queued))
        for pool in {ti.pool for ti in queued}:
            stats.gauge("pool.starving_tasks", 0, tags={"pool_name": normalize_pool_name_for_stats(pool)})
        for ti in queued:
            ti.emit_state_change_metric(TaskInstanceState.QUEUED)
            make_transient(ti)
        return queued

    def _any_scheduled(self) -> bool:
        rows = self._fetch(ANY_SCHEDULED)
        return rows is None or bool(rows[0][0])

    # --- callbacks -----------------------------------------------------------------------------------

    def _send_callbacks(self, callbacks: Iterable[tuple[DagRun, DagCallbackRequest | None]], session: Session) -> None:
        for run, callback in callbacks:
            if callback is None:
                continue
            dag = self.scheduler_dag_bag.get_dag_for_run(dag_run=run, session=session)
            if dag is None:
                self.log.error("Dag '%s' not found in serialized_dag table", run.dag_id)
            else:
                self._send_dag_callbacks_to_processor(dag, callback)

    def _enqueue_executor_callbacks(self, session: Session) -> None:
        """Enqueue as Airflow does and claim the callbacks: when this scheduler dies, another takes them over."""
        executor = self._only_executor()
        if not self._others_wait:
            return
        if executor is None:
            super()._enqueue_executor_callbacks(session)
        elif callback_claims.waiting(session):
            self._queue_callbacks(executor, session)

    def _queue_callbacks(self, executor: FleetExecutor, session: Session) -> None:
        if not callback_claims.may_queue(session):
            self._others_left = True
            return
        waiting = callback_claims.waiting(session)  # another one may have queued them by now
        executor.take_over(str(one) for one, queued_before in waiting.items() if queued_before)
        super()._enqueue_executor_callbacks(session)
        queued = {UUID(key.id) for key in executor.queued_callbacks}
        callback_claims.claim(session, self.job.id, queued & waiting.keys())

    def _enqueue_connection_tests(self, *, session: Session) -> None:
        """Test connections, in the last step of a loop, when there may be any."""
        if self._others_wait:
            # A callback that found no free slot is tried again in the next loop.
            full = sum(executor.slots_available for executor in self.executors) <= 0
            self._others_wait, self._others_left = full or self._others_left, False
            super()._enqueue_connection_tests(session=session)
