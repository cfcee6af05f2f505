"""Completions, hovers and definitions in a file with tests of pipelines, by its key tables and its pipelines."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Final

from airfleet.editor.completions import Completion, Kind
from airfleet.editor.spots import Path, Spot, Written
from airfleet.errors import Place
from airfleet.pipelines.cases import keys
from airfleet.pipelines.cases.keys import Table
from airfleet.pipelines.cases.reader import pipeline_of
from airfleet.pipelines.files.project_files import SUFFIXES, is_test
from airfleet.pipelines.language.spec import Pipeline, Task
from airfleet.yaml.nodes import Mapping, Scalar


@dataclass(frozen=True)
class CaseFile:
    """A file with tests, and the reader of its pipelines."""

    file: FilePath
    read: Callable[[FilePath], tuple[Pipeline, ...]]

    def pipelines(self, around: tuple[Mapping, ...]) -> tuple[Pipeline, ...]:
        """Read the pipelines of the case inside these mappings: that of its ``job``, or all of the file."""
        found = self.read(pipeline_of(str(self.file), _said("pipeline", around)))
        job = _said("job", around)
        return tuple(one for one in found if job in (one.job, one.dag_id)) or found

    def tasks(self, around: tuple[Mapping, ...]) -> dict[str, tuple[Pipeline, Task]]:
        """List the tasks of these pipelines by their ids."""
        return {task.id: (one, task) for one in self.pipelines(around) for task in one.tasks}


def _said(key: str, around: tuple[Mapping, ...]) -> str | None:
    """Give the value of a key that the case has, or else the file."""
    values = (mapping.get(key) for mapping in reversed(around))
    return next((value.text for value in values if isinstance(value, Scalar)), None)


def _in_case(path: Path) -> Path:
    """Give a path inside its case; that of a key of the whole file as it is."""
    return path[2:] if path[:1] == ("cases",) and len(path) > 1 else path


#: a name that the file itself gives
_ANY: Final = None
_TABLES: Final[tuple[tuple[tuple[str | None, ...], Table], ...]] = (
    (("expect",), keys.EXPECT),
    (("expect", "tasks", _ANY), keys.EXPECTED_TASK),
    (("mocks", _ANY), keys.MOCK),
    (("connections", _ANY), keys.CONNECTION),
)
_NAME_TASKS: Final[tuple[Path, ...]] = (("mocks",), ("expect", "tasks"))


def _table(path: Path) -> Table:
    """Find the keys of the mapping at a path; none for one with names of its own."""
    if not path:
        return keys.FILE
    inside = _in_case(path)
    if not inside:
        return keys.CASE
    return next((table for pattern, table in _TABLES if _fits(inside, pattern)), {})


def _fits(path: Path, pattern: tuple[str | None, ...]) -> bool:
    same = zip(path, pattern, strict=False)
    return len(path) == len(pattern) and all(wanted in (_ANY, step) for step, wanted in same)


# --- completion


def completions(spot: Spot, cases: CaseFile) -> list[Completion]:
    """List everything that may be written at the cursor."""
    return list(_keys(spot, cases) if spot.is_key else _values(spot, cases))


def _keys(spot: Spot, cases: CaseFile) -> Iterator[Completion]:
    present = {key.text for key, _ in spot.beside.entries}
    for name, key in _table(spot.path).items():
        if name not in present:
            yield Completion(name, Kind.KEY, key.says, f"{name}: ")
    for name in _names(_in_case(spot.path), spot.around, cases):
        if name not in present:
            yield Completion(name, Kind.REFERENCE, text=f"{name}: ")


def _names(path: Path, around: tuple[Mapping, ...], cases: CaseFile) -> Iterator[str]:
    """Yield the names that the pipeline gives: of tasks, of params, and of a task's arguments."""
    if path in _NAME_TASKS:
        yield from cases.tasks(around)
    elif path == ("params",):
        params = [one.options.get("params") for one in cases.pipelines(around)]
        yield from dict.fromkeys(name for one in params if isinstance(one, dict) for name in one)
    elif _fits(path, ("expect", "tasks", _ANY, "rendered")):
        _, task = cases.tasks(around).get(_id_in(str(path[2])), (None, None))
        yield from task.args if task is not None else ()


def _values(spot: Spot, cases: CaseFile) -> Iterator[Completion]:
    path = _in_case(spot.path)
    if path == ("pipeline",):
        yield from (Completion(name, Kind.FILE) for name in _files(cases.file.parent))
    elif path == ("job",):
        without = tuple(mapping.without("job") for mapping in spot.around)
        names = (one.job or one.dag_id for one in cases.pipelines(without))
        yield from (Completion(name, Kind.REFERENCE) for name in names)
    elif path[:2] == ("expect", "order"):
        yield from (Completion(name, Kind.REFERENCE) for name in cases.tasks(spot.around))
    else:
        yield from (Completion(word, Kind.VALUE) for word in _words(path))


def _words(path: Path) -> tuple[str, ...]:
    if path == ("expect", "run"):
        return keys.RUN_STATES
    if _fits(path, ("mocks", _ANY, "skips")):
        return ("true", "false")
    is_state = _fits(path, ("expect", "tasks", _ANY)) or _fits(path, ("expect", "tasks", _ANY, "state"))
    return keys.TASK_STATES if is_state else ()


def _files(folder: FilePath) -> list[str]:
    """List the pipelines beside a test file, and those of the folder above."""
    found = [(f"{prefix}{one.name}", one) for prefix, at in (("", folder), ("../", folder.parent)) for one in _in(at)]
    return [name for name, file in found if file.suffix in SUFFIXES and not is_test(file)]


def _in(folder: FilePath) -> list[FilePath]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


# --- hover and definition


def hover(written: Written, cases: CaseFile) -> str | None:
    """Give Markdown about a key, or about the task that is named; None when there is nothing to say."""
    if found := _task(written, cases):
        pipeline, task = found
        place = pipeline.place(task.path)
        uses = f", uses `{task.uses.written}`" if task.uses is not None else ""
        return f"**{task.id}**: task{uses}, {os.path.basename(place.file)}, line {place.line}"
    key = _table(written.path[:-1]).get(str(written.path[-1])) if written.is_key else None
    return f"**{written.path[-1]}**\n\n{key.says}" if key else None


def definition(written: Written, cases: CaseFile) -> Place | None:
    """Find the task or the pipeline file that is named; None when it names nothing that is there."""
    if found := _task(written, cases):
        pipeline, task = found
        return pipeline.place(task.path)
    if not written.is_key and _in_case(written.path) == ("pipeline",):
        file = pipeline_of(str(cases.file), written.scalar.text)
        return Place(str(file)) if os.path.isfile(file) else None
    return None


def _task(written: Written, cases: CaseFile) -> tuple[Pipeline, Task] | None:
    """Find the task that is named by a key of ``mocks`` or ``expect.tasks``, or by an item of ``expect.order``."""
    path = _in_case(written.path)
    is_named = written.is_key and path[:-1] in _NAME_TASKS
    if is_named or (not written.is_key and path[:2] == ("expect", "order")):
        return cases.tasks(written.around).get(_id_in(written.scalar.text))
    return None


def _id_in(written: str) -> str:
    """Give the id of a task without the number of a copy, as in ``load[0]``."""
    return re.sub(r"\[\d+\]$", "", written)
