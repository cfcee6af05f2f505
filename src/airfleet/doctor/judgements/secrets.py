"""Judgements of secrets: keys, passwords, rights of files, and processes that show them."""

from __future__ import annotations

from collections.abc import Iterator

from airfleet.agent.control import Snapshot
from airfleet.agent.host_facts import FactKind
from airfleet.doctor.facts import Password, ProcessSecrets, Rights
from airfleet.doctor.finding import Seen, fine, seen_or, unknown, wrong
from airfleet.errors import argument

_EXPORT = "on '{other}': airfleet secrets export --host {host} -o FILE; on '{host}': airfleet secrets import FILE"
#: sentences about one kind of finding that are shown
_MOST = 5


def keys(snapshot: Snapshot) -> tuple[Seen, ...]:
    """Judge whether the hosts that are up have the same keys, by fingerprints."""
    if not snapshot.hosts:
        return (fine("this fleet has one host, so its keys are the same everywhere"),)
    differ = (one for one in snapshot.differences if one.subject is FactKind.KEYS)
    return seen_or(
        (wrong(str(one), _EXPORT.format(host=one.host, other=one.other)) for one in differ),
        "the fingerprints of keys are the same on all hosts that are up",
    )


def passwords(found: tuple[Password, ...]) -> tuple[Seen, ...]:
    """Judge passwords that anybody could guess."""
    if not found:
        return (unknown("no password and no key is here yet", "airfleet up"),)
    weak = [one for one in found if one.weakness]
    return seen_or(
        (wrong(f"{one.place} {one.weakness}", "set another one there, then airfleet down and up") for one in weak),
        f"none of {len(found)} passwords and keys is a well-known one",
    )


def rights(found: tuple[Rights, ...]) -> tuple[Seen, ...]:
    """Judge the rights of files and folders that are for the owner of the fleet alone."""
    return seen_or((seen for one in found for seen in _of_one(one)), f"{len(found)} files and folders are private")


def _of_one(one: Rights) -> Iterator[Seen]:
    path = argument(one.path)
    if one.stranger:
        yield wrong(f"{one.path} belongs to {one.stranger}, not to the fleet's owner", f"chown it: {path}")
    if excess := one.mode & ~one.allowed & 0o077:
        who = "others on this machine" if excess & 0o007 else "its group"
        can = "write" if excess & 0o022 else "read" if excess & 0o044 else "enter"
        sentence = f"{who} can {can} {one.path} (mode {one.mode:04o}, at most {one.allowed:04o})"
        yield wrong(sentence, f"chmod {one.allowed:o} {path}")


def processes(found: ProcessSecrets) -> tuple[Seen, ...]:
    """Judge secrets in the arguments and environments of processes."""
    hidden = f", {found.hidden} more could not be read" if found.hidden else ""
    shown = found.found[:_MOST]
    sentences = (f"process {one.pid} ({one.process}) shows {one.secret} in its {one.where}" for one in shown)
    return seen_or(
        (wrong(sentence, "start it without the secret, then airfleet secrets rotate NAME") for sentence in sentences),
        f"no secret in arguments and environments of {found.looked_at} processes{hidden}",
    )
