"""Whether a pipeline makes sense as a whole: the rules that need more than one value to judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from airfleet.errors import Problem
from airfleet.pipelines import reader
from airfleet.pipelines.files import pipeline_files, project_root, read_text
from airfleet.pipelines.spec import Pipeline

__all__ = ["Checked", "check", "pipeline_files", "project_root", "read_and_check"]


@dataclass(frozen=True)
class Checked:
    """The good pipelines of a file and every problem in it."""

    pipelines: tuple[Pipeline, ...]
    problems: tuple[Problem, ...]
    dag_ids: tuple[str, ...] = ()


def read_and_check(
    path: Path,
    *,
    environ: Mapping[str, str],
    variables: Mapping[str, str] | None = None,
    only: str | None = None,
) -> Checked:
    """Read and check one file. With ``only``, no other Dag than the one with that id is made or checked."""
    text = read_text(path)
    if isinstance(text, Problem):
        return Checked((), (text,))
    reading = reader.read(text, str(path), variables=variables, environ=environ, only=only)
    problems = set(reading.problems)
    good = []
    for pipeline in reading.pipelines:
        wrong = check(pipeline)
        problems.update(wrong)
        if not wrong:
            good.append(pipeline)
    return Checked(tuple(good), tuple(sorted(problems)), reading.dag_ids)


def check(pipeline: Pipeline) -> tuple[Problem, ...]:
    """Every problem of one pipeline, in order of place."""
    return ()
