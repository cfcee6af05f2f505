"""The records of who vouches for a release: signatures and approvals in the fleet's database.

Each change notifies hosts in its own transaction. Hosts verify signatures, and believe no other record of these.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

from airfleet.metadata.channels import RELEASES
from airfleet.releases.news import Heard, News
from airfleet.releases.policies.signed_text import Purpose, Signature
from airfleet.releases.registry import About, Action

_SIGN: LiteralString = """
INSERT INTO airfleet_release_signature (digest, purpose, signer, signature) VALUES (%s, %s, %s, %s)
ON CONFLICT (digest, purpose, signer) DO UPDATE SET signature = excluded.signature, signed_at = clock_timestamp()"""
_SIGNATURES: LiteralString = """
SELECT digest, purpose, signature, signer FROM airfleet_release_signature
WHERE digest = ANY (%s) ORDER BY digest, signed_at DESC, signer"""
_APPROVE: LiteralString = """
INSERT INTO airfleet_release_approval (digest, author, origin, note) VALUES (%s, %s, %s, %s)
ON CONFLICT (digest, author) DO NOTHING RETURNING author"""
_APPROVALS: LiteralString = """
SELECT author, origin, note, approved_at FROM airfleet_release_approval
WHERE digest = %s ORDER BY approved_at, author"""
_LOG: LiteralString = """
INSERT INTO airfleet_release_log (action, digest, author, origin, note) VALUES (%s, %s, %s, %s, %s)"""
_WAS_LIVE: LiteralString = """
SELECT EXISTS (SELECT FROM airfleet_release_log WHERE digest = %s AND action IN ('push', 'rollback'))"""
_NOTIFY: LiteralString = "SELECT pg_notify(%s, %s)"


@dataclass(frozen=True)
class Approval:
    """One approval, as its author gave it."""

    about: About
    at: dt.datetime


def sign(connection: psycopg.Connection[Any], digest: str, signature: Signature) -> None:
    """Add a signature to a release that is recorded; a newer one of the same signer takes its place."""
    with connection.transaction():
        connection.execute(_SIGN, (digest, signature.purpose, signature.signer, signature.text))
        connection.execute(_NOTIFY, (RELEASES, str(Heard(News.VOUCHED, digest))))


def approve(connection: psycopg.Connection[Any], digest: str, about: About, signature: Signature | None = None) -> None:
    """Record an approval, with its signature where there is one; a second one of an author changes nothing."""
    told = (about.author, about.origin, about.note)
    with connection.transaction():
        if connection.execute(_APPROVE, (digest, *told)).fetchone():
            connection.execute(_LOG, (Action.APPROVE, digest, *told))
        if signature is not None:
            sign(connection, digest, signature)


def signatures(connection: psycopg.Connection[Any], digests: Collection[str]) -> Mapping[str, tuple[Signature, ...]]:
    """Read the signatures of releases, newest first; a release without one is not in the answer."""
    found: dict[str, tuple[Signature, ...]] = {}
    for digest, purpose, text, signer in connection.execute(_SIGNATURES, (list(digests),)):
        found[digest] = (*found.get(digest, ()), Signature(Purpose(purpose), text, signer))
    return found


def approvals(connection: psycopg.Connection[Any], digest: str) -> tuple[Approval, ...]:
    """Read the approvals of a release, oldest first."""
    rows = connection.execute(_APPROVALS, (digest,))
    return tuple(Approval(About(author, origin, note), at) for author, origin, note, at in rows)


def was_live(connection: psycopg.Connection[Any], digest: str) -> bool:
    """Tell whether a release is live, or was."""
    row = connection.execute(_WAS_LIVE, (digest,)).fetchone()
    return row is not None and bool(row[0])
