"""A preview of a host's plan: it is what the agent there would plan."""

from __future__ import annotations

import json
import os
from contextlib import closing
from pathlib import Path

import pytest

from airfleet.agent import bootstrap
from airfleet.agent.host import machine_memory
from airfleet.client.project import Project
from airfleet.fleet import planner, preview
from airfleet.fleet.config import reader
from airfleet.fleet.config.spec import Fleet
from airfleet.fleet.planning import local_hosts, plan_record
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan_record import Description
from airfleet.fleet.planning.ports import PortBook, is_free
from airfleet.fleet.servers import secrets
from airfleet.fleet.servers.secrets import Secrets
from airfleet.testing.ports import free_ports
from support.left_behind import played
from support.programs import programs

pytestmark = pytest.mark.usefixtures("own_environment")

TWO = """\
api_server: {{port: {api}, count: 2}}
flower: {{port: {other}}}
"""


SERVED = """\
api_server: {{port: {api}, count: 2}}
proxy: {{name: airflow.example.com, airflow: /a, port: {other}}}
"""


HOSTS = """\
hosts:
  - {{name: a, address: 127.0.0.1, scheduler: 2, dag_processor: true, api_server: {{port: {api}, count: 2}}}}
  - {{name: b, address: 127.0.0.2, api_server: {{port: {api}}}, workers: [{{name: light, slots: 2}}]}}
flower: {{on: b, port: {other}}}
policies: {{on_partition: keep}}
"""


SERVERS = "database: postgresql://db.internal/airflow\nbroker: redis://queue.internal/0\n"


@pytest.mark.parametrize(
    ("text", "host", "nginx_is_there", "nginx_runs"),
    [
        ("", "local", True, False),
        (TWO, "local", True, True),
        (TWO, "local", False, False),
        (SERVED, "local", True, True),
        (HOSTS, "a", True, False),
        (HOSTS, "b", True, True),
        (HOSTS, "b", False, False),
        (TWO, "host-1", True, True),
        (TWO, "host-2", False, False),
        (f"{TWO}witness: '127.0.0.1:9'\nlog_retention: 30d\n", "host-1", True, True),
        (SERVED, "host-3", True, True),
    ],
)
def test_a_preview_is_what_the_agent_would_plan(
    text: str,
    host: str,
    nginx_is_there: bool,
    nginx_runs: bool,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    programs(tmp_path, monkeypatch, nginx_is_there=nginx_is_there)
    project.fleet_file.write_text(SERVERS + text.format(api=two_ports(), other=free_ports(1)[0]))
    fleet = reader.read_file(project.fleet_file, project.environ)
    its, plays = project.on("" if host == "local" else host).paths, host.startswith("host-")
    for folder in (its.home, its.runtime, its.airflow_home):
        folder.mkdir(parents=True, exist_ok=True)
    kept = secrets.load_or_generate(its.secrets)
    if plays:
        fleet = seen_among_three(fleet, host, project, kept)
    with closing(PortBook(its.ports)) as book:
        agent = described(bootstrap._context(fleet, fleet.host(host), its, book, kept, together=plays), kept)
    machine = preview.Machine(len(os.sched_getaffinity(0)), nginx_is_there, plays, machine_memory.usable_bytes())
    assert described(preview.as_an_agent(fleet, host, its, kept, machine), kept) == agent
    assert ("nginx" in [one.name for one in agent.components]) == nginx_runs


@pytest.mark.parametrize("name", ["host-1", "host-2"])
def test_a_preview_has_the_witness_of_two_hosts_that_this_machine_plays(
    name: str, project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    programs(tmp_path, monkeypatch, nginx_is_there=False)
    monkeypatch.setattr(bootstrap.embedded_servers, "prepare", lambda its, **_: preview._embedded(its))
    project.fleet_file.write_text("name: shop\n")
    played(project, 2)
    first, its = project.on("host-1").paths, project.on(name).paths
    first.ports.write_text(json.dumps(dict(zip(("api_server", "postgres", "broker"), free_ports(3), strict=True))))
    kept = secrets.load_or_generate(its.secrets)
    spread = local_hosts.spread(reader.read_file(project.fleet_file, project.environ), 2)
    fleet = local_hosts.seen_from(name, spread, first, kept)
    with closing(PortBook(its.ports)) as book:
        agent = described(bootstrap._context(fleet, fleet.host(name), its, book, kept, together=True), kept)
    machine = preview.Machine(len(os.sched_getaffinity(0)), False, True, machine_memory.usable_bytes())
    assert described(preview.as_an_agent(fleet, name, its, kept, machine), kept) == agent
    assert agent.agent is not None
    assert "witness" in agent.agent.options


def seen_among_three(fleet: Fleet, host: str, project: Project, kept: Secrets) -> Fleet:
    """The fleet on three hosts of this machine, the first of which has run."""
    first = project.on("host-1").paths
    first.home.mkdir(parents=True, exist_ok=True)
    first.ports.write_text(json.dumps({"api_server": fleet.hosts[0].api_server.port}))
    return local_hosts.seen_from(host, local_hosts.spread(fleet, 3), first, kept)


def described(context: Context, kept: Secrets) -> Description:
    return plan_record.describe(planner.plan(context), kept.jwt_secret)


def two_ports() -> int:
    """A free port with a free one behind it."""
    while True:
        (port,) = free_ports(1)
        if is_free(port + 1):
            return port
