"""Rows of attempts that the executor reads: their states, and the messages of those that are queued. [A]"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from sqlalchemy import func, select

if TYPE_CHECKING:
    from airflow.executors.workloads import ExecuteTask
    from airflow.models.taskinstancekey import TaskInstanceKey

    from airfleet.metadata.notifications import NotificationListener

#: parameter: the ids of task instances
ROWS = "SELECT id, state, external_executor_id FROM task_instance WHERE id = ANY(%s)"
_COLUMNS = (TaskInstance.id, TaskInstance.state, TaskInstance.external_executor_id)


class Row(NamedTuple):
    """The part of a task instance that tells whether an attempt is over."""

    ti_id: UUID
    state: str | None
    celery_id: str | None


def rows(ids: Collection[UUID], listener: NotificationListener | None) -> dict[UUID, Row]:
    """Return the rows of these task instances, by one small query."""
    wanted = list(ids)
    found = listener.fetch(ROWS, (wanted,)) if listener else None
    if found is None:
        with create_session() as session:
            found = [tuple(row) for row in session.execute(select(*_COLUMNS).where(TaskInstance.id.in_(wanted)))]
    return {row[0]: Row(*row) for row in found}


def renamed(key: TaskInstanceKey) -> Row | None:
    """Return the row of a task that was cleared while it ran, and has a new id; None when the task is gone."""
    query = select(*_COLUMNS).where(
        TaskInstance.dag_id == key.dag_id,
        TaskInstance.task_id == key.task_id,
        TaskInstance.run_id == key.run_id,
        TaskInstance.map_index == key.map_index,
    )
    with create_session() as session:
        found = session.execute(query).one_or_none()
    return None if found is None else Row(*found)


def queued_by_others(job_id: object, queues: Collection[str]) -> dict[str, int]:
    """Count the attempts in these queues that other schedulers have queued."""
    query = (
        select(TaskInstance.queue, func.count())
        .where(
            TaskInstance.state == TaskInstanceState.QUEUED,
            TaskInstance.external_executor_id.is_not(None),
            TaskInstance.queued_by_job_id != job_id,
            TaskInstance.queue.in_(queues),
        )
        .group_by(TaskInstance.queue)
    )
    with create_session() as session:
        return {queue or "": number for queue, number in session.execute(query)}


def queued_workloads(
    ids: Collection[UUID], celery_ids: Collection[str], make: Callable[[TaskInstance], ExecuteTask]
) -> list[ExecuteTask]:
    """Return workloads of these task instances with new tokens, if they are queued under these ids still."""
    query = select(TaskInstance).where(
        TaskInstance.id.in_(ids),
        TaskInstance.state == TaskInstanceState.QUEUED,
        TaskInstance.external_executor_id.in_(celery_ids),
        TaskInstance.dag_version_id.is_not(None),
    )
    with create_session() as session:
        return [make(ti) for ti in session.scalars(query)]
