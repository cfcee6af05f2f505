"""``airfleet airflow``: a command of Airflow's own, told the fleet's database and settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from airfleet.cli import options
from airfleet.client import host_plan
from airfleet.client.project import Project, find
from airfleet.errors import FleetError


@click.command(
    context_settings={"allow_interspersed_args": False},
    epilog="\b\nExamples:\n  airfleet airflow db check\n  airfleet airflow dags list-import-errors\n"
    "  airfleet airflow db clean --clean-before-timestamp 2026-01-01 --dry-run",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="COMMAND...")
@options.host
@options.env
@options.project
def command(project: Path | None, env: str | None, host: str | None, arguments: tuple[str, ...]) -> None:
    """Run a command of Airflow's own on the fleet's database.

    It gets the settings and secrets of this host's components, in its environment alone, and whatever it does is
    Airflow's own. The host needs a component with the database: a scheduler, an api-server, a dag-processor or a
    triggerer. Exit codes are Airflow's.
    """
    if not arguments:
        raise click.UsageError("say which command of Airflow, as in: airfleet airflow db check")
    environ = environment(find(project, env, host))
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", "airflow", *arguments], environ)


def environment(here: Project) -> dict[str, str]:
    """Return the environment of a command. Raises FleetError where the fleet was not started, or knows no database."""
    from airfleet.agent import launch
    from airfleet.fleet.planning.plan import Fork

    made = host_plan.of(here)
    starts = [component.start for component in made.components if component.kind == "migrate"]
    settings = [setting for start in starts if isinstance(start, Fork) for setting in start.settings]
    if not settings:
        hint = "run it on a host with a scheduler or an api-server"
        raise FleetError(f"host '{made.host}' knows no database", hint=hint)
    told = {f"AIRFLOW__{section}__{key}".upper(): value for section, key, value in settings}
    return {**launch.without_airflow_settings(here.environ), **made.environment, **told}
