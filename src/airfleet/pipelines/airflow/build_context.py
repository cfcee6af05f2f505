"""A Dag while it is built: its operators so far, and the problems found."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import pendulum
from airflow import settings
from airflow.sdk import DAG, BaseOperator, TaskGroup
from airflow.sdk.definitions.mappedoperator import MappedOperator

from airfleet.errors import Problem
from airfleet.pipelines.files.project_files import project_root
from airfleet.pipelines.language.spec import Group, Pipeline
from airfleet.problem_codes import Code

Operator: TypeAlias = BaseOperator | MappedOperator


@dataclass
class BuildContext:
    """One Dag being built."""

    pipeline: Pipeline
    dag: DAG = field(init=False)
    built: dict[str, Operator] = field(default_factory=dict)
    groups: dict[str, TaskGroup] = field(default_factory=dict)
    #: the group of the task that is built
    around: str = ""
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, path: str, sentence: str, hint: str | None = None, code: Code = Code.AIRFLOW_REFUSES) -> None:
        """Note a problem at ``path`` of the pipeline's file."""
        self.problems.append(Problem(self.pipeline.place(path), path, sentence, hint, code))

    @functools.cached_property
    def groups_by_id(self) -> Mapping[str, Group]:
        """The pipeline's groups by their ids."""
        return {group.id: group for group in self.pipeline.groups}

    @functools.cached_property
    def root(self) -> Path:
        """The project's folder."""
        return project_root(Path(self.pipeline.file))

    @property
    def zone(self) -> Any:
        """Give the time zone of dates that name none."""
        return pendulum.timezone(self.pipeline.timezone) if self.pipeline.timezone else settings.TIMEZONE


#: What users' code raises when it is imported and called; ``sys.exit()`` of a script must end no process of ours.
RAISED: Final = (Exception, SystemExit)


def message(error: BaseException) -> str:
    """Write the message of an error as one line; its kind where it has none, or fails to say it."""
    try:
        text = " ".join(str(error).split())
    except RAISED:
        text = ""
    if isinstance(error, SystemExit):
        return f"it ends the process (SystemExit: {text})" if text else "it ends the process (SystemExit)"
    return text or type(error).__name__


def said_by(error: BaseException, name: str) -> str:
    """Write one sentence from what the constructor of ``name`` raised."""
    text = message(error)
    if wrong_type := re.fullmatch(r"'(\w+)' type must be (.+), not (\w+)", text):
        return f"'{wrong_type[1]}' must be {wrong_type[2]}, not {wrong_type[3]}"
    return f"{name} refuses its arguments: {text}"


def mentioned(error: BaseException, names: Iterable[str]) -> str | None:
    """Find the first of ``names`` that the error's message speaks of."""
    text = message(error)
    return next((name for name in names if _speaks_of(name, text)), None)


def _speaks_of(name: str, text: str) -> bool:
    words = re.escape(name), re.escape(name.replace("_", " "))
    return re.search(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", text) is not None
