"""Airflow's scheduler, of which no Dag and no run stops another one. [A]

Airflow makes the runs of all Dags in one transaction, and looks at all runs in another: what the database refuses of
one is lost for all, and ends the scheduler; what else goes wrong with one is logged, and comes again a second later,
for ever. Here each Dag has a savepoint; when the database refuses something of a run, each run of that pass has a
transaction. What then becomes of a Dag or a run, see :mod:`airfleet.runtime.scheduling_faults`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.dagbag import CachedDBDagBag
from airflow.models.dagrun import DagRun
from airflow.utils.sqlalchemy import with_row_locks
from airflow.utils.state import DagRunState
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, PendingRollbackError

from airfleet import current_work, database_errors
from airfleet.current_work import Kind
from airfleet.runtime import scheduling_faults
from airfleet.runtime.scheduling_faults import Faults

if TYPE_CHECKING:
    from airflow.callbacks.callback_requests import DagCallbackRequest
    from airflow.models.dag import DagModel
    from airflow.serialization.definitions.dag import SerializedDAG
    from airflow.utils.sqlalchemy import CommitProhibitorGuard
    from sqlalchemy.orm import Session

_REFUSED = (DBAPIError, PendingRollbackError)


class ReadableDagBag(CachedDBDagBag):
    """Airflow's cache of Dags, in which a Dag that cannot be read is one that is not there; ``unreadable`` is told."""

    unreadable: Callable[[str, Exception], None] = staticmethod(lambda dag_id, error: None)

    def get_dag_for_run(self, dag_run: DagRun, session: Session) -> SerializedDAG | None:
        """The Dag of a run; None when there is none, or none that can be read."""
        try:
            return super().get_dag_for_run(dag_run, session)
        except DBAPIError:
            raise
        except Exception as error:
            self.unreadable(dag_run.dag_id, error)
            return None


