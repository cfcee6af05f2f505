"""The steps of every Airflow version's importer with a pipeline file: read, check, build, explain.

Kept apart from the importer classes because their interface differs between Airflow 3.3 and 3.4.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from airflow import settings
from airflow.sdk import DAG, get_parsing_context

from airfleet.errors import FileProblems, Place, Problem
from airfleet.file_stamps import Stamp
from airfleet.pipelines.airflow import dag
from airfleet.pipelines.checks.pipeline_checks import read_and_check
from airfleet.pipelines.files.project_files import project_root
from airfleet.problem_codes import Code
from airfleet.yaml.problems import in_order

log = logging.getLogger(__name__)

#: By path, stamps of the files of the project that imports of this process took in beside pipeline files themselves.
#: The dag-processor, which forks a process for each file, parses a pipeline again when one of these has changed.
TAKEN_IN: Final[dict[str, Stamp | None]] = {}
#: modules that the pipeline files of these imports name
NAMED_MODULES: Final[set[str]] = set()


@dataclass(frozen=True)
class Imported:
    """The Dags of one file, and what is wrong with it as ``airfleet check`` prints it (or None)."""

    dags: tuple[DAG, ...]
    message: str | None


def import_pipelines(file: Path, root: Path | None = None) -> Imported:
    """Return the Dags of ``file``; never raises. Problems name the file relative to ``root``, the bundle's folder.

    In a task's process only the Dag of that task is read and built: Airflow says which one it is
    in the parsing context.
    """
    relative = relative_to(file, root)
    reach_modules(file)
    try:
        only = get_parsing_context().dag_id
        dags, problems = dags_and_problems(file, only, is_stored=only is None)
    except Exception as error:  # nothing that a file holds may end the process that reads it
        log.exception("Reading %s failed", file)
        sentence = (
            f"airfleet itself failed on this file, which is a mistake in airfleet: {type(error).__name__}: {error}"
        )
        return Imported((), Problem(Place(relative), "", sentence, code=Code.OUR_MISTAKE).with_code())
    for built in dags:
        built.relative_fileloc = relative
    return Imported(tuple(dags), as_text(problems, file, root))


def dags_and_problems(
    file: Path, only: str | None = None, *, is_stored: bool = True
) -> tuple[list[DAG], tuple[Problem, ...]]:
    """Return the good Dags of ``file`` and the problems of all others. ``only`` names the one Dag to build.

    With ``is_stored``, a Dag that Airflow cannot store is not good.
    """
    checked = read_and_check(file, environ=os.environ, only=only, zone=settings.TIMEZONE)
    TAKEN_IN.update(checked.taken_in)
    NAMED_MODULES.update(checked.modules)
    dags: list[DAG] = []
    problems = list(checked.problems)
    for pipeline in checked.pipelines:
        try:
            built = dag.build(pipeline)
            if is_stored:
                dag.check_stored(built, pipeline)
            dags.append(built)
        except FileProblems as error:
            problems.extend(map(checked.paths.as_written, error.problems))
    return dags, tuple(in_order(dict.fromkeys(problems)))


def as_text(problems: Iterable[Problem], file: Path, root: Path | None) -> str | None:
    """Write all problems as one text in which files are called as in the bundle, or None when there are none."""
    return "\n".join(_renamed(problem, file, root).with_code() for problem in problems) or None


def _renamed(problem: Problem, file: Path, root: Path | None) -> Problem:
    named = problem.place.file
    name = relative_to(file, root) if named == str(file) else relative_to(Path(named), root)
    return dataclasses.replace(problem, place=dataclasses.replace(problem.place, file=name))


def reach_modules(file: Path) -> None:
    """Let tasks import the modules that stand beside the pipelines.

    Appended once and left: a task imports its function after the file has been read.
    """
    root = str(project_root(file))
    if root not in sys.path:
        sys.path.append(root)


def relative_to(file: Path, root: Path | None) -> str:
    """Name ``file`` as inside the bundle, or as it was given when it lies elsewhere."""
    if root is None or file == root:
        return file.name if file == root else str(file)
    return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)
