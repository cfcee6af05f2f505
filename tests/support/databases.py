"""Databases for tests: one PostgreSQL for the whole session, and in it as many databases as are asked for.

Tests that hurt the server (stop it, fill its disk) start one of their own.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
from sqlalchemy import MetaData, create_engine

#: makes a database of nobody else; its ``postgresql://...``. What it is about is in its name, for who reads logs
NewDatabase: TypeAlias = Callable[[str], str]


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewDatabase]:
    """Databases on a server that is left alone."""
    from airfleet.testing.servers import Servers  # the tests against the next Airflow have no server at all

    numbers = itertools.count(1)
    with Servers(tmp_path_factory.mktemp("databases")) as servers:
        yield lambda about: servers.database(f"{about}_{next(numbers)}")


def with_tables(url: str, metadata: MetaData, *models: Any) -> str:
    """Make the tables of some models in a database; its URL for SQLAlchemy."""
    made = url.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(made)
    metadata.create_all(engine, tables=[model.__table__ for model in models])
    engine.dispose()
    return made