class _NoticingLog:
    """A logger that remembers the error which was logged last."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self.borne: BaseException | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def exception(self, *args: Any, **kwargs: Any) -> Any:
        self.borne = sys.exc_info()[1]
        return self._log.exception(*args, **kwargs)


class GuardedSchedulerJobRunner(SchedulerJobRunner):
    """See the module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._faults = Faults(time.monotonic)
        self._work = current_work.of_this_process()
        self._guard: CommitProhibitorGuard | None = None
        #: Dags that could not be read in this pass, and why
        self._unread: dict[str, str] = {}
        #: Dags that could not be read when that was tried last
        self._unreadable: set[str] = set()
        #: runs at which this pass failed
        self._failed: set[int] = set()

    @property
    def log(self) -> Any:
        """Airflow's logger; what Airflow logs and bears is known here."""
        noticing = self.__dict__.get("_noticing_log")
        if noticing is None:
            noticing = self.__dict__["_noticing_log"] = _NoticingLog(super().log)
        return noticing

    # --- Dags ----------------------------------------------------------------------------------------

    def _create_dagruns_for_dags(self, guard: CommitProhibitorGuard, session: Session) -> None:
        self._guard = guard
        self._tell_unreadable(session)
        super()._create_dagruns_for_dags(guard, session)

    def _create_dag_runs(self, dag_models: Collection[DagModel], session: Session) -> None:
        for model in dag_models:
            make = super()._create_dag_runs
            self._make_runs_of(model, lambda one=model, make=make: make([one], session), session)  # type: ignore[misc]

    def _create_dag_runs_asset_triggered(self, *, dag_models: Collection[DagModel], session: Session) -> None:
        for model in dag_models:
            make = super()._create_dag_runs_asset_triggered
            self._make_runs_of(
                model,
                lambda one=model, make=make: make(dag_models=[one], session=session),  # type: ignore[misc]
                session,
            )

    def _make_runs_of(self, model: DagModel, make: Callable[[], None], session: Session) -> None:
        dag_id = model.dag_id
        if self._faults.dag_waits(dag_id):
            return
        self._unreadable.discard(dag_id)
        self._work.on(Kind.DAG, dag_id)
        before = _next_of(model)
        self.log.borne = None
        cause: BaseException | None = None
        with database_errors.noticing(session.get_bind()) as first:
            try:
                with self._savepoint(session):
                    make()
            except Exception as error:
                cause = first.error or error
                if database_errors.passes(cause):
                    raise
        if cause is None and _next_of(model) == before:
            cause = self.log.borne
        if cause is not None:
            self._dag_failed(dag_id, f"No run of Dag '{dag_id}' can be made: {_in_words(cause)}", session)
        elif (fault := self._faults.dag_is_well(dag_id)) is not None:
            scheduling_faults.forget_dag(session, fault.why)

    @contextmanager
    def _savepoint(self, session: Session) -> Iterator[None]:
        nested = session.begin_nested()
        try:
            yield
            if self._guard is not None:
                self._guard.expected_commit = True  # the end of a savepoint gives up no lock
            nested.commit()
        except BaseException:
            nested.rollback()
            raise
        finally:
            if self._guard is not None:
                self._guard.expected_commit = False

    def _dag_failed(self, dag_id: str, why: str, session: Session) -> None:
        if self._faults.dag_failed(dag_id, why):
            self.log.warning("%s; it is tried again later", why)
        scheduling_faults.note_dag(session, dag_id, why)

    def _is_unreadable(self, dag_id: str, error: Exception) -> None:
        why = f"Dag '{dag_id}' cannot be read as it is stored: {_in_words(error)}"
        if not self._faults.dag_waits(dag_id):
            if self._faults.dag_failed(dag_id, why):
                self.log.error("%s; its runs wait", why, exc_info=error)
            self._unread[dag_id] = why
            self._unreadable.add(dag_id)

    def _tell_unreadable(self, session: Session) -> None:
        """Have files an import error whose Dags could not be read."""
        unread, self._unread = self._unread, {}
        for dag_id, why in unread.items():
            scheduling_faults.note_dag(session, dag_id, why)

    # --- runs ----------------------------------------------------------------------------------------

    def _schedule_all_dag_runs(
        self, guard: CommitProhibitorGuard, dag_runs: Iterable[DagRun], session: Session
    ) -> list[tuple[DagRun, DagCallbackRequest | None]]:
        runs = [run for run in dag_runs if not self._waits(run)]
        ids = [run.id for run in runs]
        self._failed.clear()
        with database_errors.noticing(session.get_bind()) as first:
            try:
                callbacks = super()._schedule_all_dag_runs(guard, runs, session)
                self._went_well(ids)
                return callbacks
            except _REFUSED as error:
                session.rollback()
                if database_errors.passes(first.error or error):
                    raise
        return [found for run in ids if (found := self._schedule_alone(run, guard, session)) is not None]

    def _schedule_alone(
        self, run_id: int, guard: CommitProhibitorGuard, session: Session
    ) -> tuple[DagRun, DagCallbackRequest | None] | None:
        """Look at one run in a transaction of its own."""
        query = select(DagRun).where(DagRun.id == run_id, DagRun.state == DagRunState.RUNNING)
        run = session.scalar(with_row_locks(query, of=DagRun, session=session, skip_locked=True))
        if run is None:
            return None
        with database_errors.noticing(session.get_bind()) as first:
            try:
                callback = self._schedule_dag_run(run, session)
                guard.commit()
                self._went_well([run_id])
                return run, callback
            except _REFUSED as error:
                session.rollback()
                cause = first.error or error
                if database_errors.passes(cause):
                    raise
        self._run_failed(run, cause, session)
        guard.commit()
        return None

    def _schedule_dag_run(self, dag_run: DagRun, session: Session) -> DagCallbackRequest | None:
        self._work.on(Kind.RUN, f"run {dag_run.run_id} of Dag {dag_run.dag_id}")
        try:
            return super()._schedule_dag_run(dag_run, session)
        except _REFUSED:
            raise
        except Exception as error:
            self._run_failed(dag_run, error, session)
            return None

    def _waits(self, run: DagRun) -> bool:
        if self._faults.run_waits(run.id):
            return True
        if run.dag_id in self._unreadable and self._faults.dag_waits(run.dag_id):
            return True
        self._unreadable.discard(run.dag_id)
        return False

    def _went_well(self, runs: Iterable[int]) -> None:
        for run in runs:
            if run not in self._failed:
                self._faults.runs.pop(run, None)

    def _run_failed(self, run: DagRun, cause: BaseException, session: Session) -> None:
        run_id, dag_id, name = run.id, run.dag_id, run.run_id
        why = f"The scheduler cannot go on with run '{name}' of Dag '{dag_id}': {_in_words(cause)}"
        is_first = run_id not in self._faults.runs
        self._failed.add(run_id)
        gives_up = self._faults.run_failed(run_id, why)
        if is_first:
            self.log.error("%s; it is tried again", why, exc_info=cause)
        if not gives_up:
            return
        self._faults.runs.pop(run_id, None)
        with session.no_autoflush:  # what was changed of it is not to be stored
            session.expire(run)
            if not scheduling_faults.end_run(session, run_id, why):
                return
        self.log.error("%s; the run has failed", why)
        with suppress(Exception):  # the run has failed with or without it
            self._call_back(run, why, session)

    def _call_back(self, run: DagRun, why: str, session: Session) -> None:
        dag = self.scheduler_dag_bag.get_dag_for_run(dag_run=run, session=session)
        if dag is not None and dag.has_on_failure_callback:
            sink: Any = self.executor.callback_sink
            sink.send(run.produce_dag_callback(dag=dag, success=False, reason=why), session=session)


def _next_of(model: DagModel) -> tuple[Any, ...]:
    return model.next_dagrun, model.next_dagrun_create_after, model.next_dagrun_partition_key


def _in_words(cause: BaseException) -> str:
    return database_errors.storable(database_errors.in_words(cause))
