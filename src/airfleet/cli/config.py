"""``airfleet config``: fleet.yaml as airfleet reads it, with its overlay, secrets masked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from airfleet import source
from airfleet.cli import options, tables, terminal
from airfleet.cli.project import find


@click.command(epilog="\b\nExamples:\n  airfleet config\n  airfleet config --env prod -o json")
@options.env
@options.output("yaml", "json", default="yaml", envvar="AIRFLEET_CONFIG_OUTPUT")
@options.project
def command(project: Path | None, env: str | None, output: str) -> None:
    """Print fleet.yaml with its overlay laid over it.

    References stand as they are written, and a secret that is written out is masked. What the fleet then
    runs is what 'airfleet plan' shows.
    """
    from airfleet.fleet import reader

    here = find(project, env)
    document = reader.load_files(here.fleet_file, here.environ)
    if output == "yaml":
        terminal.put("# " + " + ".join(Path(file).name for file in document.files))
    tables.put_value(shown(document.top), output)


def shown(node: source.Node, key: str = "") -> Any:
    """A node as plain data without a secret.

    >>> shown(source.load("{broker: redis://:s3cret@queue/0, env: {API_TOKEN: abc, TZ: UTC}}", "fleet.yaml")[0][0])
    {'broker': 'redis://:***@queue/0', 'env': {'API_TOKEN': '***', 'TZ': 'UTC'}}
    """
    from airfleet.fleet import sensitive

    if isinstance(node, source.Mapping):
        return {name.text: shown(value, _key(key, name.text, node)) for name, value in node.entries}
    if isinstance(node, source.Sequence):
        return [shown(item, key) for item in node.items]
    if sensitive.is_secret(key) and sensitive.is_written_out(node.text):
        return sensitive.MASK
    return sensitive.masked(node.value) if isinstance(node.value, str) else node.value


def _key(above: str, name: str, node: source.Mapping) -> str:
    """The key that a value is judged by: a variable ``{value: ...}`` is one of the name above it."""
    from airfleet.fleet import sensitive

    return above if name == "value" and sensitive.is_secret(above) else name
