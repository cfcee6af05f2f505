"""``airfleet docs``: a page about each pipeline, for people who do not read YAML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airfleet.cli import options
from airfleet.cli.graph import pipeline_page
from airfleet.cli.output import terminal
from airfleet.cli.queries import pipeline_file
from airfleet.cli.queries.checked_files import CheckedFiles
from airfleet.errors import FileProblems, FleetError

if TYPE_CHECKING:
    from airfleet.pipelines.language.spec import Pipeline


@click.command(
    epilog="\b\nExamples:\n  airfleet docs pipelines -o build/pipelines\n  airfleet docs pipelines/orders.yaml"
)
@click.argument("path", type=click.Path(path_type=Path))
@options.option(
    "-o",
    "--output-dir",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Write a page for each into DIR.",
)
@options.project
def command(path: Path, folder: Path | None, project: Path | None) -> None:
    """Write a page about each pipeline, for people.

    A page has the meaning, schedule, params, tasks and assets, and the graph as a Mermaid picture, in Markdown. Without
    -o, pages are printed. No argument of a task is shown.
    """
    pipelines = _read(path, project)
    pages = {one.dag_id: pipeline_page.page(one, _named(one.file, path)) for one in pipelines}
    if folder is None:
        terminal.put("\n".join(pages.values()).rstrip("\n"))
        return
    _write({**pages, "README": pipeline_page.index(pipelines)}, folder)
    terminal.say(f"{len(pages)} {'page' if len(pages) == 1 else 'pages'} and a list of them are in {folder}")


def _read(path: Path, project: Path | None) -> list[Pipeline]:
    """Read every pipeline of a file or folder. Raises FileProblems with everything that is wrong in any of them."""
    from airfleet.pipelines.files import listing

    if not pipeline_file.there(path).is_dir():
        return list(pipeline_file.read(path, None, project, "airfleet docs"))
    files = CheckedFiles(pipeline_file.environment(path / "any", project), sure=True)
    checked = [files.read(file) for file in listing.of(path).pipelines]
    if problems := [problem for one in checked for problem in one.problems]:
        raise FileProblems(problems)
    found = [pipeline for one in checked for pipeline in one.pipelines]
    if not found:
        raise FleetError(f"{path} has no pipeline")
    return found


def _write(pages: Mapping[str, str], folder: Path) -> None:
    """Write pages by their names. Raises FleetError when the folder cannot have them."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            (folder / f"{name}.md").write_text(text, encoding="utf-8")
    except OSError as error:
        raise FleetError(f"pages cannot be written into {folder}: {(error.strerror or str(error)).lower()}") from None


def _named(file: str, path: Path) -> str:
    """Name a file as it lies below the folder that was asked for."""
    return str(Path(file).relative_to(path)) if path.is_dir() and Path(file).is_relative_to(path) else file
