"""The lock of pushes: one at a time, with an owner and an age.

It is a row, so people see who pushes; a push renews it, and one that died lets go of it after a minute.
"""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
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


class Lost(FleetError):
    """The lock was taken over."""

    def __init__(self) -> None:
        super().__init__(
            f"this push was silent for {STALE_SECONDS:.0f} s, and another one took its place", "push again"
        )


@dataclass
class Lock:
    """A lock that is held, with what its renewal found out."""

    token: uuid.UUID = field(default_factory=uuid.uuid4)
    is_lost: bool = False

    def check(self) -> None:
        """Raise Lost when another push took the lock over."""
        if self.is_lost:
            raise Lost


@contextmanager
def hold(connect: Callable[[], psycopg.Connection[Any]], about: About) -> Iterator[Lock]:
    """Hold the lock for the block. Raises Held, psycopg.Error. Without the database it is renewed when that is back."""
    lock, ended = Lock(), threading.Event()
    with closing(connect()) as connection:
        _take(connection, lock.token, about)
    renewal = threading.Thread(target=_renew, args=(connect, lock, ended), name="push lock", daemon=True)
    renewal.start()
    try:
        yield lock
    finally:
        ended.set()
        renewal.join()
        # Without the database the lock ends by its age; the error of the block is the one to see.
        with suppress(psycopg.Error), closing(connect()) as connection:
            connection.execute(_RELEASE, (lock.token,))


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


def _renew(connect: Callable[[], psycopg.Connection[Any]], lock: Lock, ended: threading.Event) -> None:
    """Renew over a connection of its own, which only a long push opens."""
    while not lock.is_lost and not ended.wait(RENEWAL_SECONDS):
        with suppress(psycopg.Error), closing(connect()) as connection:
            lock.is_lost = connection.execute(_RENEW, (lock.token,)).rowcount == 0
