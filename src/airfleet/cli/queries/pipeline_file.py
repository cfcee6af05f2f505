"""One pipeline file named on the command line: its good pipelines, or all its problems."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from airfleet.client import project as projects
from airfleet.errors import FileProblems, FleetError, UsageError, did_you_mean, listed

if TYPE_CHECKING:
    from airfleet.fleet.config.spec import Fleet
    from airfleet.pipelines.files.listing import Rules
    from airfleet.pipelines.language.spec import Pipeline


def read(file: Path, job: str | None, project: Path | None, command: str = "airfleet show") -> tuple[Pipeline, ...]:
    """Read the pipelines of ``file`` for ``command``: all of them, or the one of ``job``.

    Raises:
        FileProblems: the file is wrong.
        FleetError: there is no such file, or it makes no Dag.
        UsageError: it has no such job.
    """
    from airfleet.pipelines.checks import pipeline_checks

    of_yaml(file, command)
    checked = pipeline_checks.read_and_check(file, environ=environment(file, project))
    if checked.problems or checked.foreign:
        raise FileProblems(checked.problems or [p for p in [checked.foreign] if p])
    if checked.is_shared:
        raise FleetError(f"{file} makes no Dag: it has parts that pipelines share", hint="name a file with a dag_id")
    return checked.pipelines if job is None else (_of_job(checked.pipelines, job, file),)


def there(path: Path, what: str = "file or folder") -> Path:
    """Require a path that was named. Raises FleetError when nothing is there."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        raise FleetError(f"no such {what}: {path}", hint=near(path)) from None
    except OSError:
        pass  # who reads it says why that is not possible
    return path


def of_yaml(file: Path, command: str) -> Path:
    """Return a pipeline file that was named.

    Raises:
        FleetError: there is no such file, or it is a folder, or of a kind that ``command`` does not take.
    """
    if os.path.isdir(there(file, "file")):
        raise FleetError(f"{file} is a folder; {command} takes one pipeline file", hint=near(file / "pipeline.yaml"))
    if file.name.lower().endswith((".test.yaml", ".test.yml")):
        raise FleetError(f"{file} has tests of a pipeline", hint=f"airfleet test {file} runs them")
    kinds = {".py": "Python", ".zip": "an archive"}
    if kind := kinds.get(file.suffix.lower()):
        raise FleetError(
            f"{file}: {command} takes a pipeline in YAML, not Dags in {kind}",
            hint="airfleet check says what Airflow 3 does not understand; airfleet trigger runs it on the fleet",
        )
    return file


def near(path: Path) -> str | None:
    """Hint at a file of the same folder with a similar name."""
    try:
        return did_you_mean(path.name, os.listdir(path.parent))
    except OSError:
        return None


def rules_of(fleet: Fleet | None) -> Rules:
    """Read how the fleet's Airflow looks for files."""
    from airfleet.pipelines.files.listing import Rules

    core = fleet.airflow.get("core", {}) if fleet is not None else {}
    safe_mode = core.get("dag_discovery_safe_mode", "True").strip().lower() not in ("false", "f", "0")
    return Rules(core.get("dag_ignore_file_syntax", "glob").strip(), safe_mode)


def _fleet(file: Path, folder: Path | None, *, lenient: bool) -> Fleet | None:
    from airfleet.fleet.config import reader

    root = projects.find(folder).root if folder is not None else projects.nearest(file.absolute().parent)
    return reader.read_file(root / projects.FLEET_FILE, os.environ, lenient=lenient) if root is not None else None


def environment(file: Path, folder: Path | None, *, lenient: bool = False) -> Mapping[str, str]:
    """Return the environment of tasks: this process's, with what ``env:`` and ``vars:`` in fleet.yaml add.

    With ``lenient``, secrets that are not here are ``***``.
    """
    fleet = _fleet(file, folder, lenient=lenient)
    if fleet is None:
        return os.environ
    return {**os.environ, **fleet.task_environment}


def the_only(pipelines: Sequence[Pipeline], file: Path) -> Pipeline:
    """Require that a file has one pipeline, and return it.

    Raises:
        UsageError: it has several.
        FleetError: it has none.
    """
    if len(pipelines) == 1:
        return pipelines[0]
    if not pipelines:
        raise FleetError(f"{file} has no pipeline")
    jobs = listed([pipeline.job or pipeline.dag_id for pipeline in pipelines])
    raise UsageError(f"{file} has {len(pipelines)} jobs\nhint: choose one with --job: {jobs}")


def _of_job(pipelines: Sequence[Pipeline], job: str, file: Path) -> Pipeline:
    for pipeline in pipelines:
        if job in (pipeline.job, pipeline.dag_id):
            return pipeline
    known = [pipeline.job or pipeline.dag_id for pipeline in pipelines]
    raise UsageError(f"{file} has no job '{job}'\nhint: " + (did_you_mean(job, known) or f"it has {listed(known)}"))
