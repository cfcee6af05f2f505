"""Which errors of the database pass by themselves, and how they are told."""

from __future__ import annotations

import psycopg
import pytest
import sqlalchemy
from psycopg import errors
from sqlalchemy import exc, text

from airfleet.metadata import database_errors


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (errors.IdleInTransactionSessionTimeout(), True),
        (errors.lookup("25P04")(), True),
        (errors.ReadOnlySqlTransaction(), True),
        (errors.InFailedSqlTransaction(), False),
        (errors.DeadlockDetected(), True),
        (errors.DiskFull(), True),
        (errors.LockNotAvailable(), True),
        (errors.AdminShutdown(), True),
        (errors.NumericValueOutOfRange(), False),
        (errors.UniqueViolation(), False),
        (psycopg.OperationalError("the connection is lost"), True),
        (TimeoutError(), True),
        (ValueError(), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "of SQLAlchemy"])
def test_an_error_passes_when_the_value_is_not_its_cause(error: Exception, passes: bool, wrapped: bool) -> None:
    assert database_errors.passes(exc.DBAPIError("SELECT", None, error) if wrapped else error) is passes  # type: ignore[arg-type]


def test_a_connection_that_was_given_up_passes() -> None:
    refused = exc.DBAPIError("SELECT", None, errors.UniqueViolation(), connection_invalidated=True)
    assert database_errors.passes(refused)


def test_the_first_error_is_remembered_and_not_what_follows_from_it() -> None:
    engine = sqlalchemy.create_engine("sqlite://")
    with database_errors.noticing(engine) as first, engine.connect() as connection:
        for statement in ("SELECT first_one", "SELECT second_one"):
            with pytest.raises(exc.OperationalError):
                connection.execute(text(statement))
    assert "first_one" in str(first.error)


def test_no_statement_and_no_value_is_told() -> None:
    error = exc.DBAPIError("INSERT a secret", {"value": "a secret"}, errors.NumericValueOutOfRange("out of range\nat"))
    assert database_errors.in_words(error) == "out of range"
