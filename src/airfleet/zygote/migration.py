"""Brings Airflow's schema of an existing database to that of the installed Airflow, whole or not at all. [A]

Airflow commits after each of its migrations, and some of them cannot run with psycopg 3, whose server has to guess the
types of parameters: a database would stay between two versions, which no Airflow can use. Here all of them, and what
airfleet adds before and after, are one transaction of PostgreSQL: a commit in the middle only sets a savepoint
(:class:`OneTransaction`), and values are put into the statements by the client (``psycopg.ClientCursor``).

When a migration, the connection or this process fails, the server rolls everything back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg

from airfleet.system.connection_timeouts import CLIENT

_SAVEPOINT = "airfleet_migration"
#: it may take as long as it needs, but not wait for a client that has forgotten its transaction
_LIMITS: LiteralString = """
SET LOCAL lock_timeout = '30s'; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0
"""


class OneTransaction(psycopg.Connection[Any]):
    """A connection whose commits and rollbacks end at a savepoint, until :meth:`finish` commits all of it."""

    def begin(self) -> None:
        """Open the transaction."""
        self.execute(f"SAVEPOINT {_SAVEPOINT}")

    def commit(self) -> None:
        """Keep what was done since the last savepoint, if the end is good."""
        self.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
        self.execute(f"SAVEPOINT {_SAVEPOINT}")

    def rollback(self) -> None:
        """Undo what was done since the last savepoint."""
        self.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")

    def finish(self) -> None:
        """Commit everything."""
        super().commit()


@contextmanager
def whole(url: str) -> Iterator[OneTransaction]:
    """Open a connection to the database of ``url`` (for libpq) on which everything is done, or nothing."""
    connection = OneTransaction.connect(
        url, cursor_factory=psycopg.ClientCursor, application_name="airfleet migrate", **CLIENT
    )
    try:
        connection.execute(_LIMITS)
        connection.begin()
        yield connection
        connection.finish()
    finally:
        connection.close()


def upgrade(connection: OneTransaction) -> None:
    """Run Airflow's migrations on this connection; what was done on it before stays."""
    from airflow.models import import_all_models
    from airflow.utils import db
    from alembic import command
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    connection.commit()  # SQLAlchemy begins with a rollback
    import_all_models()
    config = db._get_alembic_config()
    engine = create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=StaticPool)
    with engine.connect() as shared:
        config.attributes["connection"] = shared
        command.upgrade(config, "heads")
