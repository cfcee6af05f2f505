"""Which tasks of a pipeline a local run runs: those named by ``--from``, ``--until`` and ``--only``, without mocks.

A task that is left out counts as succeeded, so that the tasks after it run. Its output is the one that a mock gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from airfleet.errors import FleetError, UsageError, did_you_mean, listed
from airfleet.pipelines.language import graph
from airfleet.pipelines.language.spec import Pipeline, Task, XCom, xcoms


@dataclass(frozen=True)
class Selection:
    """Tasks named on the command line; a name is a task's id, a group's id, or a pattern with ``*``."""

    begin: tuple[str, ...] = ()
    until: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    #: output of tasks that do not run, by the same names
    mocks: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Chosen:
    """Tasks of one run."""

    #: ids of those that take part, in the order of the file
    tasks: tuple[str, ...]
    #: ids of those that count as succeeded without running
    left_out: tuple[str, ...] = ()
    #: output of tasks that do not run
    mocks: Mapping[str, Any] = field(default_factory=dict)


def choose(pipeline: Pipeline, selection: Selection) -> Chosen:
    """Find the tasks to run.

    Raises:
        UsageError: a name fits no task, or the tasks that are named leave none.
        FleetError: a task needs the output of one that is left out, and no mock gives it.
    """
    known = [task.id for task in pipeline.tasks]
    mocks = {task: value for name, value in selection.mocks.items() for task in _named(name, known, "--mock", pipeline)}
    wanted = _wanted(pipeline, selection, known)
    if not wanted:
        raise UsageError("no task is both after --from and before --until")
    left_out = tuple(name for name in known if name not in wanted)
    _require_outputs(pipeline, wanted, mocks)
    return Chosen(tuple(name for name in known if name in wanted), left_out, mocks)


def _wanted(pipeline: Pipeline, selection: Selection, known: list[str]) -> frozenset[str]:
    if selection.only:
        return _all_named(selection.only, known, "--only", pipeline)
    wanted = frozenset(known)
    upstream = {task: frozenset(before) & wanted for task, before in graph.upstream(pipeline).items()}
    if selection.begin:
        downstream = _turned_round(upstream)
        wanted &= _reached(_all_named(selection.begin, known, "--from", pipeline), downstream)
    if selection.until:
        wanted &= _reached(_all_named(selection.until, known, "--until", pipeline), upstream)
    return wanted


def _all_named(names: Iterable[str], known: list[str], flag: str, pipeline: Pipeline) -> frozenset[str]:
    return frozenset(found for name in names for found in _named(name, known, flag, pipeline))


def _named(name: str, known: list[str], flag: str, pipeline: Pipeline) -> list[str]:
    """Find the tasks that a name on the command line means."""
    found = [task for task in known if task == name] or [
        task for task in known if fnmatchcase(task, name) or task.startswith(f"{name}.")
    ]
    if not found:
        hint = did_you_mean(name, known) or f"it has {listed(known)}"
        raise UsageError(f"{flag}: '{pipeline.dag_id}' has no task '{name}'\nhint: {hint}")
    return found


def _turned_round(edges: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    turned: dict[str, set[str]] = {name: set() for name in edges}
    for name, others in edges.items():
        for other in others:
            turned[other].add(name)
    return {name: frozenset(others) for name, others in turned.items()}


def _reached(starts: frozenset[str], edges: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Find everything that is reached from ``starts``, which are part of it."""
    found, waiting = set(starts), list(starts)
    while waiting:
        new = edges[waiting.pop()] - found
        found |= new
        waiting += new
    return frozenset(found)


def _require_outputs(pipeline: Pipeline, wanted: frozenset[str], mocks: Mapping[str, Any]) -> None:
    missing = {
        needed.task: task
        for task in pipeline.tasks
        if task.id in wanted and task.id not in mocks
        for needed in _outputs_used(task)
        if needed.task not in wanted and needed.task not in mocks
    }
    if missing:
        said = ", and ".join(
            f"task '{task.id}' needs the output of '{name}', which is left out" for name, task in missing.items()
        )
        flags = " ".join(f"--mock {name}=VALUE" for name in missing)
        raise FleetError(said, hint=f"{flags} gives it")


def _outputs_used(task: Task) -> tuple[XCom, ...]:
    return tuple(x for _, value in task.values for x in xcoms(value))
