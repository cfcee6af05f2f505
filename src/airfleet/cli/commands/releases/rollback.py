"""``airfleet rollback``: an earlier release is live again; the pointer moves, and nothing is sent."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airfleet.cli import options
from airfleet.cli.commands.releases import rollout, uptake, vouchers
from airfleet.cli.output import release_view, tables, terminal
from airfleet.cli.queries import release_records
from airfleet.errors import EXIT_OK, FleetError

if TYPE_CHECKING:
    from airfleet.cli.queries.release_records import ReleaseRecords

#: entries of the log that are looked at for the release before
_ENTRIES = 200
COLUMNS = {"digest": "release", "state": "state", "before": "before"}


@click.command(epilog="\b\nExamples:\n  airfleet rollback\n  airfleet rollback 3f2a9c -m 'orders were counted twice'")
@click.argument("release", required=False)
@options.option(
    "-m", "--message", "note", default="", metavar="NOTE", help="Words for 'airfleet releases log' about it."
)
@options.timeout("60s", "How long the hosts may take to have it.")
@options.env
@options.output()
@options.project
def command(release: str | None, note: str, timeout: float, output: str, env: str | None, project: Path | None) -> int:
    """Have an earlier release live again.

    New runs take it; runs that have begun keep theirs. RELEASE is the beginning of a digest; without it, the release
    that was live before the one that is. It also makes a release live that 'airfleet push --no-wait' published. It does
    not wait for the end of a push, which then says that it was overtaken. A release that lacks approvals is refused.
    """
    with release_records.opened(project, env) as records:
        done = _rollback(records, release, note, timeout)
    if output == "table":
        terminal.put(f"release {release_view.short(str(done['digest']))} is live")
    else:
        tables.put_rows([done], output, COLUMNS, whole=done)
    return EXIT_OK


def _rollback(records: ReleaseRecords, name: str | None, note: str, seconds: float) -> dict[str, object]:
    from airfleet.releases import registry

    began = time.monotonic()
    live = records.live()
    if live is None and name is None:
        raise release_records.no_release(records.fleet)
    wanted = records.named(name or _before(records))
    done = {"digest": wanted.digest, "state": "live", "before": live.digest if live else None}
    if live is not None and live.digest == wanted.digest:
        terminal.say(f"nothing has changed: release {release_view.short(wanted.digest)} is live already")
        return {**done, "seconds": 0.0}
    vouchers.require_for_rollback(records, wanted)
    rollout.until_ready(records, wanted.digest, rollout.Wait(seconds, began))
    rollout.make_live(records, wanted.digest, live, records.about(note), registry.Action.ROLLBACK)
    was = f", {release_view.short(live.digest)} was" if live else ""
    terminal.say(f"{time.monotonic() - began:7.1f}s  live{was}")
    said = uptake.told(records, wanted.digest, (), seconds)
    took = time.monotonic() - began
    terminal.say(f"{took:7.1f}s  {said}")
    return {**done, "seconds": round(took, 3)}


def _before(records: ReleaseRecords) -> str:
    """Find the release that was live before the one that is. Raises FleetError when there is none."""
    from airfleet.releases import registry
    from airfleet.releases.registry import Action

    live = records.live()
    moves = (Action.PUSH, Action.ROLLBACK)
    entries = (entry for entry in registry.log(records.connection, _ENTRIES) if entry.action in moves)
    last = next((entry for entry in entries if live is not None and entry.digest == live.digest), None)
    if last is None or last.before is None:
        raise FleetError("no release was live before this one", hint="airfleet releases lists those that can be named")
    return last.before
