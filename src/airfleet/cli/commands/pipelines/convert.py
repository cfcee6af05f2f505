"""``airfleet convert``: files of other formats as pipeline files."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airfleet.cli import options
from airfleet.cli.output import problem_view, terminal
from airfleet.cli.queries import pipeline_file
from airfleet.errors import EXIT_OK, EXIT_WRONG, FleetError, UsageError

if TYPE_CHECKING:
    from airfleet.pipelines.conversion.converter import Converted


@click.command(
    epilog="\b\nExamples:\n  airfleet convert dags/orders.yml\n  airfleet convert dags/*.yml -o pipelines\n"
    "  crontab -l > jobs && airfleet convert jobs\n  airfleet convert dags/orders.yml --check"
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(readable=False, path_type=Path))
@options.option(
    "-o", "--output-dir", "folder", metavar="DIR", type=click.Path(path_type=Path), help="Write the files into DIR."
)
@options.option("--check", "compare", is_flag=True, help="Compare the Dags of both, as Airflow stores them.")
def command(files: tuple[Path, ...], folder: Path | None, compare: bool) -> int:
    """Convert files of other formats to pipeline files.

    FILE is written for dag-factory, MWAA Serverless or Flexflow, is a crontab, has Dags in Python, or is a folder of
    gusty. Each value that cannot be carried over is named with its place. Without -o, the pipelines are printed. No
    file is overwritten.
    Exit code: 0 everything was carried over, 1 something was not, or --check found differences.
    """
    if len(files) > 1 and folder is None and not compare:
        raise UsageError("several files need a folder to write to: airfleet convert FILE... -o DIR")
    good = [_convert(file, folder, compare) for file in files]
    return EXIT_OK if all(good) else EXIT_WRONG


def _convert(file: Path, folder: Path | None, compare: bool) -> bool:
    """Convert one file; tell whether everything was carried over."""
    from airfleet.pipelines.conversion import converter

    found = converter.convert(pipeline_file.there(file), _accounts(), os.environ)
    _say(found)
    if not found.text:
        return False
    if folder is not None:
        terminal.say(f"{file}: {found.kind} → {_write(found.text, folder / f'{file.stem or file.name}.yaml')}")
        if found.module:
            terminal.say(f"{file}: its functions → {_write(found.module, folder / f'{file.stem}_steps.py')}")
    elif not compare:
        terminal.put(found.text.rstrip("\n"))
        if found.module:
            terminal.say(f"the functions that it names stand in {file}; with -o they get a module of their own")
    same = not compare or _is_the_same(file, found)
    return same and not found.problems


def _say(found: Converted) -> None:
    said = [*found.problems, *map(problem_view.as_remark, found.remarks)]
    if said:
        terminal.say(problem_view.text(said, sys.stderr))


def _write(text: str, file: Path) -> Path:
    """Write a new file. Raises FleetError when there is one already, or it cannot be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        there = file if os.path.lexists(file) else file.parent  # a file in place of the folder
        raise FleetError(f"{there} is there already, and is not overwritten", hint="name another folder") from None
    except OSError as error:
        raise FleetError(f"{file} cannot be written: {(error.strerror or str(error)).lower()}") from None
    return file


def _is_the_same(file: Path, found: Converted) -> bool:
    """Compare the Dags of a file with those of its conversion, and say what differs."""
    from airfleet.pipelines.conversion import proof

    if not found.has_dags:
        terminal.say(f"{file}: {found.kind} has no Dags to compare with")
        return True
    differences: Sequence[str] = proof.differences(file, found.text, os.environ, found.module)
    for line in differences:
        terminal.put(line)
    terminal.say(f"{file}: {len(differences) or 'no'} {'difference' if len(differences) == 1 else 'differences'}")
    return not differences


def _accounts() -> frozenset[str]:
    try:
        import pwd
    except ImportError:  # no accounts of this kind here
        return frozenset()
    return frozenset(one.pw_name for one in pwd.getpwall())
