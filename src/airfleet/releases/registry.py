"""The records of releases in the fleet's database: publications, the one that is live, hosts that have it, the log.

Each change notifies in its own transaction who listens to news (:mod:`airfleet.releases.news`).
"""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, LiteralString

import psycopg

from airfleet.errors import FleetError
from airfleet.metadata.advisory_locks import RELEASE_OBJECTS
from airfleet.metadata.channels import RELEASES
from airfleet.releases import manifest as manifests
from airfleet.releases.manifest import LEAST, SHORT, Manifest
from airfleet.releases.news import Heard, News, ReleaseState


class Action(StrEnum):
    """The entries of the log."""

    PUBLISH = "publish"
    PUSH = "push"
    APPROVE = "approve"
    ROLLBACK = "rollback"
    COLLECT = "collect"


@dataclass(frozen=True)
class About:
    """The author of a change, the machine it came from, and words about it."""

    author: str
    origin: str
    note: str = ""
    git_commit: str = ""


@dataclass(frozen=True)
class Release:
    """One publication."""

    digest: str
    size: int
    files: int
    about: About
    created_at: dt.datetime


@dataclass(frozen=True)
class Live:
    """The release that is live. ``generation`` counts the moves of the pointer."""

    digest: str
    generation: int
    moved_at: dt.datetime


@dataclass(frozen=True)
class ReleaseHost:
    """One release on one host; ``sentence`` says why it failed."""

    host: str
    digest: str
    state: ReleaseState
    sentence: str
    reported_at: dt.datetime


@dataclass(frozen=True)
class LogEntry:
    """One line of the audit log."""

    at: dt.datetime
    action: Action
    digest: str
    before: str | None
    about: About


class NoSuchRelease(FleetError):
    """No release, or more than one, has such a digest."""


class Overtaken(FleetError):
    """Another push moved the pointer first."""

    def __init__(self, entry: LogEntry | None, live: Live | None) -> None:
        who = f"{entry.about.author} ({entry.about.origin}) made {entry.digest[:SHORT]} live" if entry else "it moved"
        when = f" at {live.moved_at:%H:%M:%S}" if live else ""
        super().__init__(f"another release went live meanwhile: {who}{when}", "look at it, then push again")


_PUBLISH: LiteralString = """
INSERT INTO airfleet_release (digest, manifest, size, files, author, origin, note, git_commit)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (digest) DO UPDATE SET manifest = excluded.manifest, created_at = clock_timestamp(),
    author = excluded.author, origin = excluded.origin, note = excluded.note, git_commit = excluded.git_commit"""
_RESERVE: LiteralString = """
INSERT INTO airfleet_release_upload (digest, manifest) VALUES (%s, %s)
ON CONFLICT (digest) DO UPDATE SET began_at = clock_timestamp()"""
_ARRIVED: LiteralString = "DELETE FROM airfleet_release_upload WHERE digest = %s"
#: nothing is collected until the transaction ends
_NOT_COLLECTED: LiteralString = "SELECT pg_advisory_xact_lock_shared(%s)"
_LIVE: LiteralString = "SELECT digest, generation, moved_at FROM airfleet_release_live"
_FIRST: LiteralString = """
INSERT INTO airfleet_release_live (digest, generation) VALUES (%s, 1)
ON CONFLICT DO NOTHING RETURNING generation"""
_MOVE: LiteralString = """
UPDATE airfleet_release_live SET digest = %s, generation = generation + 1, moved_at = clock_timestamp()
WHERE generation = %s RETURNING generation"""
_LOG: LiteralString = """
INSERT INTO airfleet_release_log (action, digest, before, author, origin, note) VALUES (%s, %s, %s, %s, %s, %s)"""
_RELEASES: LiteralString = """
SELECT digest, size, files, author, origin, note, git_commit, created_at FROM airfleet_release
ORDER BY created_at DESC, digest LIMIT %s"""
_FIND: LiteralString = """
SELECT digest, size, files, author, origin, note, git_commit, created_at FROM airfleet_release
WHERE starts_with(digest, %s) LIMIT 2"""
_MANIFEST: LiteralString = "SELECT manifest FROM airfleet_release WHERE digest = %s"
_REPORT: LiteralString = """
INSERT INTO airfleet_release_host (host, digest, state, sentence) VALUES (%s, %s, %s, %s)
ON CONFLICT (host, digest) DO UPDATE SET state = excluded.state, sentence = excluded.sentence,
    reported_at = clock_timestamp()"""
_HOSTS: LiteralString = """
SELECT host, digest, state, sentence, reported_at FROM airfleet_release_host WHERE digest = %s ORDER BY host"""
_REPORTS: LiteralString = """
SELECT host, digest, state, sentence, reported_at FROM airfleet_release_host WHERE host = %s ORDER BY digest"""
_WITHDRAW: LiteralString = "DELETE FROM airfleet_release_host WHERE host = %s AND digest = ANY (%s)"
_IN_USE: LiteralString = """
SELECT bundle_version, count(*)::int FROM dag_run
WHERE state IN ('queued', 'running') AND bundle_version IS NOT NULL GROUP BY bundle_version"""
_ENTRIES: LiteralString = """
SELECT at, action, digest, before, author, origin, note FROM airfleet_release_log ORDER BY number DESC LIMIT %s"""
_NOTIFY: LiteralString = "SELECT pg_notify(%s, %s)"
#: compressed manifests of 50,000 files are below this
_MOST_MANIFEST: Final = 64 << 20


def reserve(connection: psycopg.Connection[Any], release: Manifest) -> None:
    """Record a release before its objects are uploaded: a collection leaves them alone for a day.

    Waits for a collection that is under way. Objects that the store has afterwards stay.
    """
    with connection.transaction():
        connection.execute(_NOT_COLLECTED, (RELEASE_OBJECTS,))
        connection.execute(_RESERVE, (release.digest, zlib.compress(release.encode())))


