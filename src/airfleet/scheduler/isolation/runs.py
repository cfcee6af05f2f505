"""Airflow's scheduler, of which no Dag and no run stops another one. [A]

Airflow makes the runs of all Dags in one transaction, and looks at all runs in another: what the database refuses of
one is lost for all, and ends the scheduler; what else goes wrong with one is logged, and comes again a second later,
for ever. Here each Dag has a savepoint; when the database refuses something of a run, each run of that pass has a
transaction. What then becomes of a Dag or a run, see :mod:`airfleet.scheduler.fault_record`.

What else ends Airflow's loop is looked for among the rows that it loads (:mod:`airfleet.scheduler.unloadable_rows`) and
the deadlines that were missed; when one was found and has failed, the loop begins anew.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from airflow._shared.timezones import timezone
from airflow.api_fastapi.execution_api.datamodels.taskinstance import DagRun as DagRunOfTask
from airflow.api_fastapi.execution_api.datamodels.taskinstance import TIRunContext
from airflow.callbacks.callback_requests import TaskCallbackRequest
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.asset import AssetDagRunQueue, AssetPartitionDagRun
from airflow.models.callback import ExecutorCallback
from airflow.models.dag import DagModel
from airflow.models.dagbag import CachedDBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.deadline import Deadline
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from airflow.utils.retries import MAX_DB_RETRIES
from airflow.utils.session import NEW_SESSION, create_session
from airflow.utils.sqlalchemy import with_row_locks
from airflow.utils.state import CallbackState, DagRunState, TaskInstanceState
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError, PendingRollbackError, SQLAlchemyError

from airfleet.metadata import database_errors
from airfleet.scheduler import fault_record, unloadable_rows
from airfleet.scheduler.fault_record import Faults
from airfleet.scheduler.narrowed_queries import narrowed
from airfleet.spool import current_work
from airfleet.spool.current_work import Kind

if TYPE_CHECKING:
    from airflow.callbacks.callback_requests import DagCallbackRequest
    from airflow.serialization.definitions.dag import SerializedDAG
    from airflow.utils.sqlalchemy import CommitProhibitorGuard
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from airfleet.scheduler.unloadable_rows import Unloadable

#: after a search for rows that cannot be loaded that has found none, seconds
SEARCH_AGAIN_SECONDS = 3.0
#: runs that cannot start, looked for in one pass; the next pass goes on with the others
MOST_REFUSED = 10

_REFUSED = (DBAPIError, PendingRollbackError)
#: runs that count against the limit of runs under way
_TAKES_ROOM = DagRun.state == DagRunState.RUNNING


class ReadableDagBag(CachedDBDagBag):
    """Airflow's cache of Dags, in which a Dag that cannot be read is one that is not there; ``unreadable`` is told."""

    unreadable: Callable[[str, Exception], None] = staticmethod(lambda dag_id, error: None)

    def get_dag_for_run(self, dag_run: DagRun, session: Session) -> SerializedDAG | None:
        """The Dag of a run; None when there is none, or none that can be read."""
        try:
            return super().get_dag_for_run(dag_run, session)
        except SQLAlchemyError:  # of the database or the way to it: it says nothing of the Dag
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
        #: until when no row is looked for that cannot be loaded, as there was none
        self._none_until = float("-inf")
        #: whether runs were started in this pass
        self._has_started = False

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
        guard.commit()
        make = super()._create_dagruns_for_dags
        try:
            with self._without_waiting_dags(AssetDagRunQueue, session):
                make(guard, session)
        except DBAPIError:
            raise
        except Exception:
            session.rollback()
            if not self._find_unreadable(AssetDagRunQueue, session):
                raise
            with self._without_waiting_dags(AssetDagRunQueue, session):
                make(guard, session)

    def _create_dagruns_for_partitioned_asset_dags(self, session: Session) -> set[str]:
        make = super()._create_dagruns_for_partitioned_asset_dags
        with database_errors.noticing(session.get_bind()) as first:
            try:
                with self._without_waiting_dags(AssetPartitionDagRun, session), self._savepoint(session):
                    return make(session)
            except Exception as error:
                if database_errors.passes(first.error or error):
                    raise
        return self._make_partitioned_alone(make, session)

    def _make_partitioned_alone(self, make: Callable[[Session], set[str]], session: Session) -> set[str]:
        """Make the runs of partitions Dag by Dag; the Dags that have some."""
        made: set[str] = set()
        waiting = AssetPartitionDagRun.created_dag_run_id.is_(None)
        named = select(AssetPartitionDagRun.target_dag_id).where(waiting)
        for model in session.scalars(
            select(DagModel).where(DagModel.dag_id.in_(named)).order_by(DagModel.dag_id)
        ).all():
            with narrowed(session, AssetPartitionDagRun, AssetPartitionDagRun.target_dag_id == model.dag_id):
                self._make_runs_of(model, lambda: made.update(make(session)), session)
        if self._guard is not None:
            self._guard.commit()  # what follows may be rolled back, and is not to take along what was noted of a Dag
        return made

    @contextmanager
    def _without_waiting_dags(self, waiting_for: Any, session: Session) -> Iterator[None]:
        """Have no assets or partitions of Dags found that are left alone now."""
        left_alone = [dag_id for dag_id in self._faults.dags if self._faults.dag_waits(dag_id)]
        if not left_alone:
            yield
            return
        with narrowed(session, waiting_for, waiting_for.target_dag_id.not_in(left_alone)):
            yield

    def _find_unreadable(self, waiting_for: Any, session: Session) -> bool:
        """Whether a Dag of which assets have changed cannot be read."""
        before = set(self._unread)
        for dag_id in session.scalars(select(waiting_for.target_dag_id).distinct()).all():
            try:
                for stored in SerializedDagModel.get_latest_serialized_dags(dag_ids=[dag_id], session=session):
                    _ = stored.dag.timetable.asset_condition
            except SQLAlchemyError:  # of the database or the way to it: it says nothing of the Dag
                raise
            except Exception as error:
                self._is_unreadable(dag_id, error)
        return bool(self._unread.keys() - before)

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
        self.log.borne = None  # its traceback holds rows
        if cause is not None:
            self._dag_failed(dag_id, f"No run of Dag '{dag_id}' can be made: {_in_words(cause)}", session)
        elif (fault := self._faults.dag_is_well(dag_id)) is not None:
            fault_record.forget_dag(session, fault.why)

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
        fault_record.note_dag(session, dag_id, why)

    def _is_unreadable(self, dag_id: str, error: Exception) -> None:
        why = f"Dag '{dag_id}' cannot be read as it is stored: {_in_words(error)}"
        self._unreadable.add(dag_id)  # also one that waits as no run of it could be made
        if not self._faults.dag_waits(dag_id):
            if self._faults.dag_failed(dag_id, why):
                self.log.error("%s; its runs wait", why, exc_info=error)
            self._unread[dag_id] = why

    def _tell_unreadable(self, session: Session) -> None:
        """Have files an import error whose Dags could not be read."""
        unread, self._unread = self._unread, {}
        for dag_id, why in unread.items():
            fault_record.note_dag(session, dag_id, why)

    # --- runs ----------------------------------------------------------------------------------------

    def _start_queued_dagruns(self, session: Session) -> None:
        start = super()._start_queued_dagruns
        with database_errors.noticing(session.get_bind()) as first:
            try:
                with narrowed(session, DagRun, self._may_start() | _TAKES_ROOM):
                    start(session)
                self._has_started = any(isinstance(changed, DagRun) for changed in session.dirty)
                session.flush()
                return
            except Exception as error:
                session.rollback()
                if database_errors.passes(first.error or error):
                    raise
        self._has_started = True
        queued = select(DagRun.id).where(DagRun.state == DagRunState.QUEUED, self._may_start()).order_by(DagRun.id)
        self._start_in_parts(session.scalars(queued).all(), start, session)

    def _may_start(self) -> ColumnElement[bool]:
        """Leave out runs that failed a moment ago, and those of unreadable Dags: each would take one of few places."""
        waiting = [run for run in self._faults.runs if self._faults.run_waits(run)]
        unreadable = [dag_id for dag_id in self._unreadable if self._faults.dag_waits(dag_id)]
        return DagRun.id.not_in(waiting) & DagRun.dag_id.not_in(unreadable)

    def _start_in_parts(self, runs: Sequence[int], start: Callable[[Session], None], session: Session) -> None:
        """Start these runs; where that fails, each half of them, down to those that cannot start."""
        parts, refused = [runs] if runs else [], 0
        while parts and refused < MOST_REFUSED:
            part = parts.pop()
            if (cause := self._refusal_to_start(part, start, session)) is None:
                continue
            if len(part) > 1:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
                continue
            refused += 1
            if (run := session.get(DagRun, part[0])) is not None:
                self._run_failed(run, cause, session)

    def _refusal_to_start(
        self, runs: Sequence[int], start: Callable[[Session], None], session: Session
    ) -> BaseException | None:
        """Start these runs, or say why that cannot be."""
        with database_errors.noticing(session.get_bind()) as first:
            try:
                with self._savepoint(session), narrowed(session, DagRun, DagRun.id.in_(runs) | _TAKES_ROOM):
                    start(session)
                return None
            except Exception as error:
                cause = first.error or error
                if database_errors.passes(cause):
                    raise
                return cause

    def _schedule_all_dag_runs(
        self, guard: CommitProhibitorGuard, dag_runs: Iterable[DagRun], session: Session
    ) -> list[tuple[DagRun, DagCallbackRequest | None]]:
        self._guard = guard
        examined = list(dag_runs)
        runs = [run for run in examined if not self._waits(run)]
        ids = [run.id for run in runs]
        waiting = [run.id for run in examined if run.id not in ids]
        self._failed.clear()
        self._look_later(waiting, session)
        with database_errors.noticing(session.get_bind()) as first:
            try:
                callbacks = super()._schedule_all_dag_runs(guard, runs, session)
                self._went_well(ids)
                return callbacks
            except Exception as error:
                session.rollback()
                self._rolled_back(ids)
                if database_errors.passes(first.error or error):
                    raise
        self._look_later(waiting, session)
        return [found for run in ids if (found := self._schedule_alone(run, guard, session)) is not None]

    def _look_later(self, waiting: Sequence[int], session: Session) -> None:
        """Put runs last in Airflow's order: else they would come first the next time, too, in the place of others."""
        if not waiting:
            return
        with database_errors.noticing(session.get_bind()) as first:
            try:
                with self._savepoint(session):
                    later = {"last_scheduling_decision": timezone.utcnow()}
                    session.execute(update(DagRun).where(DagRun.id.in_(waiting)).values(later))
            except DBAPIError as error:
                if database_errors.passes(first.error or error):
                    raise

    def _rolled_back(self, runs: Sequence[int]) -> None:
        """Forget what was concluded of these runs from a transaction that is undone."""

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
            except Exception as error:
                session.rollback()
                self._rolled_back([run_id])
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
            if database_errors.passes(error):
                raise
            with session.no_autoflush:  # what was half changed of it is not to be stored
                session.expire(dag_run)
            if not self._mend_after_run(session):
                self._run_failed(dag_run, error, session)
            return None

    def _mend_after_run(self, session: Session) -> bool:
        """Look for rows that cannot be loaded; when there were none a moment ago, many runs may fail of the same."""
        if self._faults.clock() < self._none_until:
            return False
        with self._savepoint(session):
            is_mended = self._mend(session)
        self._none_until = float("-inf") if is_mended else self._faults.clock() + SEARCH_AGAIN_SECONDS
        return is_mended

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
            if not fault_record.end_run(session, run_id, why):
                return
        self.log.error("%s; the run has failed", why)
        with suppress(Exception), self._savepoint(session):  # the run has failed with or without it
            self._call_back(run, why, session)

    def _call_back(self, run: DagRun, why: str, session: Session) -> None:
        dag = self.scheduler_dag_bag.get_dag_for_run(dag_run=run, session=session)
        if dag is not None and dag.has_on_failure_callback:
            sink: Any = self.executor.callback_sink
            sink.send(run.produce_dag_callback(dag=dag, success=False, reason=why), session=session)

    # --- what else there is in the loop --------------------------------------------------------------

    def _run_scheduler_loop(self) -> None:
        self._going_on(super()._run_scheduler_loop)

    def _going_on(self, loop: Callable[[], None]) -> None:
        """Begin anew after what ended the loop was found and has failed; end with it when nothing was."""
        while True:
            try:
                return loop()
            except Exception as error:
                if database_errors.passes(error) or not self._mend_or_fail():
                    raise
                self.log.error("The loop of the scheduler begins anew", exc_info=error)

    def _mend(self, session: Session) -> bool:
        """Have those fail of which a row cannot be loaded; whether there are any."""
        found = unloadable_rows.mend(session)
        for row in found:
            self.log.error("%s", row, key=str(row.key))
            if row.has_failed:
                self._call_back_for_task(row, session)
        return bool(found)

    def _mend_or_fail(self) -> bool:
        with create_session() as session:
            if self._mend(session):
                return True
        return self._fail_deadlines()

    def _call_back_for_task(self, row: Unloadable, session: Session) -> None:
        """Have the callback of a task called that failed; it has failed with or without it."""
        with suppress(Exception), self._savepoint(session):
            ti = session.get_one(TaskInstance, row.key, populate_existing=True)
            version, run = ti.dag_version, ti.dag_run
            request = TaskCallbackRequest(
                filepath=ti.dag_model.relative_fileloc or "",
                bundle_name=version.bundle_name if version else ti.dag_model.bundle_name,
                bundle_version=version.bundle_version if version and run.bundle_version else run.bundle_version,
                ti=ti,
                msg=str(row),
                task_callback_type=TaskInstanceState.FAILED,
                context_from_server=TIRunContext(
                    dag_run=DagRunOfTask.model_validate(run, from_attributes=True),
                    max_tries=ti.max_tries,
                    variables=[],
                    connections=[],
                    xcom_keys_to_clear=[],
                ),
            )
            sink: Any = self.executor.callback_sink
            sink.send(request, session=session)

    def _fail_deadlines(self) -> bool:
        """Handle missed deadlines one by one; whether one failed, and is handled no more."""
        failed = False
        with create_session() as session:
            missed = select(Deadline.id).where(Deadline.deadline_time < timezone.utcnow(), ~Deadline.missed)
            for key in session.scalars(missed).all():
                failed |= not self._handle_deadline(key, session)
        return failed

    def _handle_deadline(self, key: Any, session: Session) -> bool:
        try:
            with session.begin_nested():
                query = select(Deadline).where(Deadline.id == key, ~Deadline.missed)
                locked = with_row_locks(query, of=Deadline, session=session, skip_locked=True, key_share=False)
                if (deadline := session.scalar(locked)) is not None:
                    deadline.handle_miss(session)
            return True
        except Exception as error:
            if database_errors.passes(error):
                raise
            self.log.error("Deadline %s was missed, and cannot be handled", key, exc_info=error)
            session.execute(update(Deadline.__table__).where(Deadline.__table__.c.id == key).values(missed=True))
            return False

    def _enqueue_executor_callbacks(self, session: Session) -> None:
        """Hand on callbacks; one that cannot be handed on has failed."""
        hand_on = super()._enqueue_executor_callbacks
        try:
            with session.begin_nested():
                hand_on(session)
        except Exception as error:
            if database_errors.passes(error):
                raise
            pending = (ExecutorCallback.state == CallbackState.PENDING) & (ExecutorCallback.type == "executor")
            for key in session.scalars(select(ExecutorCallback.id).where(pending)).all():
                self._hand_on_alone(key, hand_on, session)

    def _hand_on_alone(self, key: Any, hand_on: Callable[[Session], None], session: Session) -> None:
        try:
            with session.begin_nested(), narrowed(session, ExecutorCallback, ExecutorCallback.id == key):
                hand_on(session)
        except Exception as error:
            if database_errors.passes(error):
                raise
            self.log.error("Callback %s cannot be handed on; it has failed", key, exc_info=error)
            unloadable_rows.fail_callback(session, key, _in_words(error))

    # --- what Airflow does at intervals: each time anew, whatever became of it the last time ----------

    def _bearing(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:
            if database_errors.passes(error):
                raise
            self._mend_or_fail()
            self.log.error("A part of what is done at intervals failed; it comes again", exc_info=error)

    def _mark_backfills_complete(self, *, session: Session = NEW_SESSION) -> None:
        self._bearing(super()._mark_backfills_complete)

    def check_awaiting_input_timeouts(
        self, max_retries: int = MAX_DB_RETRIES, *, session: Session = NEW_SESSION
    ) -> None:
        """As Airflow's."""
        self._bearing(functools.partial(super().check_awaiting_input_timeouts, max_retries))

    def _handle_tasks_stuck_in_queued(self, *, session: Session = NEW_SESSION) -> None:
        self._bearing(super()._handle_tasks_stuck_in_queued)

    def _update_asset_orphanage(self, *, session: Session = NEW_SESSION) -> None:
        self._bearing(super()._update_asset_orphanage)

    def _find_and_purge_task_instances_without_heartbeats(self) -> None:
        self._bearing(super()._find_and_purge_task_instances_without_heartbeats)


def _next_of(model: DagModel) -> tuple[Any, ...]:
    return model.next_dagrun, model.next_dagrun_create_after, model.next_dagrun_partition_key


def _in_words(cause: BaseException) -> str:
    return database_errors.storable(database_errors.in_words(cause))
