"""Statements of the database about components that sleep: their work, and their rows in Airflow's table of jobs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import LiteralString

from airfleet.agent.probes.database_connection import Queries
from airfleet.fleet.planning.plan import Wake

#: what a triggerer, and what a dag-processor looks for itself
_LOOK: LiteralString = (
    "SELECT EXISTS (SELECT 1 FROM trigger),"
    " EXISTS (SELECT 1 FROM dag_priority_parsing_request)"
    " OR EXISTS (SELECT 1 FROM callback WHERE type = 'dag_processor' AND (state IS NULL OR state = 'running'))"
)
#: the same, and a heartbeat for rows whose processes sleep
_BEAT: LiteralString = (
    "WITH beat AS (UPDATE job SET latest_heartbeat = now() WHERE id = ANY(%s) AND state = 'running') " + _LOOK
)
#: as Airflow would for a process of that kind
_BEGIN: LiteralString = (
    "INSERT INTO job (job_type, state, hostname, start_date, latest_heartbeat)"
    " VALUES (%s, 'running', %s, now(), now()) RETURNING id"
)
_END: LiteralString = (
    "UPDATE job SET state = 'success', end_date = now() WHERE id = ANY(%s) AND state = 'running' RETURNING id"
)


@dataclass(frozen=True)
class Work:
    """The kinds of components for which the database has work."""

    deferred: bool
    requests: bool

    def wakes(self, until: Wake) -> bool:
        """Tell whether a component that waits for this event has work."""
        return {Wake.DEFERRED: self.deferred, Wake.CHANGED: self.requests, Wake.ASKED: False}[until]


NO_WORK = Work(deferred=False, requests=False)


def look(database: Queries) -> Work:
    """Read whether there is work. Raises psycopg.Error."""
    return Work(*database.rows(_LOOK, ())[0])


def beat(database: Queries, jobs: Collection[int]) -> Work:
    """Send a heartbeat for these rows, and read whether there is work. Raises psycopg.Error."""
    return Work(*database.rows(_BEAT, (list(jobs),))[0])


def begin(database: Queries, job_type: str, hostname: str) -> int:
    """Make the row of a component that sleeps before it has run; return its id. Raises psycopg.Error."""
    return int(database.rows(_BEGIN, (job_type, hostname))[0][0])


def end(database: Queries, jobs: Collection[int]) -> None:
    """Call these jobs ended in good order. Raises psycopg.Error."""
    database.rows(_END, (list(jobs),))
