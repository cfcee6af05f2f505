"""``airfleet render airflow_cfg``: Airflow's settings on a host."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click

from airfleet.cli import options
from airfleet.cli.commands.fleet import plan
from airfleet.cli.commands.render import files
from airfleet.cli.output import terminal
from airfleet.client.project import Project, find
from airfleet.fleet.config.spec import LOCAL, Fleet


@click.command(
    name="airflow_cfg",
    epilog="\b\nExamples:\n  airfleet render airflow_cfg\n"
    "  airfleet render airflow_cfg --host work-1 --component worker",
)
@options.option("--host", metavar="NAME", help="For which host; without it, the first one of fleet.yaml.")
@options.option("--component", metavar="KIND", help="With what such a component has beside, like scheduler or worker.")
@files.output
@options.env
@options.project
def command(
    host: str | None, component: str | None, output: Path | None, env: str | None, project: Path | None
) -> None:
    """Print a host's settings of Airflow, secrets masked.

    It is the airflow.cfg of all its processes: defaults of the fleet, and what stands under 'airflow:' in fleet.yaml.
    """
    here = find(project, env)
    fleet, _ = plan.read(here)
    files.put(rendered(here, fleet, host, component), output)


def rendered(here: Project, fleet: Fleet, host: str | None, component: str | None) -> Mapping[str, str]:
    """Return the file. Raises FleetError for a host or component that the fleet has not."""
    from airfleet.agent.host import machine_memory
    from airfleet.fleet import preview
    from airfleet.fleet.servers import secrets
    from airfleet.render import airflow_cfg

    chosen = files.chosen(fleet, host) if host else fleet.hosts[0]
    own = here.on(chosen.name) if chosen.name in here.hosts else here
    kept = secrets.load(own.paths.secrets)
    if kept is None:
        terminal.say("secrets of this fleet are not here: names of its queues in the broker lack their mark")
    # Nothing of them is in the text but that mark.
    told = kept or replace(secrets.generate(), peers_key="")
    is_here = chosen.name == LOCAL or own is not here
    cores, memory_bytes = (len(os.sched_getaffinity(0)), machine_memory.usable_bytes()) if is_here else (0, None)
    machine = preview.Machine(cores, memory_bytes=memory_bytes)
    context = preview.context(fleet, chosen.name, own.paths, told, machine)
    return {airflow_cfg.FILE_NAME: airflow_cfg.configuration(context, component)}
