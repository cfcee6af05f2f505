"""Airflow's scheduler, looking only where something may have changed. [A]

Stock looks at everything in every pass of its loop: which Dags are due, which runs may start, up to 20 running runs
with all their tasks, which tasks may be queued. A pass here does the parts for which there is a reason:

===================  ==========================================================================
part                 reason
===================  ==========================================================================
make runs            news of a Dag, or one is due by its time
start runs           the above, news of a run, or a queued run whose time has come
look at runs         those that news name, those never looked at, those with a retry or a
                     reschedule ahead
queue tasks          any of the above, slots of a pool or of the executor became free; where it is plain
                     which, by one statement (:mod:`airfleet.scheduler.bulk_enqueue`)
===================  ==========================================================================

Besides, at once: when a scheduler has ended or was found dead, what it queued is adopted; when attempts lost their
processes, they run again (:mod:`airfleet.scheduler.orphan_recovery`).

What is due by time is one small query a second. Every five seconds everything is done, whether there is a reason or
not: it finds what is told by no news (a run's timeout), and what was missed. Of runs that were looked at before, the
states of their tasks say whether Airflow has to look again, as after news; every thirty seconds it looks itself, at
up to twenty of them, as stock does in every pass. While no run is running or waits to, the query is asked every five
seconds, the loop rests as long, and everything is done every thirty. Without news (the database does not tell) every
pass is stock's.

What each part does is Airflow's own code; this module decides which are called. A contract test pins what is
overridden and called here.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID

from airflow._shared.observability.metrics import stats
from airflow._shared.timezones import timezone
from airflow.callbacks.database_callback_sink import DatabaseCallbackSink
from airflow.configuration import conf
from airflow.jobs.scheduler_job_runner import SCHEDULER_DAG_CACHE_SIZE
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.pool import normalize_pool_name_for_stats
from airflow.models.taskinstance import TaskInstance
from airflow.utils.db import DBLocks
from airflow.utils.net import get_hostname
from airflow.utils.retries import retry_db_transaction
from airflow.utils.session import create_session
from airflow.utils.sqlalchemy import is_lock_not_available_error, prohibit_commit, with_row_locks
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import ARRAY, any_, bindparam, func, nulls_first, or_, select, text, tuple_
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import contains_eager, joinedload, make_transient

from airfleet import versions
from airfleet.metadata import api_availability
from airfleet.metadata.heartbeat_trigger import YOUNG_SECONDS
from airfleet.metadata.notifications import News
from airfleet.scheduler import bulk_enqueue, callback_claims
from airfleet.scheduler.executor import WAIT_SECONDS, FleetExecutor
from airfleet.scheduler.fault_isolation import GuardedSchedulerJobRunner, ReadableDagBag
from airfleet.scheduler.narrowed_queries import narrowed
from airfleet.scheduler.orphan_recovery import LONG_AGO, Recovery
from airfleet.scheduler.ready_tasks import startable
from airfleet.spool.current_work import Kind
from airfleet.system import clock_skew

if TYPE_CHECKING:
    from airflow.callbacks.callback_requests import DagCallbackRequest
    from airflow.utils.sqlalchemy import CommitProhibitorGuard
    from sqlalchemy.orm import Session

#: between two passes that do everything, seconds; and while there is no run
EVERYTHING_SECONDS, IDLE_EVERYTHING_SECONDS = 5.0, 30.0
#: between two of them in which Airflow looks at each run, whatever the states of its tasks say, seconds
THOROUGH_SECONDS = 30.0
#: between two questions what is due by time, seconds; and while there is no run
DUE_SECONDS, IDLE_DUE_SECONDS = 1.0, 5.0
#: seconds between two answers after which others may have been silent for no fault of theirs, for nobody was heard
GAP_SECONDS = 8.0
#: seconds between two times that what a silent scheduler left is adopted
ADOPT_SECONDS = 5.0
#: runs of which is remembered with which version of their Dag they agree
MANY_RUNS = 10_000
#: runs that one pass looks at, at most
RUNS_PER_PASS = 50

#: By the database's clock, as Airflow's own queries: is a Dag due, is a queued run due, in how many seconds is the next
#: Dag due, which runs have tasks that wait for a retry, or for a reschedule whose time has come, is there any run, and
#: is a scheduler silent.
#: The tasks are found by their state, in two parts: with OR between them the server reads all tasks that ever ran.
_DUE = """
WITH ready AS (
    SELECT next_dagrun_create_after AS at FROM dag
    WHERE NOT is_paused AND NOT is_stale AND NOT has_import_errors AND NOT exceeds_max_non_backfill
), timed AS (
    SELECT dag_id, run_id FROM task_instance WHERE state = 'up_for_retry'
    UNION
    SELECT ti.dag_id, ti.run_id FROM task_instance ti
    LEFT JOIN LATERAL (SELECT max(reschedule_date) AS at FROM task_reschedule WHERE ti_id = ti.id) r ON TRUE
    WHERE ti.state = 'up_for_reschedule' AND (r.at IS NULL OR r.at <= now())
)
SELECT
    EXISTS (SELECT FROM ready WHERE at <= now()),
    EXISTS (SELECT FROM dag_run WHERE state = 'queued' AND run_after <= now()),
    (SELECT extract(epoch FROM min(at) - now())::float FROM ready WHERE at > now()),
    ARRAY(SELECT ARRAY[dag_id, run_id] FROM timed),
    EXISTS (SELECT FROM dag_run WHERE state IN ('running', 'queued')),
    EXISTS (
        SELECT FROM job WHERE job_type = 'SchedulerJob' AND state = 'running'
        AND latest_heartbeat < clock_timestamp() - make_interval(secs => %s)
    )
