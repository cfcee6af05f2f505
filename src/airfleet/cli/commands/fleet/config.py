"""``airfleet config``: fleet.yaml as airfleet reads it, with its overlay, secrets masked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import click

from airfleet.cli import options
from airfleet.cli.output import tables, terminal
from airfleet.client.project import find
from airfleet.yaml import nodes

Kind = Literal["text", "value"]

#: keys of fleet.yaml below which all values are of one kind: texts as they are written, or numbers and truth values too
BELOW: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("env", "vars", "variables", "airflow"), "text"),
    **dict.fromkeys(("pools", "extra"), "value"),
}


@click.command(epilog="\b\nExamples:\n  airfleet config\n  airfleet config --env prod -o json")
@options.env
@options.output("yaml", "json", default="yaml", envvar="AIRFLEET_CONFIG_OUTPUT")
@options.project
def command(project: Path | None, env: str | None, output: str) -> None:
    """Print fleet.yaml with its overlay laid over it.

    References stand as they are written, and a secret that is written out is masked. 'airfleet plan'
    shows what the fleet then runs.
    """
    from airfleet.fleet.config import reader

    here = find(project, env)
    document = reader.load_files(here.fleet_file, here.environ)
    if output == "yaml":
        terminal.put("# " + " + ".join(Path(file).name for file in document.files))
    tables.put_value(shown(document.top), output)


def shown(node: nodes.Node, key: str = "", below: Kind | None = None) -> Any:
    """Return a node as plain data without secrets; ``below`` says what all its values are.

    >>> shown(nodes.load("{broker: redis://:s3cret@queue/0, env: {API_TOKEN: abc, TZ: UTC}}", "fleet.yaml")[0][0])
    {'broker': 'redis://:***@queue/0', 'env': {'API_TOKEN': '***', 'TZ': 'UTC'}}
    >>> shown(nodes.load("{env: {V: 1.10, N: 8}, workers: [{slots: 1_000}]}", "fleet.yaml")[0][0])
    {'env': {'V': '1.10', 'N': 8}, 'workers': [{'slots': 1000}]}
    """
    from airfleet.yaml import secret_detection

    if isinstance(node, nodes.Mapping):
        below = below or BELOW.get(key)
        return {name.text: shown(value, _key(key, name.text, node), below) for name, value in node.entries}
    if isinstance(node, nodes.Sequence):
        return [shown(item, key, below) for item in node.items]
    may_be_secret = node.value is not None and not isinstance(node.value, bool)
    if may_be_secret and secret_detection.is_secret(key) and secret_detection.is_written_out(node.text):
        return secret_detection.MASK
    if isinstance(node.value, str):
        return secret_detection.masked(node.value)
    return _value(node, below or ("value" if key in _values() else "text"))


def _value(node: nodes.Scalar, kind: Kind) -> Any:
    """Return a number or truth value where one is meant; else what is written, unless a number says exactly that."""
    says_it = node.value is None or json.dumps(node.value, default=str) == node.text
    return node.value if says_it or (kind == "value" and isinstance(node.value, int | float)) else node.text


@cache
def _values() -> frozenset[str]:
    """List the keys of fleet.yaml that stand for numbers and truth values."""
    from airfleet.fleet.config import keys

    tables = (
        keys.FLEET, keys.API_SERVER, keys.WORKER, keys.PROXY, keys.FLOWER, keys.POLICIES, keys.RELEASES,
        keys.CONNECTION, keys.POOL,
    )  # fmt: skip
    kinds = ("integer", "boolean", "instances", "api_server", "flower")
    return frozenset(name for table in tables for name, key in table.items() if key.kind in kinds)


def _key(above: str, name: str, node: nodes.Mapping) -> str:
    """Return the key that a value is judged by: a variable ``{value: ...}`` is one of the name above it."""
    from airfleet.yaml import secret_detection

    return above if name == "value" and secret_detection.is_secret(above) else name
