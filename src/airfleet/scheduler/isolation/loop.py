"""A scheduler whose loop survives rows that cannot be loaded, deadlines and callbacks that cannot be handled. [A]

An error that ends Airflow's loop is looked for among the rows that the loop loads
(:mod:`airfleet.scheduler.isolation.unloadable_rows`) and the missed deadlines. The culprit fails, and the loop begins
anew; an error without a culprit ends the scheduler.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow._shared.timezones import timezone
from airflow.models.callback import ExecutorCallback
from airflow.models.deadline import Deadline
from airflow.utils.retries import MAX_DB_RETRIES
from airflow.utils.session import NEW_SESSION, create_session
from airflow.utils.sqlalchemy import with_row_locks
from airflow.utils.state import CallbackState
from sqlalchemy import select, update

from airfleet.metadata import database_errors
from airfleet.scheduler.isolation import unloadable_rows
from airfleet.scheduler.isolation.common import in_words
from airfleet.scheduler.isolation.narrowed_queries import narrowed
from airfleet.scheduler.isolation.runs import RunIsolation

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class LoopIsolation(RunIsolation):
    """Airflow's scheduler; its loop begins anew after the cause of an error has failed."""

    def _run_scheduler_loop(self) -> None:
        self._going_on(super()._run_scheduler_loop)

    def _going_on(self, loop: Callable[[], None]) -> None:
        """Run the loop; begin anew while causes of its errors can be found. Raises an error without a cause."""
        while True:
            try:
                return loop()
            except Exception as error:
                if database_errors.passes(error) or not self._mend_or_fail():
                    raise
                self.log.error("The loop of the scheduler begins anew", exc_info=error)

    def _mend_or_fail(self) -> bool:
        with create_session() as session:
            if self._mend(session):
                return True
        return self._fail_deadlines()

    # --- deadlines -----------------------------------------------------------------------------------

    def _fail_deadlines(self) -> bool:
        """Handle missed deadlines one by one; tell whether one failed, which is then marked as handled."""
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

    # --- callbacks that run in the executor ----------------------------------------------------------

    def _enqueue_executor_callbacks(self, session: Session) -> None:
        """Enqueue callbacks; one that cannot be enqueued has failed."""
        enqueue = super()._enqueue_executor_callbacks
        try:
            with session.begin_nested():
                enqueue(session)
        except Exception as error:
            if database_errors.passes(error):
                raise
            pending = (ExecutorCallback.state == CallbackState.PENDING) & (ExecutorCallback.type == "executor")
            for key in session.scalars(select(ExecutorCallback.id).where(pending)).all():
                self._enqueue_alone(key, enqueue, session)

    def _enqueue_alone(self, key: Any, enqueue: Callable[[Session], None], session: Session) -> None:
        try:
            with session.begin_nested(), narrowed(session, ExecutorCallback, ExecutorCallback.id == key):
                enqueue(session)
        except Exception as error:
            if database_errors.passes(error):
                raise
            self.log.error("Callback %s cannot be enqueued; it has failed", key, exc_info=error)
            unloadable_rows.fail_callback(session, key, in_words(error))

    # --- steps at intervals: each is tried again at its next time, however it ended --------------------

    def _tolerating_errors(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:
            if database_errors.passes(error):
                raise
            self._mend_or_fail()
            self.log.error("A step that runs at intervals failed; it is tried again", exc_info=error)

    def _mark_backfills_complete(self, *, session: Session = NEW_SESSION) -> None:
        self._tolerating_errors(super()._mark_backfills_complete)

    def check_awaiting_input_timeouts(
        self, max_retries: int = MAX_DB_RETRIES, *, session: Session = NEW_SESSION
    ) -> None:
        """Run Airflow's step."""
        self._tolerating_errors(functools.partial(super().check_awaiting_input_timeouts, max_retries))

    def _handle_tasks_stuck_in_queued(self, *, session: Session = NEW_SESSION) -> None:
        self._tolerating_errors(super()._handle_tasks_stuck_in_queued)

    def _update_asset_orphanage(self, *, session: Session = NEW_SESSION) -> None:
        self._tolerating_errors(super()._update_asset_orphanage)

    def _find_and_purge_task_instances_without_heartbeats(self) -> None:
        self._tolerating_errors(super()._find_and_purge_task_instances_without_heartbeats)
