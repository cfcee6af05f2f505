"""Savepoints, the last logged error, and repair of rows: tools of every class that isolates faults. [A]"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.execution_api.datamodels.taskinstance import DagRun as DagRunOfTask
from airflow.api_fastapi.execution_api.datamodels.taskinstance import TIRunContext
from airflow.callbacks.callback_requests import TaskCallbackRequest
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import TaskInstanceState

from airfleet.metadata import database_errors
from airfleet.scheduler.isolation import unloadable_rows
from airfleet.scheduler.isolation.fault_record import FaultRecord
from airfleet.spool import current_work

if TYPE_CHECKING:
    from airflow.utils.sqlalchemy import CommitProhibitorGuard
    from sqlalchemy.orm import Session

    from airfleet.scheduler.isolation.unloadable_rows import Unloadable


class _NoticingLog:
    """A logger that remembers the error which was logged last."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self.last_error: BaseException | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def exception(self, *args: Any, **kwargs: Any) -> Any:
        self.last_error = sys.exc_info()[1]
        return self._log.exception(*args, **kwargs)


class IsolatingJobRunner(SchedulerJobRunner):
    """Airflow's scheduler with the tools of the module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._faults = FaultRecord(time.monotonic)
        self._work = current_work.of_this_process()
        self._guard: CommitProhibitorGuard | None = None

    @property
    def log(self) -> Any:
        """Airflow's logger; the last error that Airflow logged and passed over is kept here."""
        noticing = self.__dict__.get("_noticing_log")
        if noticing is None:
            noticing = self.__dict__["_noticing_log"] = _NoticingLog(super().log)
        return noticing

    @contextmanager
    def _savepoint(self, session: Session) -> Iterator[None]:
        nested = session.begin_nested()
        try:
            yield
            if self._guard is not None:
                self._guard.expected_commit = True  # the release of a savepoint gives up no lock
            nested.commit()
        except BaseException:
            nested.rollback()
            raise
        finally:
            if self._guard is not None:
                self._guard.expected_commit = False

    def _mend(self, session: Session) -> bool:
        """Repair rows that cannot be loaded and fail their owners; tell whether there were any."""
        found = unloadable_rows.mend(session)
        for row in found:
            self.log.error("%s", row, key=str(row.key))
            if row.has_failed:
                self._call_back_for_task(row, session)
        return bool(found)

    def _call_back_for_task(self, row: Unloadable, session: Session) -> None:
        """Request the failure callback of a task; an error here leaves the task failed without it."""
        with suppress(Exception), self._savepoint(session):
            ti = session.get_one(TaskInstance, row.key, populate_existing=True)
            sink: Any = self.executor.callback_sink
            sink.send(_failure_request(ti, str(row)), session=session)


def _failure_request(ti: TaskInstance, why: str) -> TaskCallbackRequest:
    version, run = ti.dag_version, ti.dag_run
    return TaskCallbackRequest(
        filepath=ti.dag_model.relative_fileloc or "",
        bundle_name=version.bundle_name if version else ti.dag_model.bundle_name,
        bundle_version=run.bundle_version,  # that of the Dag's version moves on with releases
        ti=ti,
        msg=why,
        task_callback_type=TaskInstanceState.FAILED,
        context_from_server=TIRunContext(
            dag_run=DagRunOfTask.model_validate(run, from_attributes=True),
            max_tries=ti.max_tries,
            variables=[],
            connections=[],
            xcom_keys_to_clear=[],
        ),
    )


def in_words(cause: BaseException) -> str:
    """Describe an error as text that PostgreSQL can store."""
    return database_errors.storable(database_errors.in_words(cause))
