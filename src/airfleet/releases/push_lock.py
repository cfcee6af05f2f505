"""The lock of pushes: one at a time, with an owner and an age.

It is a row, so people see who pushes; a push renews it, and one that died lets go of it after a minute.
"""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import psycopg

from airfleet.errors import FleetError
from airfleet.releases.registry import About

#: without a renewal for so long it is nobody's, seconds; and the pause between two renewals
STALE_SECONDS, RENEWAL_SECONDS = 60.0, 15.0

_TAKE: LiteralString = """
INSERT INTO airfleet_release_lock (token, owner, origin) VALUES (%(token)s, %(owner)s, %(origin)s)
ON CONFLICT (one) DO UPDATE SET token = excluded.token, owner = excluded.owner, origin = excluded.origin,
    since = clock_timestamp(), renewed_at = clock_timestamp()
WHERE airfleet_release_lock.renewed_at < clock_timestamp() - make_interval(secs => %(stale)s)
RETURNING token"""
_HOLDER: LiteralString = "SELECT owner, origin, since, clock_timestamp() - since FROM airfleet_release_lock"
_RENEW: LiteralString = "UPDATE airfleet_release_lock SET renewed_at = clock_timestamp() WHERE token = %s"
_RELEASE: LiteralString = "DELETE FROM airfleet_release_lock WHERE token = %s"


@dataclass(frozen=True)
class Holder:
    """The push that holds the lock."""

    owner: str
    origin: str
    since: dt.datetime
    age: dt.timedelta


class Held(FleetError):
    """Another push is under way."""

    def __init__(self, holder: Holder) -> None:
        sentence = f"{holder.owner} pushes from {holder.origin} since {holder.age.total_seconds():.0f} s"
        super().__init__(sentence, f"wait for its end; a push that died lets go after {STALE_SECONDS:.0f} s")
        self.holder = holder


@contextmanager
def hold(connect: Callable[[], psycopg.Connection[Any]], about: About) -> Iterator[None]:
    """Hold the lock for the block, over a connection of its own. Raises Held, psycopg.Error."""
    token, ended = uuid.uuid4(), threading.Event()
    with connect() as connection:
        _take(connection, token, about)
        renewal = threading.Thread(target=_renew, args=(connection, token, ended), name="push lock", daemon=True)
        renewal.start()
        try:
            yield
        finally:
            ended.set()
            renewal.join()
            connection.execute(_RELEASE, (token,))


def holder(connection: psycopg.Connection[Any]) -> Holder | None:
    """Return who holds the lock, alive or not."""
    row = connection.execute(_HOLDER).fetchone()
    return Holder(*row) if row else None


def _take(connection: psycopg.Connection[Any], token: uuid.UUID, about: About) -> None:
    told = {"token": token, "owner": about.author, "origin": about.origin, "stale": STALE_SECONDS}
    for _ in range(_TRIES):
        if connection.execute(_TAKE, told).fetchone():
            return
        if found := holder(connection):
            raise Held(found)
    raise FleetError("the lock of pushes changes hands all the time", "push again")


#: it may be given back between the try and the look at its holder
_TRIES: Final = 3


def _renew(connection: psycopg.Connection[Any], token: uuid.UUID, ended: threading.Event) -> None:
    while not ended.wait(RENEWAL_SECONDS):
        try:
            connection.execute(_RENEW, (token,))
        except psycopg.Error:
            return  # the push will meet the same
