"""``airfleet diff``: what differs between two versions of a pipeline file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airfleet.cli import options
from airfleet.cli.output import change_view, terminal
from airfleet.cli.queries import file_versions, pipeline_file
from airfleet.errors import EXIT_OK, EXIT_WRONG, FileProblems, UsageError

if TYPE_CHECKING:
    from airfleet.pipelines.language.spec import Pipeline

GIT = "git:"


@click.command(
    epilog="\b\nExamples:\n  airfleet diff pipelines/orders.yaml\n  airfleet diff git:main pipelines/orders.yaml\n"
    "  airfleet diff old.yaml new.yaml -o json"
)
@click.argument("versions", metavar="[OLD] NEW", nargs=-1, required=True)
@options.option("--exit-code", "tells", is_flag=True, help="Exit with 1 when something differs.")
@options.output()
@options.project
def command(versions: tuple[str, ...], tells: bool, output: str, project: Path | None) -> int:
    """Say what differs between two versions of a pipeline file.

    OLD is a file, or git:REVISION for NEW as it is in a commit; without it, git:HEAD. Values are compared, not lines:
    comments, order of keys, and templates make no difference; texts of files that it takes in do.
    """
    from airfleet.pipelines.comparison import changes

    old, new = _named(versions)
    with ExitStack() as stack:
        before = stack.enter_context(file_versions.at(new, old.removeprefix(GIT))) if old.startswith(GIT) else Path(old)
        environ = pipeline_file.environment(new, project)
        found = changes.between(_read(before, old, environ), _read(new, str(new), environ))
    change_view.put(found, output)
    if not found:
        terminal.say("no difference")
    return EXIT_WRONG if tells and found else EXIT_OK


def _named(versions: Sequence[str]) -> tuple[str, Path]:
    if len(versions) > 2:
        raise UsageError("diff takes two versions: OLD and NEW")
    *old, new = versions
    if new.startswith(GIT):
        raise UsageError(f"NEW is a file, not {new}\nhint: airfleet diff {new} FILE")
    pipeline_file.of_yaml(Path(new), "airfleet diff")
    for name in old:
        if name == GIT or name.startswith(f"{GIT}-"):  # which git would take for an option
            raise UsageError(f"{name} names no commit\nhint: airfleet diff {GIT}HEAD FILE")
    return old[0] if old else f"{GIT}HEAD", Path(new)


def _read(file: Path, name: str, environ: Mapping[str, str]) -> tuple[Pipeline, ...]:
    """Read a version. Raises FileProblems that name it as the caller did."""
    from airfleet.pipelines.checks.pipeline_checks import read_and_check
    from airfleet.pipelines.comparison.file_texts import with_file_texts

    checked = read_and_check(pipeline_file.there(file, "file"), environ=environ)
    problems = checked.problems or tuple(problem for problem in [checked.foreign] if problem)
    if problems:
        raise FileProblems(
            replace(one, place=replace(one.place, file=_place(one.place.file, file, name))) for one in problems
        )
    return tuple(map(with_file_texts, checked.pipelines))


def _place(found: str, file: Path, name: str) -> str:
    return name if found == str(file) else found
