"""Brings airfleet's own part of the schema to this version: tables by migrations, then triggers on Airflow's tables."""

from __future__ import annotations

from typing import Any

import psycopg

from airfleet.metadata import lost_attempts, triggers
from airfleet.metadata.migrations import runner
from airfleet.metadata.migrations.migration import Migration
from airfleet.metadata.migrations.runner import SchemaRefused


def install(connection: psycopg.Connection[Any]) -> tuple[Migration, ...]:
    """Apply pending migrations, create missing triggers, delete old rows; return the migrations that were applied.

    Everything is one transaction, or part of the caller's. Raises SchemaRefused with a sentence when the schema is
    newer, another one, or of a role for which this one may not act; and psycopg.Error.
    """
    try:
        with connection.transaction():
            applied = runner.apply(connection)
            triggers.install(connection)
            lost_attempts.forget_old(connection)
    except psycopg.errors.InsufficientPrivilege as refused:
        role, said = connection.info.user, refused.diag.message_primary
        raise SchemaRefused(f"role '{role}' may not change what airfleet has in the database: {said}") from None
    return applied
