"""``airfleet render helm``: values for Airflow's own chart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airfleet.cli import options
from airfleet.cli.commands.fleet import plan
from airfleet.cli.commands.render import files
from airfleet.cli.output import terminal
from airfleet.client.project import Project, find
from airfleet.fleet.config.spec import Fleet

if TYPE_CHECKING:
    from airfleet.yaml import nodes


@click.command(
    name="helm",
    epilog="\b\nExamples:\n  airfleet render helm\n"
    "  airfleet render helm --image registry.example.com/shop:7 --output deploy",
)
@options.option(
    "--image", metavar="REPOSITORY[:TAG]", help="The image of 'airfleet render image' with the project below /srv."
)
@files.output
@options.env
@options.project
def command(image: str | None, output: Path | None, env: str | None, project: Path | None) -> None:
    """Print values for the Helm chart of Apache Airflow.

    Kubernetes gets the fleet's components, queues and settings. The chart runs Airflow's own components on
    them, without airfleet's agents. Secrets stand by name, and the first lines list them.
    """
    here = find(project, env)
    fleet, _ = plan.read(here)
    if fleet.objects.pools:
        terminal.say(f"pools are no part of a chart: {', '.join(pool.name for pool in fleet.objects.pools)}")
    files.put(rendered(here, fleet, image), output)


def rendered(here: Project, fleet: Fleet, image: str | None) -> Mapping[str, str]:
    """Return the values."""
    from airfleet.render import helm

    repository, tag = _image(image or f"{fleet.name.lower()}-airfleet")
    hidden = {
        *_elsewhere(here, "env"),
        *(f"AIRFLEET_VAR_{name}" for name in _elsewhere(here, "vars")),
    }
    settings = set(_settings_elsewhere(here))
    at = helm.Deployment(repository, tag, frozenset(hidden), frozenset(settings))
    return {helm.FILE_NAME: helm.text(fleet, at)}


def _image(name: str) -> tuple[str, str]:
    """Take a name apart.

    >>> _image("localhost:5000/shop"), _image("localhost:5000/shop:7")
    (('localhost:5000/shop', 'latest'), ('localhost:5000/shop', '7'))
    """
    before, colon, tag = name.rpartition(":")
    return (before, tag) if colon and "/" not in tag else (name, "latest")


def _elsewhere(here: Project, key: str) -> Iterator[str]:
    """Yield the entries of a mapping in fleet.yaml whose values refer to something."""
    return (name for name, value in _entries(_top(here), key) if _refers(value))


def _settings_elsewhere(here: Project) -> Iterator[str]:
    for section, values in _entries(_top(here), "airflow"):
        yield from (f"{section}.{name}" for name, value in _pairs(values) if _refers(value))


def _refers(value: nodes.Node) -> bool:
    from airfleet.yaml import nodes
    from airfleet.yaml.secret_detection import REFERENCE

    return any(REFERENCE.search(text) for text in nodes.texts(value))


def _top(here: Project) -> nodes.Node:
    from airfleet.fleet.config import reader

    return reader.load_files(here.fleet_file, here.environ).top


def _entries(top: nodes.Node, key: str) -> Iterator[tuple[str, nodes.Node]]:
    return (pair for name, value in _pairs(top) if name == key for pair in _pairs(value))


def _pairs(node: nodes.Node) -> Iterator[tuple[str, nodes.Node]]:
    from airfleet.yaml import nodes

    return ((key.text, value) for key, value in node.entries) if isinstance(node, nodes.Mapping) else iter(())
