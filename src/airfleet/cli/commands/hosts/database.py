"""``airfleet database``: the embedded PostgreSQL of this host, brought to another major version and back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airfleet.cli import options
from airfleet.cli.commands.fleet.agent_start import signals_interrupt
from airfleet.cli.output import tables, terminal
from airfleet.client import agent_client
from airfleet.client.project import Project, find
from airfleet.errors import FleetError, Unhealthy

if TYPE_CHECKING:
    from airfleet.agent.servers.cluster_upgrade import Upgrade, Upgraded
    from airfleet.fleet.config.spec import Fleet

#: seconds that servers of an upgrade that was killed may take to end
_GRACE_SECONDS = 60.0


@click.group(
    name="database",
    epilog="\b\nExamples:\n  airfleet database upgrade --dry-run\n  airfleet database upgrade\n"
    "  airfleet database upgrade --undo",
)
def command() -> None:
    """Bring the database of a fleet to another version, and back."""


@command.command("upgrade")
@options.option("--dry-run", is_flag=True, help="Say what would be done, and whether there is room for it.")
@options.option("--undo", is_flag=True, help="Go back to the database of before; what was written since is left out.")
@options.host
@options.env
@options.output("table", "json", "yaml")
@options.project
def upgrade(project: Path | None, host: str | None, env: str | None, undo: bool, dry_run: bool, output: str) -> None:
    """Bring the database to the PostgreSQL that fleet.yaml asks for now.

    The fleet has to be down. All databases are dumped, restored into a new cluster beside, and compared row by row;
    then the new cluster takes the place of the old one, which is kept. Killed at any moment, it can be called again.
    """
    here = find(project, env, host)
    agent_client.require_own(here.paths)
    fleet = _fleet(here)
    with signals_interrupt(), _alone(here, fleet):
        if undo:
            _undo(here)
        else:
            _upgrade(here, fleet, output, dry_run=dry_run)


def _fleet(here: Project) -> Fleet:
    """Read the fleet. Raises FleetError when it does not run its database itself."""
    from airfleet.fleet.config import reader

    fleet = reader.read_file(here.fleet_file, here.environ)
    if not fleet.runs_database:
        raise FleetError(
            f"the database of fleet '{fleet.name}' is a server of its own, which airfleet does not upgrade",
            hint="pg_upgrade, or what its provider has; 'airfleet up' then checks the version",
        )
    if not here.paths.home.is_dir():
        raise FleetError(f"the fleet in {here.root} was not started here yet", hint="airfleet up")
    return fleet


@contextmanager
def _alone(here: Project, fleet: Fleet) -> Iterator[None]:
    """Keep the fleet from starting, and end servers of an upgrade that was killed. Raises FleetError while it runs."""
    from airfleet.agent import bootstrap
    from airfleet.agent.servers import cluster_switch

    _require_down(here, fleet)
    with bootstrap.lock(here.paths, fleet, is_upgrade=True):
        bootstrap.end_leftovers(here.paths, _GRACE_SECONDS)
        if cluster_switch.finish(here.paths, _data(here)):
            terminal.say("an earlier switch was cut off; it is finished now")
        yield


def _require_down(here: Project, fleet: Fleet) -> None:
    try:
        runs = agent_client.snapshot(here.root, here.paths) is not None or agent_client.running_alone(here) > 0
    except Unhealthy:
        runs = True
    if runs:
        raise FleetError(
            f"fleet '{fleet.name}' runs, and its database cannot be upgraded",
            hint="'airfleet drain' lets tasks end, 'airfleet down' ends the fleet",
        )


def _upgrade(here: Project, fleet: Fleet, output: str, *, dry_run: bool) -> None:
    from airfleet.agent.servers import cluster_upgrade, server_programs
    from airfleet.fleet.servers import own_servers

    data = _data(here)
    found = cluster_upgrade.plan(
        data,
        server_programs.read_record(here.paths.servers),
        own_servers.database(fleet.database),
        here.environ,
        cluster_upgrade.free_bytes(data),
    )
    if found is None:
        _put({"changed": False}, "the database is of that major version already", output)
    elif dry_run:
        sentence = (
            f"would bring {found.before} to {found.after}: up to {_mb(found.needed)} of {_mb(found.free)} that are free"
        )
        _put({"changed": False, **_told(found)}, sentence, output)
    else:
        done = cluster_upgrade.run(found, _place(here), terminal.say)
        _put({"changed": True, **_told(found), **_result(done)}, _sentence(found, done), output)
        terminal.say(_next(done))


def _undo(here: Project) -> None:
    from airfleet.agent.servers import cluster_upgrade

    replaced, major = cluster_upgrade.undo(here.paths, _data(here))
    terminal.put(f"the database is the one of before, of PostgreSQL {major}; the other one is kept in {replaced}")
    terminal.say(
        f"'database:' in fleet.yaml has to be one of PostgreSQL {major}, then: airfleet up -d\n"
        f"when the other one is not needed any more: {cluster_upgrade.removal(replaced)}"
    )


def _place(here: Project) -> Any:
    """Give the surroundings of the servers. Raises FleetError without the superuser's password."""
    from airfleet.agent.servers import embedded_servers
    from airfleet.agent.servers.cluster_server import Place
    from airfleet.fleet.servers import secrets

    embedded_servers.require_password(here.paths)
    kept = secrets.load_or_generate(here.paths.secrets)
    return Place(here.paths, embedded_servers.service_user(os.geteuid()), kept.postgres_password)


def _data(here: Project) -> Path:
    from airfleet.agent.servers import embedded_servers

    return embedded_servers.data_place(here.paths) / embedded_servers.POSTGRES


def _told(found: Upgrade) -> dict[str, Any]:
    return {
        "before": str(found.before),
        "after": str(found.after),
        "needed_bytes": found.needed,
        "free_bytes": found.free,
    }


def _result(done: Upgraded) -> dict[str, Any]:
    return {"tables": done.contents.tables, "rows": done.contents.rows, "kept": str(done.kept)}


def _sentence(found: Upgrade, done: Upgraded) -> str:
    alike = f"{done.contents.tables} tables with {done.contents.rows} rows are alike"
    return f"the database is one of {found.after} now: {alike}; the old one is kept in {done.kept} ({_mb(done.size)})"


def _next(done: Upgraded) -> str:
    from airfleet.agent.servers import cluster_upgrade

    return (
        "start the fleet: airfleet up -d\n"
        "the way back, without what is written from now on: airfleet database upgrade --undo\n"
        f"when the old one is not needed any more: {cluster_upgrade.removal(done.kept)}"
    )


def _put(data: dict[str, Any], sentence: str, output: str) -> None:
    if output == "table":
        terminal.put(sentence)
    else:
        tables.put_value(data, output)


def _mb(count: int) -> str:
    return f"{-(-count // 2**20)} MB"
