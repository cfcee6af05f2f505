"""Airflow's role and database in the embedded PostgreSQL, made when they are missing."""

from __future__ import annotations

import psycopg
from psycopg import sql

from airfleet.agent.servers.embedded_postgres import SUPERUSER

CONNECT_TIMEOUT_SECONDS = 5


def provide(port: int, superuser_password: str, airflow_password: str) -> None:
    """Make the role and the database ``airflow``, and set the role's password. Raises psycopg.Error."""
    with psycopg.connect(
        host="127.0.0.1",
        port=port,
        user=SUPERUSER,
        password=superuser_password,
        dbname="postgres",
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        autocommit=True,
    ) as db:
        if not db.execute("SELECT 1 FROM pg_roles WHERE rolname = 'airflow'").fetchone():
            db.execute("CREATE ROLE airflow LOGIN")
        # At each start: the password may have been replaced.
        db.execute(sql.SQL("ALTER ROLE airflow PASSWORD {}").format(sql.Literal(airflow_password)))
        if not db.execute("SELECT 1 FROM pg_database WHERE datname = 'airflow'").fetchone():
            db.execute("CREATE DATABASE airflow OWNER airflow")
