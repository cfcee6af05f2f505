"""``airfleet schema``: the JSON Schema of a file, for editors."""

from __future__ import annotations

import click

from airfleet.cli.output import terminal


@click.command(
    epilog="\b\nExamples:\n  airfleet schema fleet > fleet.schema.json\n"
    "  airfleet schema pipeline > pipeline.schema.json\n  airfleet schema test > test.schema.json"
)
@click.argument("file", metavar="fleet|pipeline|test", type=click.Choice(["fleet", "pipeline", "test"]))
def command(file: str) -> None:
    """Print the JSON Schema of fleet.yaml, pipelines or tests.

    An editor that knows YAML completes keys and marks mistakes with it. Rules between values are
    known to 'airfleet check' alone.
    """
    from airfleet.yaml import json_schema

    if file == "fleet":
        from airfleet.fleet.config import schema as fleet

        found = fleet.schema()
    elif file == "test":
        from airfleet.pipelines.cases import schema as cases

        found = cases.schema()
    else:
        from airfleet.pipelines.reading import schema as pipelines

        found = pipelines.schema()
    terminal.put(json_schema.text(found).rstrip("\n"))