"""


#: of some runs, the tasks and states of what did not succeed, and which of it has no state
_UNSUCCESSFUL = """
SELECT ti.dag_id, ti.run_id, ti.task_id, ti.state, coalesce(array_agg(ti.id) FILTER (WHERE ti.state IS NULL), '{}')
FROM unnest(%s::text[], %s::text[]) AS run (dag_id, run_id) JOIN task_instance ti USING (dag_id, run_id)
WHERE ti.state IS DISTINCT FROM 'success'
GROUP BY ti.dag_id, ti.run_id, ti.task_id, ti.state
"""
#: what ``DagRun.schedule_tis`` does with tasks that had no state
_SCHEDULE = text("""
UPDATE task_instance
SET state = 'scheduled', scheduled_dttm = :now, try_number = try_number + 1, updated_at = :now
WHERE id = ANY(:ids) AND state IS NULL
""")
#: seconds until lost attempts are looked for without news; and until what somebody held just then is tried again
RECOVER_SECONDS, RECOVER_AGAIN_SECONDS, RECOVER_SELDOM_SECONDS = 5.0, 1.0, 30.0
#: attempts that I look after: queued, or taken by a worker
_MINE = """
SELECT id FROM task_instance WHERE queued_by_job_id = %s AND state IN ('queued', 'running', 'restarting')
AND external_executor_id IS NOT NULL
"""
#: those that nobody can be said to look after: their scheduler's job is not known any more
_OWN = text("""
UPDATE task_instance SET queued_by_job_id = :job_id
WHERE state IN ('queued', 'running', 'restarting') AND external_executor_id IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM job WHERE job.id = queued_by_job_id)
""")
_RUNNING_RUNS = "SELECT dag_id, run_id FROM dag_run WHERE state = 'running'"
_LOCK = text("SELECT pg_try_advisory_xact_lock(:id)")
_LOAD = (
    select(TaskInstance)
    .where(TaskInstance.id == any_(bindparam("ids", type_=ARRAY(TaskInstance.id.type))))
    .options(joinedload(TaskInstance.dag_model))
)
_ANY_SCHEDULED = "SELECT EXISTS (SELECT FROM task_instance WHERE state = 'scheduled')"


@dataclass
class Agenda:
    """What a pass shall do, and why."""

    make_runs: bool = False
    start_runs: bool = False
    queue_tasks: bool = False
    everything: bool = False
    #: with everything: Airflow looks at each run itself
    thorough: bool = False
    changed: set[tuple[str, str]] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.make_runs or self.start_runs or self.queue_tasks or self.everything or self.changed)


class RememberingDagBag(ReadableDagBag):
    """Airflow's cache of Dags, which also knows which version of a Dag is the latest, until it is told to forget."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.latest: dict[str, UUID] = {}

    def _version_from_dag_run(self, dag_run: DagRun, *, session: Session) -> UUID | None:  # type: ignore[override]
        if dag_run.bundle_version and dag_run.created_dag_version_id:
            return dag_run.created_dag_version_id
        known = self.latest.get(dag_run.dag_id)
        if known is None:
            known = super()._version_from_dag_run(dag_run, session=session)
            if known is not None:
                self.latest[dag_run.dag_id] = known
        return known


