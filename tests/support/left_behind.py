"""Files that agents leave behind: the plan of a host, and those of the hosts that one machine plays."""

from __future__ import annotations

import json

from airfleet.client.project import Project
from airfleet.fleet import planner, preview
from airfleet.fleet.config import reader
from airfleet.fleet.config.spec import Fleet
from airfleet.fleet.planning import local_hosts, paths
from airfleet.fleet.servers import secrets


def leave(its: paths.Paths, fleet: Fleet, host: str, machine: preview.Machine) -> None:
    """Leave behind what the agent of a host leaves."""
    its.home.mkdir(parents=True, exist_ok=True)
    kept = secrets.load_or_generate(its.secrets)
    its.plan.write_text(planner.plan(preview.as_an_agent(fleet, host, its, kept, machine)).files[its.plan].text)


def played(project: Project, count: int) -> None:
    """Leave behind what the agents of so many hosts leave that this machine plays."""
    project.paths.home.mkdir()
    project.played.write_text(str(count))
    kept = secrets.load_or_generate(project.paths.secrets)
    first = project.on("host-1").paths
    first.home.mkdir(parents=True)
    first.ports.write_text(json.dumps({"api_server": 8085, "postgres": 5444, "broker": 6444}))
    fleet = local_hosts.spread(reader.read_file(project.fleet_file, project.environ), count)
    for host in fleet.hosts:
        seen = local_hosts.seen_from(host.name, fleet, first, kept)
        leave(project.on(host.name).paths, seen, host.name, preview.Machine(2, plays=True))
