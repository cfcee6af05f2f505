"""``airfleet docs``: a page about each pipeline, for people who do not read YAML."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from airfleet.cli import options
from airfleet.cli.graph import pipeline_page
from airfleet.cli.output import terminal
from airfleet.cli.queries import pipeline_file
from airfleet.cli.queries.checked_files import CheckedFiles
from airfleet.errors import FileProblems, FleetError, listed

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
    -o, pages are printed. No argument of a task is shown. A later run on the same path removes its pages of pipelines
    that are gone, and no other files.
    """
    pipelines = _read(path, project)
    pages = {one.dag_id: pipeline_page.page(one, _named(one.file, path)) for one in pipelines}
    if folder is None:
        terminal.put("\n".join(pages.values()).rstrip("\n"))
        return
    files = {pipeline_page.file_of(dag_id): text for dag_id, text in pages.items()}
    gone = _write({**files, pipeline_page.INDEX: pipeline_page.index(pipelines)}, folder, _mark(path))
    terminal.say(f"{len(pages)} {'page' if len(pages) == 1 else 'pages'} and a list of them are in {folder}")
    if gone:
        terminal.say(f"removed {listed(gone)}: no pipeline of {path} has this id any more")


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


def _mark(path: Path) -> str:
    """Give the first line of each page of a file or folder, which Markdown does not show."""
    return (
        f"<!-- airfleet docs {quote(os.fsencode(path))}: another run removes this page when its pipeline is gone -->\n"
    )


def _write(pages: Mapping[str, str], folder: Path, mark: str) -> list[str]:
    """Write pages by their files, and remove those with this mark that are no longer among them.

    Raises FleetError when the folder cannot have them.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            (folder / name).write_text(f"{mark}\n{text}", encoding="utf-8", errors="replace")
        gone = sorted(one.name for one in folder.glob("*.md") if one.name not in pages and _begins(one, mark))
        for name in gone:
            (folder / name).unlink()
    except OSError as error:
        raise FleetError(f"pages cannot be written into {folder}: {(error.strerror or str(error)).lower()}") from None
    return gone


def _begins(file: Path, mark: str) -> bool:
    """Tell whether a regular file has this first line."""
    if file.is_symlink() or not file.is_file():
        return False
    with file.open(encoding="utf-8", errors="replace") as text:
        return text.readline(len(mark)) == mark


def _named(file: str, path: Path) -> str:
    """Name a file as it lies below the folder that was asked for."""
    return str(Path(file).relative_to(path)) if path.is_dir() and Path(file).is_relative_to(path) else file
