"""``python``: the file of requirements that a pipeline names, and the one Python of a pipeline file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from airfleet.errors import Problem
from airfleet.file_stamps import stamp
from airfleet.pipelines.checks.check_context import Checking
from airfleet.pipelines.files.named_files import absent, located, outside
from airfleet.pipelines.language.spec import FileText, Pipeline
from airfleet.problem_codes import Code

_KEY: Final = "python"


def check_python(checking: Checking) -> None:
    """Note what is wrong with the file of requirements that a pipeline names."""
    file = checking.pipeline.python
    if file is not None and (wrong := _wrong(file, checking)):
        checking.problem(_KEY, *wrong, code=Code.REQUIREMENTS)


def _wrong(file: FileText, checking: Checking) -> tuple[str, str | None] | None:
    try:
        target = located(file.path, file.said_in or checking.pipeline.file, checking.installed.root)
    except ValueError:
        return f"'{file.path}' is not the name of a file", None
    if target is None:
        return outside(file.path, checking.installed.root)
    checking.installed.stamps.setdefault(str(target), stamp(str(target)))
    if not target.exists():
        names = checking.installed.files_in(target.parent)
        return absent(file.path, target, lambda name: checking.hints.nearest(name, names))
    return None if target.is_file() else (f"'{file.path}' is not a regular file", None)


def check_one_python(pipelines: Iterable[Pipeline]) -> Iterator[Problem]:
    """Yield a problem of each pipeline of a file that names another Python than the first: a file is parsed once."""
    first: Pipeline | None = None
    for pipeline in pipelines:
        first = first or pipeline
        if pipeline.python != first.python:
            other = f"'{first.python.path}'" if first.python else "none"
            sentence = f"differs from that of '{first.dag_id}' in this file, which is {other}"
            hint = "put pipelines with another Python into a file of their own"
            yield Problem(pipeline.place(_KEY), _KEY, sentence, hint, Code.REQUIREMENTS)


def requirements_of(pipelines: Iterable[Pipeline], root: Path) -> Mapping[str, str]:
    """Give the file of requirements of each pipeline file that names one; both are paths below the project's folder."""
    top = os.path.realpath(root)
    found: dict[str, str] = {}
    for pipeline in pipelines:
        file = pipeline.python
        target = located(file.path, file.said_in or pipeline.file, root) if file is not None else None
        if target is not None:
            found[os.path.relpath(os.path.realpath(pipeline.file), top)] = os.path.relpath(target, top)
    return found
