"""Since when attempts can tell that they live: what an outage of the API or its database leaves a scheduler to know.

A scheduler fails a task whose last heartbeat is minutes old. After an outage of minutes that is true of all tasks, and
of no one's fault. So every api-server to which heartbeats are delivered says so in the database, every few seconds; all
of them write one row, and what they write is the start of the time in which there was no gap. The age of a heartbeat is
counted from there. Where no attempt runs for so long that it sends one, nobody says anything, and nothing is written.

While nobody's heartbeats are delivered, attempts cannot be told from the dead. They end by themselves when they were
out of touch for ``[airfleet] api_outage_seconds``, and a scheduler waits longer than that. Agents tell of attempts that
are lost meanwhile; nobody waits for this to find those.

Of a fleet of several hosts the table of hosts says more: the attempts of a host are its agent's affair for as long as
nobody took the host over (:mod:`airfleet.agent.cluster.leases`). It may be cut off while others are heard, and run them
all the same; the age of their heartbeats says nothing then (:func:`holding`). Where there are no such hosts, or no
agent, the age is what there is.

What fails: no table (another Airflow's migration made the database) - Airflow's own rule holds; the clocks of hosts
differ - only the database's is used.
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

#: between two signs of an api-server, and the longest time between two that is no outage, seconds
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
#: Hosts that nobody took over, as Airflow knows them; none where the host that asks is not in the table: its fleet has
#: no hosts by now, and what the table says is of former times.
_HOLDING = """
SELECT hostname FROM airfleet_host
WHERE state = 'up' AND EXISTS (SELECT FROM airfleet_host WHERE hostname = :own)
"""
_ARE_HOSTS_THERE = "SELECT to_regclass('airfleet_host') IS NOT NULL"
_READ = "SELECT extract(epoch FROM now() - since)::float, extract(epoch FROM now() - beat)::float FROM airfleet_api"


@dataclass(frozen=True)
class Presence:
    """For how many seconds heartbeats could be delivered, and how old the last sign of that is."""

    since_seconds: float
    silent_seconds: float


def hear() -> None:
    """Take note that a heartbeat was delivered to this process."""
    _heard.set()


def say(engine: Engine) -> None:
    """Say that heartbeats were delivered. Raises sqlalchemy.exc.DBAPIError."""
    with engine.begin() as connection:
        connection.execute(text(BEAT))


def read(session: Session) -> Presence | None:
    """What was said last; None where nobody would say anything."""
    if session.get_bind().dialect.name != "postgresql" or not session.scalar(text(_IS_THERE)):
        return None
    found = session.execute(text(_READ)).one_or_none()
    return Presence(*found) if found else Presence(since_seconds=0.0, silent_seconds=math.inf)


def holding(session: Session, own: str) -> frozenset[str]:
    """The hosts whose attempts nobody may give up for the age of a heartbeat; ``own`` is the host that asks."""
    if session.get_bind().dialect.name != "postgresql" or not session.scalar(text(_ARE_HOSTS_THERE)):
        return frozenset()
    return frozenset(session.scalars(text(_HOLDING), {"own": own}))


def oldest_heartbeat(presence: Presence | None, timeout_seconds: float, patience_seconds: float) -> float:
    """How old, in seconds, the last heartbeat of an attempt may be that is not taken for dead.

    ``timeout_seconds`` is how old it may be in quiet times, ``patience_seconds`` after how long without an API attempts
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
    """Say it every few seconds while heartbeats are delivered, in a thread that ends with the process."""
    threading.Thread(target=_keep_saying, args=(engine,), name="presence", daemon=True).start()


def _keep_saying(engine: Engine) -> None:
    while _heard.wait():
        _heard.clear()
        try:
            say(engine)
        except Exception as error:  # an outage of the database: the others see a gap
            log.debug("The database was not told that heartbeats were delivered: %s", error)
        time.sleep(BEAT_SECONDS)
