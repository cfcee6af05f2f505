"""``airfleet render nginx``: the proxy in front of the fleet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click

from airfleet.cli import options
from airfleet.cli.commands.fleet import plan
from airfleet.cli.commands.render import files
from airfleet.client.project import Project, find
from airfleet.errors import FleetError
from airfleet.fleet.config.spec import Fleet, Host


@click.command(
    name="nginx",
    epilog="\b\nExamples:\n  airfleet render nginx\n"
    "  airfleet render nginx --host front-1 --output /etc/airfleet/nginx",
)
@options.option("--host", metavar="NAME", help="For which host; without it, the first one with the proxy.")
@files.output
@options.env
@options.project
def command(host: str | None, output: Path | None, env: str | None, project: Path | None) -> None:
    """Print the configuration of nginx in front of the fleet.

    It is a whole file that runs as an ordinary user, from a folder of its own:
    nginx -p DIR -c nginx.conf
    """
    here = find(project, env)
    fleet, _ = plan.read(here)  # without its secrets, where they are not here
    files.put(rendered(here, fleet, host), output)


def rendered(here: Project, fleet: Fleet, host: str | None) -> Mapping[str, str]:
    """Return the nginx.conf of a host of the proxy. Raises FleetError when there is none."""
    from airfleet.agent.servers import nginx as machine
    from airfleet.fleet import preview
    from airfleet.fleet.components import proxy
    from airfleet.fleet.planning.context import Nginx
    from airfleet.fleet.servers import secrets
    from airfleet.render.nginx import ACCESS_LOG, FILE_NAME, configuration

    chosen = _host_of_the_proxy(fleet, host)
    runs_it = fleet.proxy is not None and bool(fleet.proxy.on)
    if fleet.proxy is not None:  # one that people run themselves is rendered as if the fleet did
        fleet = replace(fleet, proxy=replace(fleet.proxy, on=(chosen.name,)))
    program = machine.find(here.environ)
    found = Nginx(program or Path("nginx"), machine.version_of(program) if program else machine.OLDEST, Path())
    # No secret is in the text, so any will do.
    context = preview.context(fleet, chosen.name, here.paths, secrets.generate())
    site = proxy.site(replace(context, nginx=found))
    assert site is not None  # the context has an nginx
    # The door for tasks is where the fleet has a helper of its own, when people run this one beside it.
    site = site if runs_it else replace(site, local=None)
    return {FILE_NAME: configuration(site, ACCESS_LOG)}


def _host_of_the_proxy(fleet: Fleet, name: str | None) -> Host:
    if fleet.proxy is None:
        raise FleetError(
            "fleet.yaml has no proxy, so there is nothing for nginx to do",
            hint="'proxy: {name: airflow.example.com}' is the least that it needs",
        )
    known = [host.name for host in fleet.hosts]
    fronts = fleet.proxy.on or known
    if name is None or name in fronts:
        return fleet.host(name or fronts[0])
    files.chosen(fleet, name)
    raise FleetError(f"the proxy does not run on '{name}'", hint=f"it runs on {', '.join(fronts)}")