class FleetSchedulerJobRunner(GuardedSchedulerJobRunner):
    """See the module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._dags = RememberingDagBag(
            load_op_links=False,
            cache_size=SCHEDULER_DAG_CACHE_SIZE,
            cache_ttl=0,
            stats_prefix="scheduler.dag_bag",
        )
        self._dags.unreadable = self._is_unreadable
        self.scheduler_dag_bag = self._dags
        #: run -> the version of its Dag with which its tasks were last found to agree
        self._agrees: dict[int, UUID] = {}
        #: callbacks or tests of connections may wait for an executor
        self._others_wait = True
        #: as another scheduler was about to see to them
        self._others_left = False
        self._did_everything_at = self._was_thorough_at = float("-inf")
        self._ask_due_at = float("-inf")
        #: whether any run was running or queued when that was asked, or there were news since
        self._any_run = True
        #: for the next pass: what this one could not finish
        self._left = Agenda()
        #: runs looked at only if their tasks' states say that something may be done
        self._doubtful: set[int] = set()
        #: Dags whose runs wait for the runs before them
        self._in_order: set[str] = set()
        self._recover_at = 0.0
        #: since when the database answered without a gap, and when it did last
        self._steady_since = self._answered_at = float("-inf")
        #: a scheduler is silent, though it could be heard
        self._one_is_silent = False
        self._adopted_at = float("-inf")

    def _do_scheduling(self, session: Session) -> int:
        clock_skew.catch_up(self.job, timezone.utcnow())
        executor = self.executor
        news = executor.take_news() if isinstance(executor, FleetExecutor) else None
        if isinstance(executor, FleetExecutor) and executor.listener is not None:
            self._look_after_the_lost(executor, news, time.monotonic())
        if news is None or not isinstance(executor, FleetExecutor):
            if isinstance(executor, FleetExecutor):
                executor.patience_seconds = None
            self._forget_versions(News(everything=True))
            self._others_wait = True
            return super()._do_scheduling(session)
        now = time.monotonic()
        self._forget_versions(news)
        self._others_wait |= news.other
        agenda, patience = self._agenda(executor, news, now)
        executor.freed = False
        executor.patience_seconds = self._bounded(patience, now)
        if agenda.everything:
            self._find_the_forgotten(executor)
        if not agenda:
            return 0
        queued = self._pass(agenda, session)
        if self._left:
            executor.patience_seconds = 0.0
        return queued

    def _bounded(self, patience: float, now: float) -> float:
        """How long the loop may rest, with what is tried again in it."""
        again = min(self._recover_at - now, WAIT_SECONDS if self._others_wait else float("inf"))
        return max(0.0, min(patience, again))

    def _forget_versions(self, news: News) -> None:
        if news.everything:
            self._dags.latest.clear()
            if len(self._agrees) > MANY_RUNS:
                self._agrees.clear()
        for dag_id, run_id in news.changed:
            if not run_id:
                self._dags.latest.pop(dag_id, None)
                self._faults.changed(dag_id)

    def _agenda(self, executor: FleetExecutor, news: News, now: float) -> tuple[Agenda, float]:
        """What is to be done, and how many seconds nothing else will be due."""
        agenda, self._left = self._left, Agenda()
        agenda.changed |= news.changed
        agenda.make_runs |= news.dags
        agenda.start_runs |= news.runs
        agenda.queue_tasks |= news.slots or executor.freed
        if news:
            self._any_run = True
            self._ask_due_at = min(self._ask_due_at, now + DUE_SECONDS)
        pause = EVERYTHING_SECONDS if self._any_run else IDLE_EVERYTHING_SECONDS
        agenda.everything = news.everything or now - self._did_everything_at >= pause
        patience = self._add_what_is_due(agenda, now)
        if agenda.everything:
            self._did_everything_at = now
            agenda.thorough = news.everything or now - self._was_thorough_at >= THOROUGH_SECONDS
            self._was_thorough_at = now if agenda.thorough else self._was_thorough_at
            agenda.make_runs = True
            self._others_wait = True
            self._forget_versions(News(everything=True))
        agenda.start_runs |= agenda.make_runs
        agenda.queue_tasks |= agenda.start_runs or bool(agenda.changed)
        return agenda, patience

    def _add_what_is_due(self, agenda: Agenda, now: float) -> float:
        if now < self._ask_due_at:
            return self._ask_due_at - now
        rows = self._fetch(_DUE, (YOUNG_SECONDS,))
        if not rows:
            agenda.everything = True
            return WAIT_SECONDS
        dags, runs, next_dag, timed, self._any_run, silent = rows[0]
        self._note_silence(silent, now)
        agenda.make_runs |= dags
        agenda.start_runs |= runs
        agenda.changed |= {(dag_id, run_id) for dag_id, run_id in timed}
        pause = DUE_SECONDS if self._any_run else IDLE_DUE_SECONDS
        pause = min(pause, next_dag) if next_dag is not None else pause
        self._ask_due_at = now + pause
        return pause

    def _pass(self, agenda: Agenda, session: Session) -> int:
        with prohibit_commit(session) as guard:
            if agenda.make_runs and self._scheduler_use_job_schedule:
                self._create_dagruns_for_dags(guard, session)
            if agenda.start_runs:
                self._start_queued_dagruns(session)
                # There may be more of them than one pass starts.
                self._left.start_runs = self._has_started
                self._tell_unreadable(session)
                guard.commit()
            runs = self._runs_to_look_at(agenda, session)
            self._stamp_team_names(runs, session)
            callbacks = self._schedule_all_dag_runs(guard, runs, session)
        self._work.on(Kind.NOTHING)
        self._send_callbacks(callbacks, session)
        with prohibit_commit(session) as guard:
            session.expunge_all()
            queued = self._queue_tasks(session) if agenda.queue_tasks else 0
            guard.commit()
        # Some may stand behind others that wait for a pool: they are seen when those are out of the way.
        self._left.queue_tasks |= bool(queued) and self._any_scheduled()
        return queued

    # --- what was lost ----------------------------------------------------------------------------

    def _look_after_the_lost(self, executor: FleetExecutor, news: News | None, now: float) -> None:
        """Adopt what a dead scheduler left, and have attempts that lost their processes run again."""
        silent = self._one_is_silent and now - self._adopted_at >= ADOPT_SECONDS
        if silent or (news is not None and (news.jobs or news.everything)):
            self._adopted_at, self._one_is_silent = now, False
            self.adopt_or_reset_orphaned_tasks()
            self._give_back_callbacks(executor)
        if news is not None and (news.messages or news.everything):  # a word may have been missed
            executor.doubt_messages()
        told = news is not None and (news.lost or news.everything)
        if told or now >= self._recover_at:
            self._recover_at = now + (RECOVER_SECONDS if news is None else RECOVER_SELDOM_SECONDS)
            self._recover(executor, now)

    def _note_silence(self, silent: bool, now: float) -> None:
        """Of a scheduler that is silent only the others can tell. After an outage it gets the time to speak again."""
        if now - self._answered_at > GAP_SECONDS:
            self._steady_since = now
        self._answered_at = now
        self._one_is_silent = silent and now - self._steady_since >= YOUNG_SECONDS

    def _recover(self, executor: FleetExecutor, now: float) -> None:
        recovery = Recovery(self.job.id, self._retries_of, executor.ended_by_themselves)
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
        """Look after attempts that somebody should, and nobody does."""
        if len(self.executors) > 1:
            return  # some of them belong to another executor
        self._give_back_callbacks(executor)
        with create_session() as session:
            session.execute(_OWN, {"job_id": self.job.id})
        known = {flight.ti_id for flight in executor.flights.values()}
        known |= {workload.ti.id for workload in executor.queued_tasks.values()}
        forgotten = [ti_id for (ti_id,) in self._fetch(_MINE, (self.job.id,)) or () if ti_id not in known]
        if forgotten:
            with create_session() as session:
                found = session.scalars(select(TaskInstance).where(TaskInstance.id.in_(forgotten))).all()
                # What an event tells of is not forgotten: it is about to be dealt with.
                for ti in (ti for ti in found if ti.key not in executor.event_buffer):
                    self.log.warning("%s is watched again; nobody looked after it", ti)
                    executor.watch(ti)

    # --- whose heartbeats are late ----------------------------------------------------------------

    def _find_task_instances_without_heartbeats(self, *, session: Session) -> list[TaskInstance]:
        """As Airflow does; after an outage, only when there was time to send a heartbeat again.

        Not while nothing runs: an attempt whose run is over already is among those that its executor watches. Not of
        hosts that look after their attempts themselves, either.
        """
        if self._nothing_runs():
            return []
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

    def _nothing_runs(self) -> bool:
        if self._any_run or len(self.executors) > 1:
            return False
        return isinstance(self.executor, FleetExecutor) and not self.executor.flights

    # --- which runs ------------------------------------------------------------------------------

    def _runs_to_look_at(self, agenda: Agenda, session: Session) -> Collection[DagRun]:
        self._doubtful = set()
        if agenda.everything:
            self._left.changed |= agenda.changed
            runs = list(DagRun.get_running_dag_runs_to_examine(session=session))
            return runs if agenda.thorough else self._doubted(runs)
        if not agenda.changed and not agenda.start_runs:
            return []
        changed = agenda.changed if len(agenda.changed) <= RUNS_PER_PASS else self._still_running(agenda.changed)
        named = sorted(changed)[:RUNS_PER_PASS]
        self._left.changed |= changed - set(named)
        exact = [(dag_id, run_id) for dag_id, run_id in named if run_id and dag_id not in self._in_order]
        whole = {dag_id for dag_id, run_id in named if not run_id or dag_id in self._in_order}
        runs = self._running(exact, whole, session)
        self._doubtful = {run.id for run in runs if run.last_scheduling_decision and run.dag_id not in whole}
        return runs

    def _doubted(self, runs: list[DagRun]) -> list[DagRun]:
        """The same runs; of those that were looked at before, the states of their tasks are to say what to do.

        They count as looked at all the same, for the next pass that does everything takes those that wait the longest.
        """
        for run in runs:
            if run.last_scheduling_decision and run.dag_id not in self._in_order:
                self._doubtful.add(run.id)
                run.last_scheduling_decision = timezone.utcnow()
        return runs

    def _still_running(self, changed: set[tuple[str, str]]) -> set[tuple[str, str]]:
        """Without the runs that are not running: news of ten thousand ended runs are no work for hundreds of passes.

        A run that is running only later brings news of that, or was never looked at.
        """
        rows = self._fetch(_RUNNING_RUNS)
        if rows is None:
            return changed
        running = {(dag_id, run_id) for dag_id, run_id in rows}
        return {(dag_id, run_id) for dag_id, run_id in changed if not run_id or (dag_id, run_id) in running}

    def _running(self, exact: Collection[tuple[str, str]], whole: Collection[str], session: Session) -> list[DagRun]:
        """Running runs that are named, and those that were never looked at; locked, as Airflow does it."""
        query = (
            select(DagRun)
            .join(DagRun.dag_model)
            .where(DagRun.state == DagRunState.RUNNING, DagRun.run_after <= func.now())
            .options(contains_eager(DagRun.dag_model))
            .where(DagModel.is_paused.is_(False), DagModel.is_stale.is_(False))
            .where(
                or_(
                    tuple_(DagRun.dag_id, DagRun.run_id).in_(exact),
                    DagRun.dag_id.in_(whole),
                    DagRun.last_scheduling_decision.is_(None),
                )
            )
            .order_by(nulls_first(DagRun.last_scheduling_decision), DagRun.run_after)
            .limit(2 * RUNS_PER_PASS)
        )
        return list(session.scalars(with_row_locks(query, of=DagRun, session=session, skip_locked=True)).unique())

    # --- which tasks -----------------------------------------------------------------------------

    def _schedule_all_dag_runs(
        self, guard: CommitProhibitorGuard, dag_runs: Iterable[DagRun], session: Session
    ) -> list[tuple[DagRun, DagCallbackRequest | None]]:
        """Airflow looks at those of which it is not plain what can start.

        The others come after it, for it ends with a commit, which gives up the locks on all of them: what is plain
        needs no lock, a task that has a state by now is left alone.
        """
        runs = list(dag_runs)
        plain = self._plain(runs, session)
        callbacks = super()._schedule_all_dag_runs(guard, [run for run in runs if run not in plain], session)
        if ids := [ti_id for ids in plain.values() for ti_id in ids]:
            self._schedule_plain(ids, guard, session=session)
        return callbacks

    @retry_db_transaction
    def _schedule_plain(self, ids: list[UUID], guard: CommitProhibitorGuard, session: Session) -> None:
        session.execute(_SCHEDULE, {"ids": ids, "now": timezone.utcnow()})
        guard.commit()

    def _plain(self, runs: Iterable[DagRun], session: Session) -> dict[DagRun, list[UUID]]:
        """The runs of which it is, with the task instances that can start."""
        if not versions.core_is_checked():
            return {}
        doubtful = [run for run in runs if run.id in self._doubtful]
        names = ([run.dag_id for run in doubtful], [run.run_id for run in doubtful])
        rows = self._fetch(_UNSUCCESSFUL, names) if doubtful else None
        if rows is None:
            return {}
        of_run: dict[tuple[str, str], list[tuple[str, str | None, list[UUID]]]] = {}
        for dag_id, run_id, *row in rows:
            of_run.setdefault((dag_id, run_id), []).append(tuple(row))
        found = {run: self._ready(run, of_run.get((run.dag_id, run.run_id), []), session) for run in doubtful}
        return {run: ids for run, ids in found.items() if ids is not None}

    def _ready(
        self, run: DagRun, rows: list[tuple[str, str | None, list[UUID]]], session: Session
    ) -> list[UUID] | None:
        dag = self.scheduler_dag_bag.get_dag_for_run(dag_run=run, session=session)
        if dag is None or _is_overdue(run, dag) or not self._has_the_tasks_of_its_dag(run):
            return None
        ready = startable(dag, ((task_id, state) for task_id, state, _ in rows))
        return None if ready is None else [ti_id for task_id, _, ids in rows if task_id in ready for ti_id in ids]

    def _has_the_tasks_of_its_dag(self, run: DagRun) -> bool:
        latest = self._dags.latest.get(run.dag_id)
        return bool(run.bundle_version) or (latest is not None and self._agrees.get(run.id) == latest)

    def _schedule_dag_run(self, dag_run: DagRun, session: Session) -> DagCallbackRequest | None:
        callback = super()._schedule_dag_run(dag_run, session)
        if dag_run.dag is not None and any(getattr(task, "depends_on_past", False) for task in dag_run.dag.tasks):
            self._in_order.add(dag_run.dag_id)
        if callback is not None and isinstance(self.executor.callback_sink, DatabaseCallbackSink):
            # With the state of the run, not after it: a scheduler that dies in between would never call.
            self.executor.callback_sink.send(callback, session=session)
            return None
        return callback

    def _verify_integrity_if_dag_changed(self, dag_run: DagRun, session: Session) -> bool:
        latest = self._dags.latest.get(dag_run.dag_id)
        if latest is not None and self._agrees.get(dag_run.id) == latest:
            return True
        agrees = super()._verify_integrity_if_dag_changed(dag_run, session)
        if agrees and latest is not None:
            self._agrees[dag_run.id] = latest
        return agrees

    def _rolled_back(self, runs: Sequence[int]) -> None:
        for run in runs:
            self._agrees.pop(run, None)  # the tasks that a run had got then are gone

    # --- what Airflow does around them -------------------------------------------------------------

    def _send_callbacks(self, callbacks: Iterable[tuple[DagRun, DagCallbackRequest | None]], session: Session) -> None:
        for run, callback in callbacks:
            if callback is None:
                continue
            dag = self.scheduler_dag_bag.get_dag_for_run(dag_run=run, session=session)
            if dag is None:
                self.log.error("Dag '%s' not found in serialized_dag table", run.dag_id)
            else:
                self._send_dag_callbacks_to_processor(dag, callback)

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
            self._left.queue_tasks = True  # another scheduler holds the lock for a moment
            return 0
        timer.stop(send=True)
        return queued

    def _executable_task_instances_to_queued(self, max_tis: int, session: Session) -> list[TaskInstance]:
        """By one statement where it is plain; Airflow's way where it is not."""
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
        """The task instances, as Airflow hands them on."""
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
        rows = self._fetch(_ANY_SCHEDULED)
        return rows is None or bool(rows[0][0])

    def _fetch(self, query: LiteralString, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]] | None:
        """Rows of a query that sees what is committed; None when that cannot be asked now."""
        listener = self.executor.listener if isinstance(self.executor, FleetExecutor) else None
        return listener.fetch(query, parameters) if listener is not None else None

    def _enqueue_executor_callbacks(self, session: Session) -> None:
        """As Airflow does, and say whose they are: when this scheduler dies, another one sees to them."""
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

    def _give_back_callbacks(self, executor: FleetExecutor) -> None:
        """Have callbacks queued again to which no scheduler sees."""
        if executor is not self._only_executor():
            return  # some of them belong to another executor
        known = {UUID(key.id) for key in executor.known_callbacks()}
        with create_session() as session:
            given_back = callback_claims.give_back(session, self.job.id, known)
        if given_back:
            self.log.warning("%d callbacks that no scheduler saw to are seen to again", given_back)
            self._others_wait = True

    def _only_executor(self) -> FleetExecutor | None:
        """The executor, where it is the only one and hears of what happens in the database."""
        executor = self.executor
        if len(self.executors) > 1 or not isinstance(executor, FleetExecutor) or executor.listener is None:
            return None
        return executor

    def _enqueue_connection_tests(self, *, session: Session) -> None:
        """The last step of a loop."""
        if self._others_wait:
            # What found no slot free is tried again in the next loop.
            full = sum(executor.slots_available for executor in self.executors) <= 0
            self._others_wait, self._others_left = full or self._others_left, False
            super()._enqueue_connection_tests(session=session)


@contextmanager
def _without_attempts_of(hosts: Collection[str], session: Session) -> Iterator[None]:
    """Have the session's queries find no attempts of these hosts, but those that were given up on purpose."""
    elsewhere = func.coalesce(TaskInstance.hostname, "").not_in(hosts)
    if not hosts:
        yield
        return
    with narrowed(session, TaskInstance, or_(elsewhere, TaskInstance.last_heartbeat_at <= LONG_AGO)):
        yield


def _is_overdue(run: DagRun, dag: Any) -> bool:
    timeout = dag.dagrun_timeout
    return bool(timeout and run.start_date and run.start_date < timezone.utcnow() - timeout)
