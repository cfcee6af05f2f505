"""The connection over which a host hears of releases and reports them; it sends nothing while it waits."""

from __future__ import annotations

import select
import socket
from collections.abc import Collection, Mapping
from typing import Any, LiteralString

import psycopg

from airfleet.agent.release_status import HostRelease, ReleaseState, ReleaseStatus
from airfleet.agent.releases.decisions import Report, Wanted
from airfleet.fleet.config.spec import DATABASE_STORE, Releases
from airfleet.metadata.channels import RELEASES
from airfleet.system.connection_timeouts import CLIENT

_LISTEN: LiteralString = f"LISTEN {RELEASES}"
_WANTED: LiteralString = """
SELECT (SELECT digest FROM airfleet_release_live),
    ARRAY(
        SELECT r.digest FROM airfleet_release r WHERE EXISTS (
            SELECT FROM dag_run d WHERE d.bundle_version = r.digest AND d.state IN ('queued', 'running')
        )
    ),
    ARRAY(
        SELECT digest FROM (
            SELECT digest, created_at, row_number() OVER (ORDER BY created_at DESC, digest) AS place
            FROM airfleet_release
        ) r WHERE place <= %s OR created_at > clock_timestamp() - interval '1 hour' ORDER BY place
    )
"""
_LIVE: LiteralString = """
SELECT l.digest, r.note, r.author, greatest(extract(epoch FROM clock_timestamp() - l.moved_at), 0)::float
FROM airfleet_release_live l JOIN airfleet_release r USING (digest)
"""
_HOSTS: LiteralString = "SELECT host, state, sentence FROM airfleet_release_host WHERE digest = %s ORDER BY host"
_USED: LiteralString = "SELECT coalesce(sum(octet_length(content)), 0)::bigint FROM airfleet_release_object"
_REPORTED: LiteralString = "SELECT digest, state, sentence FROM airfleet_release_host WHERE host = %s"
#: of a release that was deleted meanwhile nothing is reported
_REPORT: LiteralString = f"""
WITH reported AS (
    INSERT INTO airfleet_release_host (host, digest, state, sentence)
    SELECT %(host)s, digest, %(state)s, %(sentence)s FROM airfleet_release WHERE digest = %(digest)s
    ON CONFLICT (host, digest) DO UPDATE
    SET state = excluded.state, sentence = excluded.sentence, reported_at = clock_timestamp()
    RETURNING digest
)
SELECT pg_notify('{RELEASES}', 'host ' || digest) FROM reported
"""
_WITHDRAW: LiteralString = "DELETE FROM airfleet_release_host WHERE host = %s AND digest = ANY(%s)"


def connect(url: str) -> psycopg.Connection[Any]:
    """Open a connection for releases. Raises psycopg.Error."""
    return psycopg.connect(url, autocommit=True, application_name="airfleet releases", **CLIENT)


class ReleaseConnection:
    """Implements :class:`airfleet.agent.releases.watch.ReleaseDatabase`. All raise psycopg.Error."""

    def __init__(self, url: str, policy: Releases) -> None:
        self._policy = policy
        self._connection = connect(url)
        try:
            self._connection.execute(_LISTEN)
        except BaseException:
            self.close()
            raise

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
        live, in_use, published = self._row(_WANTED, self._policy.keep)
        return Wanted(live, frozenset(in_use), tuple(published))

    def status(self) -> ReleaseStatus:
        """Read the live release, which hosts have it, and the size of the store if that is the database."""
        found = self._connection.execute(_LIVE).fetchone()
        if found is None:
            return ReleaseStatus()
        live, note, author, since = found
        hosts = self._connection.execute(_HOSTS, (live,)).fetchall()
        is_store = self._policy.store == DATABASE_STORE
        return ReleaseStatus(
            live=live,
            note=note,
            author=author,
            since=since,
            hosts=tuple(HostRelease(host, ReleaseState(state), sentence) for host, state, sentence in hosts),
            used_bytes=self._row(_USED)[0] if is_store else None,
            budget_bytes=self._policy.budget_bytes if is_store else None,
        )

    def reported(self, host: str) -> Mapping[str, Report]:
        """Read what a host reported."""
        rows = self._connection.execute(_REPORTED, (host,)).fetchall()
        return {digest: Report(ReleaseState(state), sentence) for digest, state, sentence in rows}

    def report(self, host: str, digest: str, report: Report) -> None:
        """Report a release."""
        told = {"host": host, "digest": digest, "state": str(report.state), "sentence": report.sentence}
        self._connection.execute(_REPORT, told)

    def withdraw(self, host: str, digests: Collection[str]) -> None:
        """Take back reports that are true no more."""
        self._connection.execute(_WITHDRAW, (host, list(digests)))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _heard(self) -> tuple[str, ...]:
        return tuple(note.payload for note in self._connection.notifies(timeout=0))

    def _row(self, query: LiteralString, *parameters: object) -> tuple[Any, ...]:
        row: tuple[Any, ...] | None = self._connection.execute(query, parameters).fetchone()
        assert row is not None  # each of these queries has one
        return row
