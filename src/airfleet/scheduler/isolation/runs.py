"""A scheduler in which no run of a Dag stops another run. [A]

Airflow starts all queued runs in one transaction and looks at all running ones in another: a value that the database
refuses for one run undoes the work on all and ends the scheduler. An error of another kind is logged, repeats every
second, and what was half done of the run is committed. Here such a pass is undone, and each run gets a transaction.
:mod:`airfleet.scheduler.isolation.fault_record` decides when a failed run is tried again, and when it has failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from airflow._shared.timezones import timezone
from airflow.models.dagrun import DagRun
from airflow.utils.retries import retry_db_transaction
from airflow.utils.sqlalchemy import with_row_locks
from airflow.utils.state import DagRunState
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from airfleet.metadata import database_errors
from airfleet.scheduler.isolation import fault_record
from airfleet.scheduler.isolation.common import in_words
from airfleet.scheduler.isolation.dags import DagIsolation
from airfleet.scheduler.isolation.narrowed_queries import narrowed
from airfleet.spool.current_work import Kind

if TYPE_CHECKING:
    from airflow.callbacks.callback_requests import DagCallbackRequest
    from airflow.utils.sqlalchemy import CommitProhibitorGuard
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

#: seconds until rows that cannot be loaded are searched again, after a search that found none
SEARCH_AGAIN_SECONDS = 3.0
#: runs that cannot start, found in one pass; the next pass goes on with the others
MOST_REFUSED = 10

#: runs that count against the limit of active runs
_TAKES_ROOM = DagRun.state == DagRunState.RUNNING


class RunIsolation(DagIsolation):
    """Airflow's scheduler; a run at which it fails is looked at in a transaction of its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: until when no search for rows that cannot be loaded is worth while, by the clock of faults
        self._none_until = float("-inf")
        #: whether runs were started in this pass
        self._has_started = False

    # --- queued runs ---------------------------------------------------------------------------------

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
        """Start these runs; halve a part that fails, down to the runs that cannot start."""
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
        """Start these runs in a savepoint; return the error that undid it. Raises passing errors."""
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

    # --- running runs --------------------------------------------------------------------------------

    def _schedule_all_dag_runs(
        self, guard: CommitProhibitorGuard, dag_runs: Iterable[DagRun], session: Session
    ) -> list[tuple[DagRun, DagCallbackRequest | None]]:
        """Look at all runs in one transaction; when one fails, undo it and look at each in its own.

        Savepoints would spare the others that second look, and their listeners a second call. They would add two
        statements to the three of each run in every pass, for a failure that a run causes at most five times.
        """
        self._guard = guard
        examined = list(dag_runs)
        runs = [run for run in examined if not self._waits(run)]
        ids = [run.id for run in runs]
        waiting = [run.id for run in examined if run.id not in ids]
        self._look_later(waiting, session)
        with database_errors.noticing(session.get_bind()) as first:
            try:
                looked_at = self._schedule_together(runs, ids, guard, session=session)
                self._went_well(ids)
                return looked_at
            except Exception as error:
                session.rollback()
                if database_errors.passes(first.error or error):
                    raise
        self._look_later(waiting, session)
        guard.commit()  # the rollback of a run that fails alone must not put them first again
        return [found for run in ids if (found := self._schedule_alone(run, guard, session)) is not None]

    @retry_db_transaction
    def _schedule_together(
        self, runs: Sequence[DagRun], ids: Sequence[int], guard: CommitProhibitorGuard, session: Session
    ) -> list[tuple[DagRun, DagCallbackRequest | None]]:
        """Do what Airflow's ``_schedule_all_dag_runs`` does, which passes over errors and commits half a run."""
        try:
            found = [(run, self._schedule_dag_run(run, session)) for run in runs]
            guard.commit()
        except Exception:
            self._rolled_back(ids)  # also before a retry, which looks at the runs anew
            raise
        return found

    def _look_later(self, waiting: Sequence[int], session: Session) -> None:
        """Put runs last in Airflow's order: the next pass would else find them first, in the place of others."""
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
        """Forget conclusions about these runs from a transaction that is undone."""

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
        # A refusal of the database names a value that was written; only other errors may come of a row that was read.
        if first.error is not None or not self._mend_after_run(session):
            self._run_failed(run, cause, session)
        guard.commit()
        return None

    def _schedule_dag_run(self, dag_run: DagRun, session: Session) -> DagCallbackRequest | None:
        self._work.on(Kind.RUN, f"run {dag_run.run_id} of Dag {dag_run.dag_id}")
        return super()._schedule_dag_run(dag_run, session)

    def _mend_after_run(self, session: Session) -> bool:
        """Search for rows that cannot be loaded, unless a moment ago there were none; tell whether any was mended."""
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
            self._faults.runs.pop(run, None)

    def _run_failed(self, run: DagRun, cause: BaseException, session: Session) -> None:
        run_id, dag_id, name = run.id, run.dag_id, run.run_id
        why = f"The scheduler cannot go on with run '{name}' of Dag '{dag_id}': {in_words(cause)}"
        is_first = run_id not in self._faults.runs
        gives_up = self._faults.run_failed(run_id, why)
        if is_first:
            self.log.error("%s; it is tried again", why, exc_info=cause)
        if not gives_up:
            return
        self._faults.runs.pop(run_id, None)
        with session.no_autoflush:
            session.expire(run)  # its state changes by a statement of our own
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
