"""Celery's result backend of a fleet, by which a worker's failures reach the scheduler. [A]

An attempt writes its own end, through the execution API. Only Celery knows of a worker that could not start it or whose
process died, and of callbacks, which have no row to write to. A worker has no database::

    worker ──a file, renamed when complete──> the agent of its host ──a row──> airfleet_outcome ──> scheduler

A file stays until its row is committed, so the way survives the death of the agent and of the database. Rows are
removed after a day.

For Celery it is a store of keys and values, with two sides: workers write (``...:WorkerOutcomes+file:///folder``), and
schedulers read (``...:SchedulerOutcomes+database://``).

An outcome names a message's id, and there may be two messages of one id: a failure may be that of the second, while the
attempt runs. So a worker tells when an attempt had not begun (:class:`NotBegun`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from celery.backends.base import KeyValueStoreBackend
from sqlalchemy import bindparam, text

_READ = text("SELECT key, value FROM airfleet_outcome WHERE key IN :keys").bindparams(bindparam("keys", expanding=True))
_DELETE = text("DELETE FROM airfleet_outcome WHERE key = :key")


class NotBegun(Exception):
    """A worker could not begin the attempt of a message: nothing of the task has run there.

    Has one text, so that it outlives being written as JSON.
    """


class ReleaseAway(NotBegun):
    """A release (its digest) that an attempt or a callback needs is not on the worker's host, or not yet."""

    def __str__(self) -> str:
        return f"release {self.args[0]} is not on this host yet"


def begun_mark(celery_id: str) -> str:
    """Return the id of the signs that a worker has begun with a callback, and lives.

    Not its own: the end, told a moment later, would be written into the file that the agent is just about to remove.
    """
    return f"{celery_id}-begun"


def had_begun(error: object) -> bool:
    """Tell whether a failure is the end of an attempt that had begun.

    The death of a worker's process tells nothing: the agent of its host sees which attempts are gone. The errors
    are known by their names, for a process that reads a result may not have loaded their classes.

    >>> had_begun(NotBegun("no room")), had_begun(RuntimeError("exit code 1"))
    (False, True)
    """
    return type(error).__name__ != NotBegun.__name__ and not release_was_away(error) and not worker_was_lost(error)


def release_was_away(error: object) -> bool:
    """Tell whether a worker gave a message back because its host lacks the release."""
    return type(error).__name__ == ReleaseAway.__name__


def release_that_was_away(error: object) -> str | None:
    """Name the release for want of which a worker gave a message back; None of any other failure."""
    return str(error.args[0]) if isinstance(error, Exception) and release_was_away(error) else None


def worker_was_lost(error: object) -> bool:
    """Tell whether a failure is the death of a worker's process (Celery's ``WorkerLostError``)."""
    return type(error).__name__ == "WorkerLostError"


class _Outcomes(KeyValueStoreBackend):  # type: ignore[misc]
    #: old ones are removed by the agents
    supports_autoexpire = True
    persistent = True

    def __init__(self, app: Any, url: str | None = None, **kwargs: Any) -> None:
        super().__init__(app, url=url, **kwargs)
        self._folder = urlsplit(url or "").path


class WorkerOutcomes(_Outcomes):
    """Where workers leave outcomes; they cannot read any."""

    def get(self, key: Any) -> None:
        """Return nothing: Celery asks before it writes, whether there is an outcome already."""

    def mget(self, keys: Iterable[Any]) -> list[None]:
        """Return nothing for each key."""
        return [None for _ in keys]

    def set(self, key: Any, value: Any) -> None:
        """Leave an outcome for the agent. Raises OSError."""
        name = _text(key)
        draft = os.path.join(self._folder, f".{name}.{os.getpid()}")
        with open(draft, "w", encoding="utf-8") as file:
            file.write(_text(value))
        os.replace(draft, os.path.join(self._folder, name))


class SchedulerOutcomes(_Outcomes):
    """Where schedulers read outcomes. All raise what SQLAlchemy raises."""

    def get(self, key: Any) -> str | None:
        """Return one outcome, or None."""
        return self.mget([key])[0]

    def mget(self, keys: Iterable[Any]) -> list[str | None]:
        """Return the known outcomes, in the order of the keys."""
        names = [_text(key) for key in keys]
        if not names:
            return []
        with _session() as session:
            found = {row.key: row.value for row in session.execute(_READ, {"keys": names})}
        return [found.get(name) for name in names]

    def delete(self, key: Any) -> None:
        """Forget an outcome."""
        with _session() as session:
            session.execute(_DELETE, {"key": _text(key)})


def _session() -> Any:
    from airflow.utils.session import create_session  # a worker, which has no database, does not need it

    # Not the session of this thread: leaving that would commit, and end the locks of, whatever it is used for just now.
    return create_session(scoped=False)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
