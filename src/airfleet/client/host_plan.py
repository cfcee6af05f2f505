"""The plan of the host that a command is called on, as its agent would make it: from files, without asking anybody."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from airfleet.client import agent_client
from airfleet.client.project import Project
from airfleet.errors import FleetError

if TYPE_CHECKING:
    from airfleet.fleet.config.spec import Fleet
    from airfleet.fleet.planning.plan import Plan
    from airfleet.fleet.servers.secrets import Secrets


def of(here: Project) -> Plan:
    """Plan this host. Raises FileProblems, and FleetError where the fleet was never started."""
    from airfleet.fleet.config import reader

    named = reader.read_file(here.fleet_file, here.environ)
    fleet, host = _on_this_host(here, named)
    return _planned(here, fleet, host, _secrets(here), plays=fleet is not named)


def with_secrets(here: Project, named: Fleet, kept: Secrets) -> Plan:
    """Plan this host of the fleet in fleet.yaml, with these secrets. Raises FleetError when it is not one of its."""
    fleet, host = _on_this_host(here, named)
    return _planned(here, fleet, host, kept, plays=fleet is not named)


def _on_this_host(here: Project, named: Fleet) -> tuple[Fleet, str]:
    """Return the fleet as this machine plays it, and the name of this host. Raises FleetError when it is none of it."""
    from airfleet.agent.cluster import identity

    fleet = as_played(named, here)
    return fleet, identity.choose(fleet, here.environ, socket.gethostname()).name


def _planned(here: Project, fleet: Fleet, host: str, kept: Secrets, *, plays: bool) -> Plan:
    from airfleet.fleet import planner, preview
    from airfleet.fleet.planning import local_hosts

    if plays:
        fleet = local_hosts.seen_from(host, fleet, here.on(fleet.hosts[0].name).paths, kept)
    return planner.plan(preview.as_an_agent(fleet, host, here.paths, kept, preview.Machine(plays=plays)))


def database_url(here: Project) -> str:
    """Give the address of the fleet's own database from this machine, which is outside of the networks of played hosts.

    Raises FileProblems, and FleetError where the fleet was never started.
    """
    from airfleet.fleet.config import reader
    from airfleet.fleet.planning import local_hosts

    named = reader.read_file(here.fleet_file, here.environ)
    fleet = as_played(named, here)
    if fleet is named:
        return of(here).database_url
    return local_hosts.seen_from(None, fleet, here.on(fleet.hosts[0].name).paths, _secrets(here)).database


def _secrets(here: Project) -> Secrets:
    from airfleet.fleet.servers import secrets

    kept = secrets.load(here.paths.secrets)
    if kept is None or not here.paths.airflow_home.is_dir():
        raise FleetError(f"the fleet in {here.root} was not started here yet", hint="airfleet up")
    return kept


def as_played(fleet: Fleet, here: Project) -> Fleet:
    """Return the fleet on the hosts that this machine plays, while one of them runs and the folder's own does not."""
    from airfleet.fleet.planning import local_hosts

    def runs(one: Project) -> bool:
        return agent_client.snapshot(one.root, one.paths) is not None

    if local_hosts.is_named(fleet) or runs(here.on("")):
        return fleet
    environs = (one.environment for name in here.hosts if runs(one := here.on(name)))
    return local_hosts.of(fleet, next(environs, {}))
