"""``airfleet drain``: have a host take no more tasks, finish what it runs, and stop its workers."""

from __future__ import annotations

from pathlib import Path

import click

from airfleet.agent.control import Snapshot
from airfleet.agent.states import HostState
from airfleet.cli import options
from airfleet.cli.output import terminal
from airfleet.client import overrides
from airfleet.client.project import find
from airfleet.errors import FleetError


@click.command(
    epilog="\b\nExamples:\n  airfleet drain work-1          # before its machine is worked upon\n"
    "  airfleet drain work-1 --undo   # it works again\n"
    "  airfleet drain work-1 --gone   # its machine is off: what ran there runs again elsewhere"
)
@click.argument("host", metavar="HOST")
@options.option("--undo", is_flag=True, help="Let it take tasks again.")
@options.option("--gone", is_flag=True, help="Say that its machine is off; never of one that may still run.")
@options.project
def command(project: Path | None, host: str, undo: bool, gone: bool) -> None:
    """Have a host finish what it runs and take no more tasks.

    It stays drained until --undo. In a fleet with hosts that holds over restarts of its agent; in one without, it
    ends with the agent.
    """
    if undo and gone:
        raise click.UsageError("--undo and --gone say different things")
    here = find(project)
    snapshot = overrides.require(here, host)
    if gone and not snapshot.hosts:
        raise FleetError("this fleet has one host, and its agent answers: it is not gone", hint="airfleet down")
    if gone:
        _require_silent(snapshot, host)
        overrides.tell(here, {"do": "bury", "host": host}, host, lambda one: one.state.has_ended)
        terminal.put(f"host '{host}' is gone: what ran there runs again elsewhere")
        return
    request = {"do": "order", "host": host, "orders": {"drained": None if undo else True}}
    overrides.tell(here, request, host, lambda one: one.drained is not undo)
    terminal.put(f"host '{host}' takes tasks again" if undo else f"host '{host}' takes no more tasks")


def _require_silent(snapshot: Snapshot, host: str) -> None:
    """Raise FleetError when a host shows that it lives: its tasks would run twice, and be killed."""
    if any(one.host == host and one.state is HostState.UP for one in snapshot.hosts):
        raise FleetError(
            f"host '{host}' is not gone: it renewed its lease a moment ago",
            hint=f"'airfleet drain {host}' lets it finish; once 'airfleet status' does not see it, --gone can be said",
        )
