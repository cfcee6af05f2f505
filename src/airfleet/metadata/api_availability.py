"""The record of API availability: since when, without a gap, heartbeats of tasks could be delivered.

A scheduler fails a task whose last heartbeat is minutes old. After an outage of the API of that length every task's
is. So each api-server that receives heartbeats records it every :data:`BEAT_SECONDS`, all in one row, which holds the
start of the current time without a gap. Schedulers count the age of heartbeats from there. Where no attempt runs long
enough to send a heartbeat, nothing is written.

During an outage live attempts look like dead ones. Attempts end by themselves after ``[airfleet] api_outage_seconds``
without the API, and schedulers wait longer than that. Agents report lost attempts meanwhile, without this record.

In a fleet of several hosts the agent of a host answers for its attempts until others take the host over
(:mod:`airfleet.agent.cluster.leases`). A host may be cut off while others are heard, and run its attempts; then the age
of their heartbeats does not count (:func:`holding`). Without such hosts, or without an agent, the age decides.

Failures: without the table (``airflow db migrate`` made the database) Airflow's own rule holds. Clocks of hosts may
differ: only the database's is used.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import dataclass

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

log = logging.getLogger(__name__)

#: seconds between two records of an api-server; seconds between two that count as an outage
BEAT_SECONDS, GAP_SECONDS = 5.0, 15.0

#: once for all api-servers in most of the time between two beats
BEAT = f"""
INSERT INTO airfleet_api AS api (since, beat) VALUES (now(), now())
ON CONFLICT (one) DO UPDATE SET
    since = CASE WHEN api.beat < now() - interval '{GAP_SECONDS} s' THEN now() ELSE api.since END, beat = now()
WHERE api.beat < now() - interval '{0.8 * BEAT_SECONDS} s'
"""
_heard = threading.Event()
_IS_THERE = "SELECT to_regclass('airfleet_api') IS NOT NULL"
#: Hosts that hold their lease, by Airflow's names; none where the asking host is not in the table: its fleet has no
#: hosts any more, and the rows are old.
_HOLDING = """
SELECT hostname FROM airfleet_host
WHERE state = 'up' AND EXISTS (SELECT FROM airfleet_host WHERE hostname = :own)
"""
_ARE_HOSTS_THERE = "SELECT to_regclass('airfleet_host') IS NOT NULL"
_READ = "SELECT extract(epoch FROM now() - since)::float, extract(epoch FROM now() - beat)::float FROM airfleet_api"


@dataclass(frozen=True)
class Presence:
    """Seconds since when heartbeats could be delivered, and seconds since the last record of it."""

    since_seconds: float
    silent_seconds: float


def hear() -> None:
    """Note that a heartbeat was delivered to this process."""
    _heard.set()


def say(engine: Engine) -> None:
    """Record that heartbeats were delivered. Raises sqlalchemy.exc.DBAPIError."""
    with engine.begin() as connection:
        connection.execute(text(BEAT))


def read(session: Session) -> Presence | None:
    """Read the record; None where there is no table for it."""
    if session.get_bind().dialect.name != "postgresql" or not session.scalar(text(_IS_THERE)):
        return None
    found = session.execute(text(_READ)).one_or_none()
    return Presence(*found) if found else Presence(since_seconds=0.0, silent_seconds=math.inf)


def holding(session: Session, own: str) -> frozenset[str]:
    """List the hosts whose attempts must not fail for the age of a heartbeat; ``own`` is the asking host."""
    if session.get_bind().dialect.name != "postgresql" or not session.scalar(text(_ARE_HOSTS_THERE)):
        return frozenset()
    return frozenset(session.scalars(text(_HOLDING), {"own": own}))


def oldest_heartbeat(presence: Presence | None, timeout_seconds: float, patience_seconds: float) -> float:
    """Return the age in seconds beyond which a heartbeat counts as that of a dead attempt.

    ``timeout_seconds`` is the age without outages; ``patience_seconds`` is the time without an API after which attempts
    end by themselves.

    >>> oldest_heartbeat(Presence(since_seconds=9000, silent_seconds=2), 300, 3600)
    300
    >>> oldest_heartbeat(Presence(since_seconds=12, silent_seconds=2), 300, 3600)
    3900
    """
    if presence is None:
        return timeout_seconds
    is_away = presence.silent_seconds > GAP_SECONDS
    is_back = presence.since_seconds >= timeout_seconds
    return timeout_seconds if is_back and not is_away else patience_seconds + timeout_seconds


def keep_saying(engine: Engine) -> None:
    """Record it every few seconds while heartbeats are delivered, in a thread that ends with the process."""
    threading.Thread(target=_keep_saying, args=(engine,), name="presence", daemon=True).start()


def _keep_saying(engine: Engine) -> None:
    while _heard.wait():
        _heard.clear()
        try:
            say(engine)
        except Exception as error:  # an outage of the database: the others see a gap
            log.debug("API availability was not recorded: %s", error)
        time.sleep(BEAT_SECONDS)
