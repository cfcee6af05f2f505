"""The contents of a test file as frozen values, and the outcome of a case: no Airflow, no disk, no clock."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from airfleet.errors import Place


class Unset(enum.Enum):
    """The value of a key that is not written: ``null`` is a value, too."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True)
class Mock:
    """The behaviour of a task that does not run."""

    returns: Any = None
    #: the message of its error
    fails: str | None = None
    skips: bool = False
    #: other outputs, by key
    outputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ExpectedTask:
    """The expected end of a task, or of one copy of a repeated task."""

    #: of the value in the case, as in ``expect.tasks.load``
    path: str
    state: str | None = None
    returns: Any = UNSET
    contains: Any = UNSET
    outputs: Mapping[str, Any] = field(default_factory=dict)
    #: arguments as the task had them
    rendered: Mapping[str, Any] = field(default_factory=dict)
    #: a part of the message of its error
    error: str | None = None
    tries: int | None = None
    copies: int | None = None


@dataclass(frozen=True)
class Expected:
    """The expected end of a run."""

    run: str | None = None
    #: by id, or ``id[0]`` for a copy
    tasks: Mapping[str, ExpectedTask] = field(default_factory=dict)
    #: tasks that begin in this order, whatever runs between them
    order: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """One case of a test file, with what it shares with the others."""

    name: str
    #: the test file as it was given to the reader
    file: str
    #: of the case in the file, as in ``cases[0]``
    path: str
    pipeline: Path
    job: str | None = None
    date: dt.datetime | None = None
    now: dt.datetime | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    #: each as a URI, or as JSON
    connections: Mapping[str, str] = field(default_factory=dict)
    mocks: Mapping[str, Mock] = field(default_factory=dict)
    expected: Expected = Expected()
    #: seconds that the tasks may take in all
    timeout: float = 60.0
    places: Mapping[str, Place] = field(default_factory=dict, repr=False, compare=False)

    @property
    def id(self) -> str:
        """The case as people name it."""
        return f"{self.file}::{self.name}"

    def place(self, path: str) -> Place:
        """Give the place of ``path`` inside the case, or of the nearest value around it."""
        path = f"{self.path}.{path}" if path else self.path
        while path and path not in self.places:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.places.get(path, Place(self.file))


@dataclass(frozen=True)
class TaskOutcome:
    """The end of a task, or of one copy of it."""

    state: str
    #: None without output; of a repeated task, the outputs of its copies
    returned: Any = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    rendered: Mapping[str, Any] = field(default_factory=dict)
    #: kind and message of the exception
    error: str | None = None
    tries: int = 0
    copies: tuple[TaskOutcome, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """The end of a run."""

    state: str
    tasks: Mapping[str, TaskOutcome]
    #: ids of the tasks that began, in this order
    order: tuple[str, ...] = ()