def publish(connection: psycopg.Connection[Any], release: Manifest, about: About) -> None:
    """Record a release whose objects are in the store; a second time it is newer."""
    packed = zlib.compress(release.encode())
    told = (about.author, about.origin, about.note, about.git_commit)
    with connection.transaction():
        connection.execute(_PUBLISH, (release.digest, packed, release.size, len(release.files), *told))
        connection.execute(_ARRIVED, (release.digest,))
        _tell(connection, News.PUBLISHED, release.digest)


def activate(
    connection: psycopg.Connection[Any],
    digest: str,
    expected: int | None,
    about: About,
    action: Action = Action.PUSH,
) -> int:
    """Make a release live, if no other became live since generation ``expected``; return the new generation.

    ``expected`` is None where there was none. Raises Overtaken.
    """
    with connection.transaction():
        connection.execute(_NOT_COLLECTED, (RELEASE_OBJECTS,))
        before = live(connection)
        if expected is None:
            moved = connection.execute(_FIRST, (digest,)).fetchone()
        else:
            moved = connection.execute(_MOVE, (digest, expected)).fetchone()
        if moved is None:
            raise Overtaken(next(iter(log(connection, 1)), None), live(connection))
        told = (about.author, about.origin, about.note)
        connection.execute(_LOG, (action, digest, before.digest if before else None, *told))
        _tell(connection, News.LIVE, digest)
        return int(moved[0])


def live(connection: psycopg.Connection[Any]) -> Live | None:
    """Return which release is live."""
    row = connection.execute(_LIVE).fetchone()
    return Live(*row) if row else None


def releases(connection: psycopg.Connection[Any], limit: int = 50) -> tuple[Release, ...]:
    """Return the newest releases, newest first."""
    return tuple(map(_release, connection.execute(_RELEASES, (limit,))))


def find(connection: psycopg.Connection[Any], prefix: str) -> Release:
    """Return the one release whose digest begins so. Raises NoSuchRelease."""
    if len(prefix) < LEAST:
        raise NoSuchRelease(f"'{prefix}' is too short for a release", f"give at least {LEAST} of its digits")
    rows = connection.execute(_FIND, (prefix.lower(),)).fetchall()
    if not rows:
        raise NoSuchRelease(f"there is no release '{prefix}'", "airfleet releases lists them")
    if len(rows) > 1:
        raise NoSuchRelease(f"more than one release begins with '{prefix}'", "give more digits")
    return _release(rows[0])


def manifest(connection: psycopg.Connection[Any], digest: str) -> Manifest:
    """Return the manifest of a release. Raises NoSuchRelease, and ValueError when it is damaged."""
    row = connection.execute(_MANIFEST, (digest,)).fetchone()
    if row is None:
        raise NoSuchRelease(f"there is no release '{digest[:SHORT]}'", "airfleet releases lists them")
    return unpacked(digest, row[0])


def unpacked(digest: str, packed: bytes) -> Manifest:
    """Read a manifest as the table keeps it. Raises ValueError when it is damaged, or that of another release."""
    try:
        found = manifests.decode(zlib.decompressobj().decompress(packed, _MOST_MANIFEST))
    except (zlib.error, KeyError, TypeError) as error:
        raise ValueError(f"the manifest of {digest[:SHORT]} is damaged") from error
    if found.digest != digest:
        raise ValueError(f"the manifest of {digest[:SHORT]} is damaged")
    return found


def report(
    connection: psycopg.Connection[Any], host: str, digest: str, state: ReleaseState, sentence: str = ""
) -> None:
    """Record how far a host is with a release."""
    with connection.transaction():
        connection.execute(_REPORT, (host, digest, state, sentence))
        _tell(connection, News.HOST, digest)


def host_states(connection: psycopg.Connection[Any], digest: str) -> tuple[ReleaseHost, ...]:
    """Return what each host said of a release."""
    rows = connection.execute(_HOSTS, (digest,))
    return tuple(ReleaseHost(host, of, ReleaseState(state), said, at) for host, of, state, said, at in rows)


def reports_of(connection: psycopg.Connection[Any], host: str) -> tuple[ReleaseHost, ...]:
    """Return what a host said of each release."""
    rows = connection.execute(_REPORTS, (host,))
    return tuple(ReleaseHost(of, digest, ReleaseState(state), said, at) for of, digest, state, said, at in rows)


def withdraw(connection: psycopg.Connection[Any], host: str, digests: Collection[str]) -> None:
    """Forget what a host said of releases that it has no more; nobody waits for that."""
    connection.execute(_WITHDRAW, (host, list(digests)))


def in_use(connection: psycopg.Connection[Any]) -> Mapping[str, int]:
    """Count the runs that are not over, by their release."""
    return {str(version): int(runs) for version, runs in connection.execute(_IN_USE)}


def log(connection: psycopg.Connection[Any], limit: int = 50) -> tuple[LogEntry, ...]:
    """Return the newest entries of the audit log, newest first."""
    rows = connection.execute(_ENTRIES, (limit,))
    return tuple(
        LogEntry(at, Action(action), digest, before, About(author, origin, note))
        for at, action, digest, before, author, origin, note in rows
    )


def _release(row: tuple[Any, ...]) -> Release:
    digest, size, files, author, origin, note, git_commit, created_at = row
    return Release(digest, size, files, About(author, origin, note, git_commit), created_at)


def _tell(connection: psycopg.Connection[Any], news: News, digest: str) -> None:
    connection.execute(_NOTIFY, (RELEASES, str(Heard(news, digest))))
