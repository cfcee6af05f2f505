"""Databases for tests: one PostgreSQL for the whole session, and in it as many databases as are asked for.

Tests that hurt the server (stop it, fill its disk) start one of their own.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
from sqlalchemy import MetaData, create_engine

#: makes a database of nobody else; its ``postgresql://...``. What it is about is in its name, for who reads logs
NewDatabase: TypeAlias = Callable[[str], str]
#: of a server that nothing has to outlive: to bring each file of some dozens of databases to disk takes long
FORGETFUL = {"fsync": "off", "full_page_writes": "off"}


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewDatabase]:
    """Databases on a server that is left alone."""
    if there := os.environ.get("AIRFLEET_TEST_DATABASES"):  # the mutation tests: one server for many sessions
        yield from _databases_there(there)
        return
    from airfleet.testing.servers import Servers  # the tests against the next Airflow have no server at all

    numbers = itertools.count(1)
    with Servers(tmp_path_factory.mktemp("databases"), postgres=FORGETFUL) as servers:
        yield lambda about: servers.database(f"{about}_{next(numbers)}")


def _databases_there(url: str) -> Iterator[NewDatabase]:
    """Databases on a server of others, which are removed at the end."""
    import psycopg  # the tests against the next Airflow have none
    from psycopg import sql

    made: list[sql.Identifier] = []
    with psycopg.connect(url, autocommit=True) as server:

        def new(about: str) -> str:
            name = f"{about}_{os.getpid()}_{len(made)}"
            made.append(sql.Identifier(name))
            server.execute(sql.SQL("CREATE DATABASE {}").format(made[-1]))
            return url.removesuffix("postgres") + name

        yield new
        for database in made:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))


def with_tables(url: str, metadata: MetaData, *models: Any) -> str:
    """Make the tables of some models in a database; its URL for SQLAlchemy."""
    made = url.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(made)
    metadata.create_all(engine, tables=[model.__table__ for model in models])
    engine.dispose()
    return made
