"""Airflow's uptake of a release that has gone live: its Dags are rows of the database, and runs take what these say.

The dag-processor moves all rows at once, except those of changed files, which it parses first. Nothing of a push
depends on it: a dag-processor that is down takes the release up when it comes back.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Final, LiteralString

from airfleet.client import fleet_database
from airfleet.fleet.planning.default_settings import BUNDLE_NAME
from airfleet.metadata.channels import DAGS

if TYPE_CHECKING:
    from airfleet.cli.queries.release_records import ReleaseRecords

#: a push waits no longer for it
MOST_SECONDS: Final = 10.0
#: between two looks without a notification: rows that move to a release wake nobody
_LOOK_SECONDS: Final = 0.1
_LATE: LiteralString = """
SELECT dag_id FROM dag WHERE bundle_name = %(bundle)s AND NOT is_stale AND bundle_version IS DISTINCT FROM %(digest)s
UNION
SELECT dag_id FROM unnest(%(dags)s::text[]) AS dag_id
WHERE NOT EXISTS (SELECT FROM dag WHERE dag.dag_id = dag_id.dag_id AND bundle_version = %(digest)s)
ORDER BY dag_id"""


def told(records: ReleaseRecords, digest: str, dag_ids: Collection[str], seconds: float) -> str:
    """Wait until all Dags are those of a release, ``dag_ids`` among them, and say how far that went.

    The release is live already, so nothing that goes wrong here is an error.
    """
    import psycopg

    try:
        return sentence(wait(records, digest, dag_ids, seconds))
    except psycopg.Error as wrong:
        return f"whether Airflow has taken it up is not known: {fleet_database.said(wrong)}"


def wait(records: ReleaseRecords, digest: str, dag_ids: Collection[str], seconds: float) -> tuple[str, ...]:
    """Return the Dags that were not those of the release in time. Raises psycopg.Error."""
    deadline = time.monotonic() + min(seconds, MOST_SECONDS)
    with records.listening(DAGS):
        while (found := late(records, digest, dag_ids)) and (left := deadline - time.monotonic()) > 0:
            for _ in records.connection.notifies(timeout=min(left, _LOOK_SECONDS), stop_after=1):
                pass
        return found


def late(records: ReleaseRecords, digest: str, dag_ids: Collection[str]) -> tuple[str, ...]:
    """List the Dags that are of another release, or not there yet."""
    told = {"bundle": BUNDLE_NAME, "digest": digest, "dags": list(dag_ids)}
    return tuple(dag_id for (dag_id,) in records.connection.execute(_LATE, told))


def sentence(late: Collection[str]) -> str:
    """Say how the uptake went.

    >>> sentence(())
    'Airflow has taken it up'
    >>> sentence(["orders", "users"])
    'Airflow is still taking it up, 2 Dags are to come: orders, users'
    """
    from airfleet.errors import listed

    if not late:
        return "Airflow has taken it up"
    count = "1 Dag is" if len(late) == 1 else f"{len(late):,} Dags are"
    return f"Airflow is still taking it up, {count} to come: {listed(late, 3)}"
