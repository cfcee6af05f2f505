"""One host at a time changes the schema of the fleet's database.

Hosts that start together all find the same migrations pending. Airflow's migration takes a lock of its own; the steps
of airfleet before and after it (triggers, tables) need one around all of it. A host that had to wait finds the work
done. The lock belongs to a session, so it ends with the process that holds it, or with its host: TCP keepalives tell
the server within seconds that the other end is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from airfleet.metadata.advisory_locks import SCHEMA
from airfleet.system.connection_timeouts import CLIENT


@contextmanager
def alone(url: str) -> Iterator[None]:
    """Hold the lock of this database for the block; wait until no other host has it. Raises psycopg.Error."""
    with psycopg.connect(url, autocommit=True, application_name="airfleet migrate", **CLIENT) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (SCHEMA,))
        yield
