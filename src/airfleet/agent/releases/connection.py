"""The connection over which a host hears of releases and reports them; it sends nothing while it waits."""

from __future__ import annotations

import datetime as dt
import select
import socket
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, LiteralString

import psycopg

from airfleet.agent.release_status import HostRelease, ReleaseStatus
from airfleet.agent.releases.decisions import Report, Wanted
from airfleet.fleet.config.spec import Releases
from airfleet.metadata.channels import OTHER, RELEASES, SLEEPERS
from airfleet.metadata.database_errors import storable
from airfleet.releases import collection, registry
from airfleet.releases.news import ReleaseState
from airfleet.releases.policies import records
from airfleet.releases.stores import opening
from airfleet.releases.stores.objects import DATABASE_STORE, StoreUnreachable
from airfleet.system.connection_timeouts import CLIENT

_LISTEN: LiteralString = f"LISTEN {RELEASES}; LISTEN {SLEEPERS}; LISTEN {OTHER}"
_ONE_MOMENT: LiteralString = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


def connect(url: str) -> psycopg.Connection[Any]:
    """Open a connection for releases. Raises psycopg.Error."""
    return psycopg.connect(url, autocommit=True, application_name="airfleet releases", **CLIENT)


class ReleaseConnection:
    """Implements :class:`airfleet.agent.releases.watch.ReleaseDatabase`. All raise psycopg.Error.

    ``other_news`` is called when a component that sleeps may have work: one connection listens for all of the agent.
    """

    def __init__(
        self,
        url: str,
        policy: Releases,
        *,
        reads_signatures: bool = False,
        other_news: Callable[[], None] = lambda: None,
    ) -> None:
        self._policy = policy
        self._other_news = other_news
        self._reads_signatures = reads_signatures
        self._connection = connect(url)
        try:
            self._connection.execute(_LISTEN)
        except BaseException:
            self.close()
            raise
        other_news()  # some may have been missed before

    def wait(self, seconds: float | None, wakeup: socket.socket) -> tuple[str, ...]:
        """Wait for notifications, or until ``wakeup`` is readable, or so long; return their payloads."""
        if heard := self._heard():  # it came with an answer, and makes the socket readable no more
            return heard
        # Not psycopg's own wait, which looks for signals ten times a second.
        poller = select.poll()
        poller.register(self._connection.fileno(), select.POLLIN)
        poller.register(wakeup.fileno(), select.POLLIN)
        poller.poll(None if seconds is None else seconds * 1000)
        return self._heard()

    def wanted(self) -> Wanted:
        """Read which releases are needed."""
        found = collection.records(self._connection)
        kept = collection.kept(found, self._policy.keep)
        wanted = Wanted(
            live=next((one.digest for one in found if one.is_live), None),
            in_use=frozenset(one.digest for one in found if one.has_runs),
            published=tuple(one.digest for one in found if one.digest in kept),
        )
        if not self._reads_signatures:
            return wanted
        # Last of all: whoever makes a release live has recorded its approvals before.
        return replace(wanted, signatures=records.signatures(self._connection, wanted.by_urgency))

    def status(self) -> ReleaseStatus:
        """Read the live release, which hosts have it, and the size of the store if that is the database."""
        with self._connection.transaction():
            self._connection.execute(_ONE_MOMENT)  # the release that is live may be collected a moment later
            return self._status()

    def _status(self) -> ReleaseStatus:
        live = registry.live(self._connection)
        if live is None:
            return ReleaseStatus()
        about = registry.find(self._connection, live.digest).about
        is_store = self._policy.store == DATABASE_STORE
        return ReleaseStatus(
            live=live.digest,
            note=about.note,
            author=about.author,
            since=max(0.0, (dt.datetime.now(dt.UTC) - live.moved_at).total_seconds()),
            hosts=tuple(
                HostRelease(report.host, report.state, report.sentence)
                for report in registry.host_states(self._connection, live.digest)
            ),
            used_bytes=self._used_bytes() if is_store else None,
            budget_bytes=self._policy.budget_bytes if is_store else None,
        )

    def _used_bytes(self) -> int:
        try:
            return opening.open_store(DATABASE_STORE, self._connection).size()
        except StoreUnreachable as away:  # the store is the database, and so is what cannot be reached
            raise psycopg.OperationalError(str(away)) from away

    def reported(self, host: str) -> Mapping[str, Report]:
        """Read what a host reported."""
        reports = registry.reports_of(self._connection, host)
        return {report.digest: Report(report.state, report.sentence) for report in reports}

    def ready(self, digest: str) -> frozenset[str]:
        """Read which hosts have a release."""
        states = registry.host_states(self._connection, digest)
        return frozenset(one.host for one in states if one.state is ReleaseState.READY)

    def report(self, host: str, digest: str, report: Report) -> None:
        """Report a release, unless its record was deleted meanwhile."""
        with suppress(psycopg.errors.ForeignKeyViolation):
            registry.report(self._connection, host, digest, report.state, storable(report.sentence))

    def withdraw(self, host: str, digests: Collection[str]) -> None:
        """Take back reports that are true no more."""
        registry.withdraw(self._connection, host, digests)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _heard(self) -> tuple[str, ...]:
        notes = tuple(self._connection.notifies(timeout=0))
        if any(note.channel != RELEASES for note in notes):
            self._other_news()
        return tuple(note.payload for note in notes if note.channel == RELEASES)
