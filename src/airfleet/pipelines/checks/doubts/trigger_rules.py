"""Trigger rules that can never hold, because the tasks before never end in the states that they ask for.

Each task gets the set of states in which it can end; in doubt the set is larger than true, so that a rule which is
called impossible is so. A task without work (no ``uses``) always succeeds once it runs. Any other task may succeed,
fail, or be skipped: by itself, or by a branch before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from airfleet.errors import listed
from airfleet.pipelines.language import graph
from airfleet.pipelines.language.spec import Part, Pipeline, Task
from airfleet.problem_codes import Code

#: path, sentence, hint, kind
_Remark: TypeAlias = tuple[str, str, str | None, Code]
_States: TypeAlias = frozenset[str]

_SUCCESS: Final = "success"
_SKIPPED: Final = "skipped"
_FAILURES: Final = frozenset({"failed", "upstream_failed"})
_ALL: Final[_States] = frozenset({_SUCCESS, _SKIPPED, *_FAILURES})
_OF_WORK: Final[_States] = frozenset({_SUCCESS, _SKIPPED, "failed"})
_NOT_RUN: Final[_States] = frozenset({_SKIPPED, "upstream_failed"})

#: rules that ask for a state, and what people say of a task that never has it
_ASKS_FOR: Final[Mapping[str, tuple[_States, str, Callable[[Iterable[bool]], bool]]]] = {
    "one_failed": (_FAILURES, "fails", any),
    "all_failed": (_FAILURES, "fails", all),
    "all_skipped": (frozenset({_SKIPPED}), "is skipped", all),
}
_RUNS_ANYWAY: Final = ("all_done", "all_done_setup_success", "always")


def remarks(pipeline: Pipeline) -> Iterator[_Remark]:
    """Yield a remark for each task whose rule can never hold, or has nothing to look at."""
    if not any(task.options.get("trigger_rule") in _ASKS_FOR for task in pipeline.tasks):
        return
    waits = graph.upstream(pipeline)
    repeated = {group.id for group in pipeline.groups if group.expand}
    states: dict[str, _States] = {}
    for task in _upstream_first(pipeline, waits):
        ups = [states.get(up, _ALL) for up in waits[task.id]]
        states[task.id] = _states(task, ups) | (_NOT_RUN if task.expand or task.group in repeated else frozenset())
        if (sentence := _doubt(task, waits[task.id], states)) is not None:
            yield _path(task, pipeline), sentence, None, Code.TRIGGER_RULE


def _upstream_first(pipeline: Pipeline, waits: Mapping[str, tuple[str, ...]]) -> Iterator[Task]:
    """Yield the tasks, each after those before it; of a circle, none."""
    tasks = {task.id: task for task in pipeline.tasks}
    waiting = {name: {up for up in waits[name] if up in tasks} for name in tasks}
    after: dict[str, list[str]] = {}
    for name, ups in waiting.items():
        for up in ups:
            after.setdefault(up, []).append(name)
    ready = [name for name, ups in waiting.items() if not ups]
    for name in ready:
        yield tasks[name]
        for later in after.get(name, ()):
            waiting[later].discard(name)
            if not waiting[later]:
                ready.append(later)


def _states(task: Task, ups: Sequence[_States]) -> _States:
    """Give the states in which a task can end."""
    runs = frozenset({_SUCCESS}) if _always_succeeds(task) else _OF_WORK
    if not ups:
        return runs
    rule = str(task.options.get("trigger_rule", "all_success"))
    if not _can_hold(rule, ups):
        return _NOT_RUN
    succeeds = all(states == {_SUCCESS} for states in ups)
    if succeeds and (rule in _RUNS_ANYWAY or rule in ("all_success", "none_failed")):
        return runs
    return runs | _NOT_RUN


def _always_succeeds(task: Task) -> bool:
    """Tell whether nothing of a task can fail or be skipped: it has no work, and calls nothing."""
    return task.uses is None and not any(name.startswith("on_") for name in task.options)


def _can_hold(rule: str, ups: Sequence[_States]) -> bool:
    if rule not in _ASKS_FOR:
        return True
    wanted, _, of = _ASKS_FOR[rule]
    return of(bool(states & wanted) for states in ups)


def _doubt(task: Task, ups: Sequence[str], states: Mapping[str, _States]) -> str | None:
    rule = str(task.options.get("trigger_rule", ""))
    if rule not in _ASKS_FOR or task.part is Part.TEARDOWN:
        return None
    wanted, happens, _ = _ASKS_FOR[rule]
    if not ups:
        return f"'{rule}' has nothing to look at: no task is before this one, so it starts at once"
    if _can_hold(rule, [states.get(up, _ALL) for up in ups]):
        return None
    never = [f"'{up}'" for up in ups if not states.get(up, _ALL) & wanted]
    waits = f"'{rule}' waits for a task before it that {happens}"
    return f"the task never starts: {waits}, and {listed(never, 3)} never does"


def _path(task: Task, pipeline: Pipeline) -> str:
    for path in (f"{task.path}.trigger_rule", "defaults.trigger_rule"):
        if path in pipeline.places:
            return path
    return task.path
