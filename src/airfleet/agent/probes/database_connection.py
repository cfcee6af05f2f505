"""One connection to Airflow's database for every question of the agent, shared by its threads."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, LiteralString, Protocol

import psycopg

from airfleet.system.connection_timeouts import CLIENT


class Queries(Protocol):
    """The questions that parts of the agent put to Airflow's database."""

    def rows(self, query: LiteralString, parameters: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return all rows of an answer. Raises psycopg.Error."""


class DatabaseConnection:
    """A connection that is opened when first used, and again after an error; any thread may ask."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None

    def row(self, query: LiteralString, parameters: Sequence[Any]) -> tuple[Any, ...] | None:
        """Return the first row of an answer. Raises psycopg.Error."""
        return next(iter(self.rows(query, parameters)), None)

    def rows(self, query: LiteralString, parameters: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return all rows of an answer. Raises psycopg.Error."""
        with self._lock:
            if self._connection is not None:
                try:
                    return self._connection.execute(query, parameters).fetchall()
                except psycopg.OperationalError:  # after a restart of the server the connection is of no use
                    self._close()
            self._connection = psycopg.connect(
                self._url,
                autocommit=True,
                application_name="airfleet health",
                **CLIENT,
            )
            try:
                return self._connection.execute(query, parameters).fetchall()
            except BaseException:
                self._close()
                raise

    def close(self) -> None:
        """Close the connection, unless a question is open on it."""
        if self._lock.acquire(blocking=False):
            self._close()
            self._lock.release()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
