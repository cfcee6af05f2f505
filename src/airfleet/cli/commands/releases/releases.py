"""``airfleet releases``: which releases there are, their log, and what differs between two."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airfleet.cli import options
from airfleet.cli.commands.releases import approve, differences, vouchers
from airfleet.cli.output import release_view, tables, terminal
from airfleet.cli.queries import release_changes, release_records
from airfleet.errors import FleetError
from airfleet.releases.news import ReleaseState

if TYPE_CHECKING:
    from airfleet.cli.queries.release_records import ReleaseRecords
    from airfleet.fleet.config.spec import Fleet
    from airfleet.releases.registry import LogEntry, Release, ReleaseHost

COLUMNS = {
    "release": "release",
    "state": "state",
    "when": "pushed",
    "author": "by",
    "size": "size",
    "ready": "hosts",
    "runs": "runs",
    "note": "note",
}
#: columns of fleets whose releases have to be signed, or approved
SIGNED, APPROVED = {"signed": "signed by"}, {"approvals": "approvals"}
LOG_COLUMNS = {
    "when": "when",
    "action": "action",
    "release": "release",
    "was": "before",
    "author": "by",
    "origin": "from",
    "note": "note",
}
_limit = options.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, newest first."
)


@click.group(
    name="releases",
    invoke_without_command=True,
    epilog="\b\nExamples:\n  airfleet releases\n  airfleet releases log --limit 5\n"
    "  airfleet releases diff 3f2a9c live",
)
@_limit
@options.env
@options.output()
@options.project
@click.pass_context
def command(ctx: click.Context, limit: int, output: str, env: str | None, project: Path | None) -> None:
    """Show the releases, their hosts and their runs.

    'hosts' counts those that have it, of those that were told of it, and 'runs' those that are not over. Where
    fleet.yaml asks for signatures or approvals, it names the signers, and counts the approvals.
    """
    if ctx.invoked_subcommand is not None:
        return
    from airfleet.releases import registry

    with release_records.opened(project, env) as records:
        live = records.live()
        runs = registry.in_use(records.connection)
        releases = registry.releases(records.connection, limit)
        found = [
            row(one, live.digest if live else "", registry.host_states(records.connection, one.digest), runs)
            for one in releases
        ]
        found = _vouched(records, releases, found)
    tables.put_rows(found, output, _columns(records.fleet))
    if not found and output == "table":
        terminal.say(f"hint: {release_records.no_release(records.fleet).hint}")


command.add_command(approve.command)


def _vouched(
    records: ReleaseRecords, releases: Sequence[Release], rows: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Add to each row who vouches for its release; where that cannot be known, the list says why and is short of it."""
    try:
        return [{**found, **vouched_row(records, one)} for one, found in zip(releases, rows, strict=True)]
    except FleetError as why:
        terminal.warn([why.sentence])
        return list(rows)


def _columns(fleet: Fleet) -> dict[str, str]:
    """Give the columns of a fleet; the note is the last one."""
    policies, (*others, note) = fleet.policies.push, COLUMNS.items()
    more = {**(SIGNED if policies.signed_by else {}), **(APPROVED if policies.approval else {})}
    return {**dict(others), **more, **dict([note])}


@command.command("log")
@_limit
@options.env
@options.output()
@options.project
def log(limit: int, output: str, env: str | None, project: Path | None) -> None:
    """Show who made which release live, from where, and when."""
    from airfleet.releases import registry

    with release_records.opened(project, env) as records:
        entries = registry.log(records.connection, limit)
    tables.put_rows([log_row(entry) for entry in entries], output, LOG_COLUMNS)


@command.command("diff")
@click.argument("old")
@click.argument("new")
@options.env
@options.output()
@options.project
def diff(old: str, new: str, output: str, env: str | None, project: Path | None) -> None:
    """Say what differs between two releases, pipeline by pipeline.

    OLD and NEW are beginnings of digests, or 'live'.
    """
    with release_records.opened(project, env) as records:
        before, after = (records.manifest(records.named(name).digest) for name in (old, new))
        environ = {**records.here.environ, **records.fleet.task_environment}
        found = release_changes.between(before, after, records.content, environ)
    differences.put(found, output)


def row(one: Release, live: str, hosts: Iterable[ReleaseHost], runs: Mapping[str, int]) -> dict[str, Any]:
    """Return one release; ``live`` is the digest of the one that is."""
    states = {host.host: {"state": host.state, "sentence": host.sentence} for host in hosts}
    ready = sum(host["state"] is ReleaseState.READY for host in states.values())
    return {
        "release": release_view.short(one.digest),
        "digest": one.digest,
        "state": "live" if one.digest == live else "",
        "when": when(one.created_at),
        "created_at": one.created_at.isoformat(),
        "author": one.about.author,
        "origin": one.about.origin,
        "note": one.about.note,
        "git_commit": one.about.git_commit,
        "size": release_view.size(one.size),
        "bytes": one.size,
        "files": one.files,
        "ready": f"{ready}/{len(states)}" if states else "",
        "hosts": states,
        "runs": runs.get(one.digest) or None,
    }


def vouched_row(records: ReleaseRecords, one: Release) -> dict[str, Any]:
    """Return who vouches for a release. Raises FleetError where no signature can be verified."""
    found = vouchers.of(records, one.digest)
    approvals = vouchers.approvals(records, one, found)
    signers = list(map(str, found.pushers))
    return {
        "signed_by": signers,
        "signed": ", ".join(signers),
        "approved_by": list(approvals.people),
        "approvals": f"{len(approvals.people)}/{approvals.needed}" if approvals.needed else "",
    }


def log_row(entry: LogEntry) -> dict[str, Any]:
    """Return one entry of the log."""
    return {
        "when": when(entry.at),
        "at": entry.at.isoformat(),
        "action": str(entry.action),
        "release": release_view.short(entry.digest),
        "digest": entry.digest,
        "was": release_view.short(entry.before or ""),
        "before": entry.before,
        "author": entry.about.author,
        "origin": entry.about.origin,
        "note": entry.about.note,
    }


def when(moment: dt.datetime) -> str:
    """Write a moment for people, by the clock of their machine."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
