"""The runs of a pass: which of them Airflow looks at, and which start by one statement. [A]

Airflow looks at up to twenty active runs with all their tasks in every pass. Here a pass takes the runs that its agenda
names and those never looked at. For a run that was looked at before, the states of its tasks often say which tasks can
start (:mod:`airfleet.scheduler.ready_tasks`): these start by one statement, and Airflow looks at the other runs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID

from airflow._shared.timezones import timezone
from airflow.callbacks.database_callback_sink import DatabaseCallbackSink
from airflow.jobs.scheduler_job_runner import SCHEDULER_DAG_CACHE_SIZE
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.retries import retry_db_transaction
from airflow.utils.sqlalchemy import with_row_locks
from airflow.utils.state import DagRunState
from sqlalchemy import func, nulls_first, or_, select, text, tuple_
from sqlalchemy.orm import contains_eager

from airfleet import versions
from airfleet.metadata.notifications import News
from airfleet.scheduler.agenda import Agenda
from airfleet.scheduler.executor import FleetExecutor
from airfleet.scheduler.isolation.dags import ReadableDagBag
from airfleet.scheduler.isolation.loop import LoopIsolation
from airfleet.scheduler.ready_tasks import startable

if TYPE_CHECKING:
    from airflow.callbacks.callback_requests import DagCallbackRequest
    from airflow.utils.sqlalchemy import CommitProhibitorGuard
    from sqlalchemy.orm import Session

#: runs whose agreement with a version of their Dag is remembered
MANY_RUNS = 10_000
#: runs that one pass looks at, at most
RUNS_PER_PASS = 50

#: Of some runs, each task and state but success, with the task instances that have no state. Parameters: Dags, runs.
UNSUCCESSFUL = """
SELECT ti.dag_id, ti.run_id, ti.task_id, ti.state, coalesce(array_agg(ti.id) FILTER (WHERE ti.state IS NULL), '{}')
FROM unnest(%s::text[], %s::text[]) AS run (dag_id, run_id) JOIN task_instance ti USING (dag_id, run_id)
WHERE ti.state IS DISTINCT FROM 'success'
GROUP BY ti.dag_id, ti.run_id, ti.task_id, ti.state
"""
#: schedules task instances without a state, as ``DagRun.schedule_tis`` does
SCHEDULE = text("""
UPDATE task_instance
SET state = 'scheduled', scheduled_dttm = :now, try_number = try_number + 1, updated_at = :now
WHERE id = ANY(:ids) AND state IS NULL
""")
RUNNING_RUNS = "SELECT dag_id, run_id FROM dag_run WHERE state = 'running'"


class RememberingDagBag(ReadableDagBag):
    """Airflow's cache of Dags, which keeps the latest version of each Dag until it is told to forget."""

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


