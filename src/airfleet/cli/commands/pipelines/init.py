"""``airfleet init``: the files of a new project."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import click

from airfleet.cli import options
from airfleet.cli.commands.pipelines import scaffold
from airfleet.cli.output import terminal
from airfleet.errors import FleetError, UsageError, argument


@click.command(epilog="\b\nExamples:\n  airfleet init my-project\n  airfleet init . --name shop")
@click.argument("folder", metavar="[DIR]", type=click.Path(file_okay=False, path_type=Path), default=Path())
@options.option("--name", metavar="NAME", help="The fleet's name; without it, the folder's.")
def command(folder: Path, name: str | None) -> None:
    """Make a new project.

    Writes fleet.yaml, a first pipeline and the Python functions that it calls. Nothing that exists
    is overwritten.
    """
    if name is not None and not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        hint = f"--name {scaffold.fleet_name(name)}"
        raise UsageError(f"'{name}' is not a fleet's name: lower-case letters, digits and dashes\nhint: {hint}")
    files = scaffold.files(name or scaffold.fleet_name(folder.absolute().name))
    in_the_way = [path for path in files if (folder / path).exists()]
    if in_the_way:
        raise FleetError(
            f"{folder.absolute()} already has {', '.join(in_the_way)}; nothing was written",
            hint="name another folder: airfleet init DIR",
        )
    write(folder, files)
    for path in files:
        terminal.say(f"  wrote {folder / path}")
    terminal.say("\nnext:")
    for line in next_commands(folder):
        terminal.say(f"  {line}")


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write ``files`` under ``folder``, making folders as needed."""
    for path, text in files.items():
        target = folder / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with open(target, "x", encoding="utf-8") as file:
                file.write(text)
        except OSError as wrong:
            raise FleetError(f"cannot write {target}: {wrong.strerror}") from wrong


def next_commands(folder: Path) -> tuple[str, ...]:
    """List what to do in the new project."""
    there = () if folder.absolute() == Path.cwd() else (f"cd {argument(folder)}",)
    return (
        *there,
        "airfleet run pipelines/hello.yaml   one pipeline here and now, without a fleet",
        "airfleet up                         start the fleet of this machine",
        "airfleet trigger hello --wait       run it on the fleet (in another terminal)",
    )
