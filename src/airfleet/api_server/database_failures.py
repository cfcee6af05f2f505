"""Requests in which the database failed: nothing that was decided after the failure is committed. [A]

Airflow's handler of an attempt's end treats any error of the database as a failure of the task: it rolls back and
commits *failed*, whatever the attempt had to say (reference: ``ti_update_state``). An error that passes (no disk space,
a deadlock, a lost connection) is not the fault of the request, so this commit is refused, and the client asks again.

Neither side can be passed in: Airflow makes the session of a request in a dependency of its own, and its handler keeps
the error to itself. So each request has a :class:`DatabaseFailure` in a ``ContextVar``, which threads of the request
share; one listener of every engine fills it, and one listener of every session reads it before a commit. Outside of a
request both do nothing. They cost one look-up for each error and each commit, and no statement.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeGuard

import structlog
from sqlalchemy import Engine, ExceptionContext, event
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.orm import Session

log = structlog.get_logger(__name__)

#: Beginnings of the SQLSTATE of errors that pass. Whole classes: the connection, a deadlock, the system around the
#: database. Single ones: a transaction ended for being idle or too long, a standby that takes no writes, no disk, no
#: memory, no connection left, an operator's shutdown, a session ended for being idle. Left out are errors that the same
#: request would meet again: one that follows an error passed over (25P02), a query that took too long (57014).
_PASSING = (
    "08", "40", "58", "25P03", "25P04", "25006", "53000", "53100", "53200", "53300", "57P01", "57P02", "57P03", "57P05",
)  # fmt: skip


@dataclass
class DatabaseFailure:
    """The passing error of the database in one request, if there was one."""

    error: DBAPIError | None = None


_FAILURE: ContextVar[DatabaseFailure | None] = ContextVar("database_failure", default=None)


def install() -> None:
    """Refuse commits after a failure, in every session of this process."""
    if not event.contains(Session, "before_commit", _refuse):
        event.listen(Engine, "handle_error", _note)
        event.listen(Session, "before_commit", _refuse)


@contextmanager
def watched() -> Iterator[DatabaseFailure]:
    """Take note of a failure in the block, which handles one request."""
    failure = DatabaseFailure()
    before = _FAILURE.set(failure)
    try:
        yield failure
    finally:
        _FAILURE.reset(before)


def _note(context: ExceptionContext) -> None:
    failure, error = _FAILURE.get(), context.sqlalchemy_exception
    if failure is not None and not context.is_pre_ping and _passes(error):
        failure.error = error


def _passes(error: Exception | None) -> TypeGuard[DBAPIError]:
    if not isinstance(error, OperationalError | InterfaceError | InternalError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    return state is None or state.startswith(_PASSING)  # none: the connection was lost


def _refuse(session: Session) -> None:
    failure = _FAILURE.get()
    if failure is not None and failure.error is not None:
        log.warning("Nothing is recorded of a request in which the database failed", error=str(failure.error.orig))
        raise failure.error
