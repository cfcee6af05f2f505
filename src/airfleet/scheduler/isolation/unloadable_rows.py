"""Search for rows that the ORM cannot load, and repair of them. [A]

A pickle of a removed class, or JSON of another shape than Airflow's own, shows only when its row is loaded. Every query
that loads the row then fails for all rows and ends the component that asked, and the error does not name the row.

The search reads the column again, in halves, until the row is known. It empties the value, so that the row can be
loaded, and fails the owner of the value: a task instance that has not begun, a callback, a deadline. Of rows with the
same value it reads one: most of a hundred thousand task instances have none.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.models.callback import Callback
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import DagRunState, State
from sqlalchemy import Text, cast, null, or_, select, text, update
from sqlalchemy.exc import DBAPIError

from airfleet.metadata import database_errors

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

#: rows of which one query reads the column
ROWS = 1_000
#: characters of a note
NOTE_CHARACTERS = 900

_FAIL = text("""
UPDATE task_instance SET state = 'failed', end_date = now(), updated_at = now()
WHERE id = :id AND (state IS NULL OR state IN (
    'scheduled', 'queued', 'up_for_retry', 'up_for_reschedule', 'deferred', 'awaiting_input'
))
""")
_NOTE = text("""
INSERT INTO task_instance_note (ti_id, content, created_at, updated_at) VALUES (:id, :note, now(), now())
ON CONFLICT (ti_id) DO UPDATE SET content = :note, updated_at = now()
""")
_FAIL_CALLBACK = text("UPDATE callback SET state = 'failed', output = :note WHERE id = :id")
_FORGET_DEADLINE = text("UPDATE deadline SET missed = true WHERE callback_id = :id")


@dataclass(frozen=True)
class Unloadable:
    """A row that could not be loaded."""

    table: str
    column: str
    key: Any
    why: str
    #: a task instance failed of it
    has_failed: bool = False

    def __str__(self) -> str:
        return f"'{self.column}' of this {self.table.replace('_', ' ')} cannot be loaded: {self.why}"


@dataclass(frozen=True)
class _Column:
    """A column that Airflow loads of many rows at once, and the repair of a row of which it cannot be loaded."""

    column: Any
    key: Any
    in_use: Any
    empty: Any
    is_dict: bool = True
    #: fails the owner of the value; tells whether a task has failed
    fail: Callable[[Session, Any, str], bool] = lambda session, key, why: False


def mend(session: Session) -> list[Unloadable]:
    """Repair rows that cannot be loaded and fail their owners; return those rows."""
    found = []
    for one in _columns():
        stored = cast(one.column, Text)
        keys = session.scalars(select(one.key).where(one.in_use).distinct(stored).order_by(stored)).all()
        for start in range(0, len(keys), ROWS):
            for first, why in _unloadable(session, one, keys[start : start + ROWS]):
                same = select(stored).where(one.key == first).scalar_subquery()
                bad = session.scalars(select(one.key).where(one.in_use, stored == same)).all()
                found += [_mended(session, one, key, why) for key in bad]
    return found


def _columns() -> tuple[_Column, ...]:
    unfinished = TaskInstance.state.is_(None) | TaskInstance.state.in_([s for s in State.unfinished if s])
    of_active_runs = (
        select(DagRun.run_id)
        .where(
            DagRun.dag_id == TaskInstance.dag_id,
            DagRun.run_id == TaskInstance.run_id,
            DagRun.state.in_([DagRunState.RUNNING, DagRunState.QUEUED]),
        )
        .exists()
    )
    tasks = or_(unfinished, of_active_runs)
    task = functools.partial(_Column, key=TaskInstance.id, in_use=tasks)
    runs = DagRun.state.in_([DagRunState.RUNNING, DagRunState.QUEUED])
    callbacks = or_(Callback.state.is_(None), Callback.state.not_in(["success", "failed"]))
    return (
        task(column=TaskInstance.executor_config, empty={}, is_dict=False, fail=_fail_task),
        task(column=TaskInstance.next_kwargs, empty=null(), fail=_fail_task),
        task(column=TaskInstance.context_carrier, empty={}),
        _Column(DagRun.context_carrier, key=DagRun.id, in_use=runs, empty={}),
        _Column(Callback.data, key=Callback.id, in_use=callbacks, empty={}, fail=fail_callback),
    )


def _unloadable(session: Session, one: _Column, keys: Sequence[Any]) -> list[tuple[Any, str]]:
    """Return the keys of rows that cannot be loaded, and why."""
    try:
        rows = session.execute(select(one.key, one.column).where(one.key.in_(keys))).all()
    except DBAPIError:
        raise
    except Exception as error:
        if len(keys) == 1:
            return [(keys[0], database_errors.storable(database_errors.in_words(error)))]
        middle = len(keys) // 2
        return _unloadable(session, one, keys[:middle]) + _unloadable(session, one, keys[middle:])
    wrong = [(key, value) for key, value in rows if one.is_dict and not isinstance(value, dict | None)]
    return [(key, f"a mapping is expected, not {type(value).__name__}") for key, value in wrong]


def _mended(session: Session, one: _Column, key: Any, why: str) -> Unloadable:
    table, name = one.column.class_.__table__, one.column.key
    session.execute(update(table).where(table.c[one.key.key] == key).values({name: one.empty}))
    row = Unloadable(table.name, name, key, why)
    return Unloadable(table.name, name, key, why, has_failed=one.fail(session, key, str(row)))


def _fail_task(session: Session, key: UUID, why: str) -> bool:
    done: Any = session.execute(_FAIL, {"id": key})
    if done.rowcount:
        session.execute(_NOTE, {"id": key, "note": why[:NOTE_CHARACTERS]})
    return bool(done.rowcount)


def fail_callback(session: Session, key: UUID, why: str) -> bool:
    """Fail a callback and stop watching its deadline."""
    session.execute(_FAIL_CALLBACK, {"id": key, "note": why[:NOTE_CHARACTERS]})
    session.execute(_FORGET_DEADLINE, {"id": key})
    return False
