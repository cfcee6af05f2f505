"""All triggers of airfleet on Airflow's tables: they notify schedulers and stamp heartbeats.

A migration removes them before it changes Airflow's tables and creates them afterwards, in the same transaction. Where
somebody else changed the tables (``airflow db migrate``, a restored backup), a scheduler restores what is missing.
"""

from __future__ import annotations

import logging
from typing import Any

import psycopg

from airfleet.metadata import heartbeat_trigger, notification_triggers

log = logging.getLogger(__name__)

#: seconds for which the lock of a table is waited for when a trigger is restored
RESTORE_SECONDS = 5


def install(connection: psycopg.Connection[Any]) -> None:
    """Create the triggers, and replace those of another airfleet."""
    notification_triggers.install(connection)
    heartbeat_trigger.install(connection)


def remove(connection: psycopg.Connection[Any]) -> None:
    """Drop all triggers, as far as they are there."""
    notification_triggers.remove(connection)
    heartbeat_trigger.remove(connection)


def restore(connection: psycopg.Connection[Any]) -> bool:
    """Create triggers that somebody removed while the fleet runs; return whether there were any.

    Triggers of another airfleet stay as they are. Raises psycopg.Error.
    """
    lacks = _missing(connection)
    if not lacks:
        return False
    with connection.transaction():
        connection.execute(f"SET LOCAL lock_timeout = '{RESTORE_SECONDS}s'".encode())
        if "notifications" in lacks:
            notification_triggers.install(connection)
        heartbeat_trigger.install(connection)
    log.warning("The database had lost triggers of airfleet (%s); they were restored", ", ".join(lacks))
    return True


def _missing(connection: psycopg.Connection[Any]) -> list[str]:
    missing: list[str] = []
    if not (notification_triggers.installed(connection) or notification_triggers.are_of_another_airfleet(connection)):
        missing.append("notifications")
    if not heartbeat_trigger.installed(connection):
        missing.append("heartbeats")
    return missing
