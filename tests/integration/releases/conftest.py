"""A database with the tables of releases, and as much of Airflow's as they ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import psycopg
import pytest

from airfleet.metadata.migrations import runner
from support.databases import NewDatabase

_AIRFLOW = (
    "CREATE TABLE dag_run (state text, bundle_version text);"
    "CREATE TABLE dag (dag_id text, bundle_version text, is_stale boolean DEFAULT false)"
)


@pytest.fixture
def connect(new_database: NewDatabase) -> Callable[[], psycopg.Connection[Any]]:
    """Connect to a database of this test's own."""
    opened = partial(psycopg.connect, new_database("releases"), autocommit=True)
    with opened() as connection:
        connection.execute(_AIRFLOW)
        runner.apply(connection)
    return opened


@pytest.fixture
def database(connect: Callable[[], psycopg.Connection[Any]]) -> Iterator[psycopg.Connection[Any]]:
    """Give one connection to it."""
    with connect() as connection:
        yield connection
