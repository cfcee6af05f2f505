"""A scheduler in which no Dag keeps runs of other Dags from being made. [A]

Airflow makes the runs of all Dags in one transaction: a value that the database refuses for one Dag undoes the runs of
all and ends the scheduler; another error is logged, and repeats every second. Here each Dag has a savepoint.
:mod:`airfleet.scheduler.isolation.fault_record` decides when a failed Dag is tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.models.asset import AssetDagRunQueue, AssetPartitionDagRun
from airflow.models.dag import DagModel
from airflow.models.dagbag import CachedDBDagBag
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from airfleet.metadata import database_errors
from airfleet.scheduler.isolation import fault_record
from airfleet.scheduler.isolation.common import IsolatingJobRunner, in_words
from airfleet.scheduler.isolation.narrowed_queries import narrowed
from airfleet.spool.current_work import Kind

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.serialization.definitions.dag import SerializedDAG
    from airflow.utils.sqlalchemy import CommitProhibitorGuard
    from sqlalchemy.orm import Session


class ReadableDagBag(CachedDBDagBag):
    """Airflow's cache of Dags, which reports an unreadable Dag to ``unreadable`` and treats it as missing."""

    unreadable: Callable[[str, Exception], None] = staticmethod(lambda dag_id, error: None)

    def get_dag_for_run(self, dag_run: DagRun, session: Session) -> SerializedDAG | None:
        """Return the Dag of a run; None for one that is missing or unreadable."""
        try:
            return super().get_dag_for_run(dag_run, session)
        except SQLAlchemyError:  # of the database or its connection: it says nothing of the Dag
            raise
        except Exception as error:
            self.unreadable(dag_run.dag_id, error)
            return None


class DagIsolation(IsolatingJobRunner):
    """Airflow's scheduler; each Dag's new runs have a savepoint."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: unreadable Dags of this pass -> why
        self._unread: dict[str, str] = {}
        #: Dags that were unreadable when they were tried last
        self._unreadable: set[str] = set()

    def _create_dagruns_for_dags(self, guard: CommitProhibitorGuard, session: Session) -> None:
        self._guard = guard
        self._record_unreadable(session)
        guard.commit()
        make = super()._create_dagruns_for_dags
        try:
            with self._without_resting_dags(AssetDagRunQueue, session):
                make(guard, session)
        except DBAPIError:
            raise
        except Exception:
            session.rollback()
            if not self._find_unreadable(AssetDagRunQueue, session):
                raise
            with self._without_resting_dags(AssetDagRunQueue, session):
                make(guard, session)

    def _create_dagruns_for_partitioned_asset_dags(self, session: Session) -> set[str]:
        make = super()._create_dagruns_for_partitioned_asset_dags
        with database_errors.noticing(session.get_bind()) as first:
            try:
                with self._without_resting_dags(AssetPartitionDagRun, session), self._savepoint(session):
                    return make(session)
            except Exception as error:
                if database_errors.passes(first.error or error):
                    raise
        return self._make_partitioned_alone(make, session)

    def _make_partitioned_alone(self, make: Callable[[Session], set[str]], session: Session) -> set[str]:
        """Make the runs of partitions Dag by Dag; return the Dags that got some."""
        made: set[str] = set()
        waiting = AssetPartitionDagRun.created_dag_run_id.is_(None)
        named = select(AssetPartitionDagRun.target_dag_id).where(waiting)
        for model in session.scalars(
            select(DagModel).where(DagModel.dag_id.in_(named)).order_by(DagModel.dag_id)
        ).all():
            with narrowed(session, AssetPartitionDagRun, AssetPartitionDagRun.target_dag_id == model.dag_id):
                self._make_runs_of(model, lambda: made.update(make(session)), session)
        if self._guard is not None:
            self._guard.commit()  # a rollback later in the pass must not undo the record of a failed Dag
        return made

    @contextmanager
    def _without_resting_dags(self, waiting_for: Any, session: Session) -> Iterator[None]:
        """Hide assets or partitions of Dags that are left alone for now."""
        resting = [dag_id for dag_id in self._faults.dags if self._faults.dag_waits(dag_id)]
        if not resting:
            yield
            return
        with narrowed(session, waiting_for, waiting_for.target_dag_id.not_in(resting)):
            yield

    def _find_unreadable(self, waiting_for: Any, session: Session) -> bool:
        """Read each Dag of which assets have changed; tell whether an unreadable one was found."""
        before = set(self._unread)
        for dag_id in session.scalars(select(waiting_for.target_dag_id).distinct()).all():
            try:
                for stored in SerializedDagModel.get_latest_serialized_dags(dag_ids=[dag_id], session=session):
                    _ = stored.dag.timetable.asset_condition
            except SQLAlchemyError:  # of the database or its connection: it says nothing of the Dag
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
        cause = self._refusal_to_make(model, make, session)
        if cause is not None:
            self._dag_failed(dag_id, f"No run of Dag '{dag_id}' can be made: {in_words(cause)}", session)
        elif (fault := self._faults.dag_is_well(dag_id)) is not None:
            fault_record.forget_dag(session, fault.why)

    def _refusal_to_make(self, model: DagModel, make: Callable[[], None], session: Session) -> BaseException | None:
        """Make runs of one Dag in a savepoint; return the error of a Dag that gets none. Raises passing errors."""
        before = _next_of(model)
        self.log.last_error = None
        try:
            with database_errors.noticing(session.get_bind()) as first, self._savepoint(session):
                make()
        except Exception as error:
            cause = first.error or error
            if database_errors.passes(cause):
                raise
            return cause
        else:
            # Airflow logs an error of a timetable and passes it over: the next date stays as it was.
            return self.log.last_error if _next_of(model) == before else None
        finally:
            self.log.last_error = None  # its traceback holds rows

    def _dag_failed(self, dag_id: str, why: str, session: Session) -> None:
        if self._faults.dag_failed(dag_id, why):
            self.log.warning("%s; it is tried again later", why)
        fault_record.note_dag(session, dag_id, why)

    def _is_unreadable(self, dag_id: str, error: Exception) -> None:
        why = f"Dag '{dag_id}' cannot be read as it is stored: {in_words(error)}"
        self._unreadable.add(dag_id)  # also a Dag that rests because no run of it could be made
        if not self._faults.dag_waits(dag_id):
            if self._faults.dag_failed(dag_id, why):
                self.log.error("%s; its runs wait", why, exc_info=error)
            self._unread[dag_id] = why

    def _record_unreadable(self, session: Session) -> None:
        """Give the files of unreadable Dags an import error."""
        unread, self._unread = self._unread, {}
        for dag_id, why in unread.items():
            fault_record.note_dag(session, dag_id, why)


def _next_of(model: DagModel) -> tuple[Any, ...]:
    return model.next_dagrun, model.next_dagrun_create_after, model.next_dagrun_partition_key
