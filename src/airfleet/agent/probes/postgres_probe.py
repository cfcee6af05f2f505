"""The probe of the embedded PostgreSQL: does the server ask a newcomer for a password?"""

from __future__ import annotations

import os
import select
import time

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

from airfleet.agent.servers.embedded_postgres import SUPERUSER

#: seconds until the server's first message
GREETING_TIMEOUT_SECONDS = 5.0


def greet(port: int, timeout_seconds: float = GREETING_TIMEOUT_SECONDS) -> None:
    """Connect until the server asks for a password: a tenth of the work of a session, for both sides.

    Raises psycopg.OperationalError for any other answer, TimeoutError when there is none.
    """
    connection = pq.PGconn.connect_start(
        make_conninfo(
            host="127.0.0.1",
            port=port,
            user=SUPERUSER,
            dbname="postgres",
            sslmode="disable",
            gssencmode="disable",
            # None, and none from the environment or a file: then the server's question is the end of it.
            password="",
            passfile=os.path.join(os.devnull, "none"),
        ).encode()
    )
    try:
        _poll_until_answered(connection, timeout_seconds)
        if not connection.needs_password:
            raise psycopg.OperationalError(connection.error_message.decode(errors="replace"))
    finally:
        connection.finish()


def _poll_until_answered(connection: pq.abc.PGconn, timeout_seconds: float) -> None:
    """Poll a connection until it is made, or fails. Raises TimeoutError after ``timeout_seconds`` seconds."""
    deadline = time.monotonic() + timeout_seconds
    interest = {pq.PollingStatus.READING: select.POLLIN, pq.PollingStatus.WRITING: select.POLLOUT}
    while (status := pq.PollingStatus(connection.connect_poll())) in interest:
        poll = select.poll()
        poll.register(connection.socket, interest[status])
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise TimeoutError(f"no answer within {timeout_seconds:g} s")