class RunChoice(LoopIsolation):
    """Airflow's scheduler; a pass looks only at runs of which something may have changed."""

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
        #: runs that Airflow looks at only if the states of their tasks leave a doubt
        self._doubtful: set[int] = set()
        #: Dags whose runs wait for the runs before them
        self._in_order: set[str] = set()

    def _listening_executor(self) -> FleetExecutor | None:
        """Return a fleet's executor that hears of changes in the database; passes are stock's without."""
        executor = self.executor
        return executor if isinstance(executor, FleetExecutor) and executor.listener is not None else None

    def _fetch(self, query: LiteralString, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]] | None:
        """Return committed rows of a query outside of the session; None when it cannot be asked now."""
        executor = self._listening_executor()
        return executor.listener.fetch(query, parameters) if executor and executor.listener else None

    def _forget_versions(self, news: News) -> None:
        if news.everything:
            self._dags.latest.clear()
            if len(self._agrees) > MANY_RUNS:
                self._agrees.clear()
        for dag_id, run_id in news.changed:
            if not run_id:
                self._dags.latest.pop(dag_id, None)
                self._faults.changed(dag_id)

    # --- which runs ----------------------------------------------------------------------------------

    def _runs_to_look_at(self, agenda: Agenda, left: Agenda, session: Session) -> Collection[DagRun]:
        """Return the runs of a pass; add those for which it has no room to ``left``."""
        self._doubtful = set()
        if agenda.everything:
            left.changed |= agenda.changed
            runs = list(DagRun.get_running_dag_runs_to_examine(session=session))
            return runs if agenda.thorough else self._doubted(runs)
        if not agenda.changed and not agenda.start_runs:
            return []
        changed = agenda.changed if len(agenda.changed) <= RUNS_PER_PASS else self._still_running(agenda.changed)
        named = sorted(changed)[:RUNS_PER_PASS]
        left.changed |= changed - set(named)
        exact = [(dag_id, run_id) for dag_id, run_id in named if run_id and dag_id not in self._in_order]
        whole = {dag_id for dag_id, run_id in named if not run_id or dag_id in self._in_order}
        runs = self._running(exact, whole, session)
        self._doubtful = {run.id for run in runs if run.last_scheduling_decision and run.dag_id not in whole}
        return runs

    def _doubted(self, runs: list[DagRun]) -> list[DagRun]:
        """Return the same runs; mark those that were looked at before as doubtful.

        They count as looked at, so that the next pass that does everything takes the runs that wait the longest.
        """
        for run in runs:
            if run.last_scheduling_decision and run.dag_id not in self._in_order:
                self._doubtful.add(run.id)
                run.last_scheduling_decision = timezone.utcnow()
        return runs

    def _still_running(self, changed: set[tuple[str, str]]) -> set[tuple[str, str]]:
        """Leave out runs that are not running: ten thousand ended runs would else fill hundreds of passes.

        A run that starts to run later brings news of it, or was never looked at.
        """
        rows = self._fetch(RUNNING_RUNS)
        if rows is None:
            return changed
        running = {(dag_id, run_id) for dag_id, run_id in rows}
        return {(dag_id, run_id) for dag_id, run_id in changed if not run_id or (dag_id, run_id) in running}

    def _running(self, exact: Collection[tuple[str, str]], whole: Collection[str], session: Session) -> list[DagRun]:
        """Return named running runs and those never looked at, locked as Airflow locks them."""
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

    # --- which tasks ---------------------------------------------------------------------------------

    def _schedule_all_dag_runs(
        self, guard: CommitProhibitorGuard, dag_runs: Iterable[DagRun], session: Session
    ) -> list[tuple[DagRun, DagCallbackRequest | None]]:
        """Have Airflow look at the runs that are not plain, and start the tasks of the others.

        The others come last, for Airflow's look ends with a commit, which gives up the locks on all runs. A plain run
        needs no lock: the statement passes over a task that has got a state meanwhile.
        """
        runs = list(dag_runs)
        plain = self._plain(runs, session)
        callbacks = super()._schedule_all_dag_runs(guard, [run for run in runs if run not in plain], session)
        if ids := [ti_id for ids in plain.values() for ti_id in ids]:
            self._schedule_plain(ids, guard, session=session)
        return callbacks

    @retry_db_transaction
    def _schedule_plain(self, ids: list[UUID], guard: CommitProhibitorGuard, session: Session) -> None:
        session.execute(SCHEDULE, {"ids": ids, "now": timezone.utcnow()})
        guard.commit()

    def _plain(self, runs: Iterable[DagRun], session: Session) -> dict[DagRun, list[UUID]]:
        """Return the runs whose next tasks the states of their tasks tell, with the task instances that can start."""
        if not versions.core_is_checked():
            return {}
        doubtful = [run for run in runs if run.id in self._doubtful]
        names = ([run.dag_id for run in doubtful], [run.run_id for run in doubtful])
        rows = self._fetch(UNSUCCESSFUL, names) if doubtful else None
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
            # In the transaction of the run's state: a scheduler that dies after it would never call back.
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
            self._agrees.pop(run, None)  # the task instances that the run got in the transaction are gone


def _is_overdue(run: DagRun, dag: Any) -> bool:
    timeout = dag.dagrun_timeout
    return bool(timeout and run.start_date and run.start_date < timezone.utcnow() - timeout)
