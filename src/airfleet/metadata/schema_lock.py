"""One host at a time changes the schema of the fleet's database.

Hosts that start together all find that something is to be made. Airflow's own migration takes a lock of its own; what
airfleet adds before and after it (triggers that must not be there meanwhile, tables) needs one around all of it.
Whoever waits finds the work done. The lock belongs to a session, so it ends with the process that holds it, and with
its host: the server hears within seconds that nobody is left at the other end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from airfleet.metadata.advisory_locks import SCHEMA
from airfleet.system.connection_timeouts import CLIENT


@contextmanager
def alone(url: str) -> Iterator[None]:
    """Wait until no other host is in such a block with this database. Raises psycopg.Error."""
    with psycopg.connect(url, autocommit=True, application_name="airfleet migrate", **CLIENT) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (SCHEMA,))
        yield
