"""What is committed of a request in which the database failed; on a real (SQLite) database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import event, exc, text
from sqlalchemy.orm import Session

from airfleet.api_server import database_failures


class Refusal(sqlite3.OperationalError):
    """An error with a state, as psycopg's."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("refused")
        self.sqlstate = sqlstate


class Cursor(sqlite3.Cursor):
    """One that fails at a statement that names the state of its error."""

    def execute(self, statement: str, *parameters: Any) -> Cursor:
        """Run a statement."""
        command, _, state = statement.partition(" ")
        if command == "FAIL":
            raise Refusal(state or None)
        super().execute(statement, *parameters)
        return self


class Connection(sqlite3.Connection):
    """Makes such cursors."""

    def cursor(self, *_: Any) -> Cursor:  # type: ignore[override]
        """Make one."""
        return super().cursor(Cursor)


@pytest.fixture
def engine() -> sqlalchemy.Engine:
    """A database with one table, in a process with our listeners."""
    database_failures.install()
    engine = sqlalchemy.create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(":memory:", factory=Connection), poolclass=sqlalchemy.StaticPool
    )
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE told (number int NOT NULL)"))
    return engine


def numbers(engine: sqlalchemy.Engine) -> list[int]:
    with engine.begin() as connection:
        return list(connection.execute(text("SELECT number FROM told")).scalars())


def fail(session: Session, state: str | None) -> None:
    """A statement fails, and the handler passes it over, as Airflow's does."""
    with pytest.raises(exc.OperationalError):
        session.execute(text(f"FAIL {state or ''}".strip()))
    session.rollback()


def request(engine: sqlalchemy.Engine, *states: str | None) -> None:
    """A handler that stores its number, whatever failed before."""
    with Session(engine) as session:
        for state in states:
            fail(session, state)
        session.execute(text("INSERT INTO told VALUES (1)"))
        session.commit()


@pytest.mark.parametrize("state", [None, "40P01", "53100", "25P03", "25P04", "57P01", "08006"])
def test_after_an_error_that_passes_nothing_is_committed(state: str | None, engine: sqlalchemy.Engine) -> None:
    with database_failures.watched() as failure, pytest.raises(exc.OperationalError):
        request(engine, state)
    assert failure.error is not None
    assert numbers(engine) == []


@pytest.mark.parametrize("state", ["57014", "25P02", "54000"])
def test_an_error_that_the_request_would_meet_again_is_left_to_its_handler(
    state: str, engine: sqlalchemy.Engine
) -> None:
    with database_failures.watched() as failure:
        request(engine, state)
    assert failure.error is None
    assert numbers(engine) == [1]


def test_a_refused_value_is_no_failure_of_the_database(engine: sqlalchemy.Engine) -> None:
    with database_failures.watched() as failure, Session(engine) as session, pytest.raises(exc.IntegrityError):
        session.execute(text("INSERT INTO told VALUES (NULL)"))
    assert failure.error is None


def test_outside_of_a_request_and_in_the_next_one_commits_are_as_ever(engine: sqlalchemy.Engine) -> None:
    request(engine, "53100")
    with database_failures.watched(), pytest.raises(exc.OperationalError):
        request(engine, "53100")
    with database_failures.watched():
        request(engine)
    assert numbers(engine) == [1, 1]


def test_a_thread_that_has_the_context_of_the_request_shares_its_failure(engine: sqlalchemy.Engine) -> None:
    with database_failures.watched() as failure, Session(engine) as session:
        run: Callable[..., Any] = copy_context().run
        run(fail, session, "40P01")
    assert failure.error is not None


def test_listeners_are_installed_once() -> None:
    database_failures.install()
    database_failures.install()
    assert event.contains(Session, "before_commit", database_failures._refuse)
