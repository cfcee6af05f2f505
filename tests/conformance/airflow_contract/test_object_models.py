"""What :mod:`airfleet.zygote.airflow_objects` takes for granted of Airflow's models."""

from __future__ import annotations

import inspect

import pytest
from airflow.models import Connection, Pool, Variable

from airfleet.zygote import airflow_objects


def test_a_connection_is_made_of_these_and_says_them_again() -> None:
    given = {"conn_type", "description", "host", "port", "schema", "login", "password", "extra", "uri", "conn_id"}
    assert given <= set(inspect.signature(Connection).parameters)
    made = Connection(conn_id="a", uri="postgres://me:p%40ss@db:5433/orders?sslmode=require")
    assert (made.conn_type, made.login, made.host, made.port, made.schema) == ("postgres", "me", "db", 5433, "orders")
    assert (made.password, made.extra_dejson) == ("p@ss", {"sslmode": "require"})


def test_a_password_is_not_taken_away_by_setting_none() -> None:
    """Why a changed connection is made anew."""
    made = Connection(conn_id="a", conn_type="http", password="hush")
    made.set_password(None)
    assert made.password == "hush"


def test_a_variable_is_set_and_read_like_this() -> None:
    made = Variable(key="a", val="one", description="d")
    assert (made.key, made.get_val(), made.description) == ("a", "one", "d")
    made.set_val("two")
    assert made.get_val() == "two"


def test_a_pool_is_known_by_its_name_and_has_these() -> None:
    made = Pool(pool="a", slots=1, description="d", include_deferred=True)
    assert (made.pool, made.slots, made.description, made.include_deferred) == ("a", 1, "d", True)


def test_the_columns_that_are_looked_for() -> None:
    columns = [Connection.__table__.c.conn_id, Variable.__table__.c.key, Pool.__table__.c.pool]
    assert all(column.unique for column in columns)


def test_a_uri_that_airflow_cannot_read_is_said_without_its_password() -> None:
    one = {"id": "bucket", "uri": "aws://key:hu/sh@/?a=1", "description": ""}
    with pytest.raises(SystemExit) as refused:
        airflow_objects._made(one)
    assert str(refused.value).startswith("connection 'bucket' has a URI that Airflow cannot read; in a URI, a password")
    assert "sh@" not in str(refused.value)
    assert refused.value.__cause__ is None
