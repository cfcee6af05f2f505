"""``airfleet schema``: the JSON Schemas of files, for editors."""

from __future__ import annotations

import json
from pathlib import Path

import click

from airfleet.cli import options
from airfleet.cli.output import terminal
from airfleet.cli.queries import fleet_file
from airfleet.client import project as projects
from airfleet.errors import FleetError, UsageError


@click.command(
    epilog="\b\nExamples:\n  airfleet schema fleet > fleet.schema.json\n"
    "  airfleet schema pipeline > pipeline.schema.json\n  airfleet schema test > test.schema.json\n"
    "  airfleet schema pipeline --installed > pipeline.schema.json\n"
    "  airfleet schema --installed > .vscode/settings.json"
)
@click.argument(
    "file", metavar="[fleet|pipeline|test]", required=False, type=click.Choice(["fleet", "pipeline", "test"])
)
@options.option("--installed", is_flag=True, help="Let pipelines know the operators of all installed providers.")
@options.project
def command(file: str | None, installed: bool, project: Path | None) -> None:
    """Print the JSON Schema of fleet.yaml, pipelines or tests.

    An editor that knows YAML completes keys and marks mistakes with it. Rules between values are
    known to 'airfleet check' alone.
    With --installed, that of pipelines has the operators, notifiers and timetables that are installed: an
    editor completes 'uses' and the arguments under 'with', and shows their docstrings. Run it again when
    providers change.
    --installed without a file writes all three into .airfleet/schemas of the project, and prints the
    setting by which yaml-language-server takes each for its files.
    """
    from airfleet.editor import project_schemas
    from airfleet.yaml import json_schema

    if file is not None:
        terminal.put(json_schema.text(project_schemas.of(file, installed=installed)).rstrip("\n"))
    elif installed:
        _write(projects.find(project))
    else:
        raise UsageError("which schema?\nhint: fleet, pipeline or test; or --installed for all three")


def _write(here: projects.Project) -> None:
    """Write all schemas into a project, and print the setting that names them."""
    from airfleet.editor import project_schemas

    folder = here.root / project_schemas.FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in project_schemas.files().items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise FleetError(f"cannot write {error.filename or folder}: {error.strerror}") from None
    fleet = fleet_file.what_is_right(here)
    setting = project_schemas.setting(fleet.pipelines if fleet is not None else "pipelines")
    terminal.put(json.dumps(setting, indent=2))
    terminal.say(f"the schemas are in {folder}; the setting above is for yaml-language-server")
