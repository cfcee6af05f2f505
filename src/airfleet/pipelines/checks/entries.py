"""Tasks and groups among one another: names, circles, repetition, and parts in setup and teardown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from airfleet.errors import listed
from airfleet.pipelines.checks import circles
from airfleet.pipelines.checks.check_context import Checking, markers_in
from airfleet.pipelines.language import graph, ids
from airfleet.pipelines.language.arguments import TASK_ARGUMENTS
from airfleet.pipelines.language.graph import around
from airfleet.pipelines.language.spec import CallableRef, Expansion, Group, GroupItem, Part, Repeat, Task, XCom
from airfleet.problem_codes import Code

_Hint = Callable[[str, Checking], str | None]


def check_entries(checking: Checking) -> None:
    """Note what is wrong between the tasks and groups of a pipeline."""
    for group in checking.pipeline.groups:
        _check_group(group, checking)
    for task in checking.pipeline.tasks:
        _check_needs(task, checking)
        _check_markers(task, checking)
        _check_expansion(task, checking)
        _check_part(task, checking)
    _check_circles(checking)
    _check_after_setups(checking)


# --- names


def _check_group(group: Group, checking: Checking) -> None:
    if group.name and (wrong := ids.problem_of_group(group.name)):
        checking.problem(f"{group.path}.group", *wrong, code=Code.ID)
    _check_names(group, checking)
    for name, value in group.expand.values.items() if group.expand else ():
        for path, marker in markers_in(value, f"{group.path}.expand.{name}"):
            if isinstance(marker, XCom):
                _check_name(marker.task, group, path, checking, _output_hint, checking.ids)
    if group.expand is not None and any(one.expand for one in around(group.parent, checking.groups)):
        sentence = "stands in a group that is repeated itself, which Airflow cannot do"
        checking.problem(f"{group.path}.expand", sentence, "repeat one of the two", Code.EXPANSION)


def _check_needs(task: Task, checking: Checking) -> None:
    _check_names(task, checking)
    for index, needed in enumerate(task.setups):
        path = f"{task.path}.teardown.setups[{index}]"
        _check_name(needed, task, path, checking, _needs_hint, checking.ids)


def _check_names(entry: Task | Group, checking: Checking) -> None:
    for index, needed in enumerate(entry.needs):
        _check_name(needed, entry, f"{entry.path}.needs[{index}]", checking, _needs_hint, checking.entries)


def _check_markers(task: Task, checking: Checking) -> None:
    for below, value in task.values:
        for path, marker in markers_in(value, f"{task.path}.{below}"):
            if isinstance(marker, XCom):
                _check_name(marker.task, task, path, checking, _output_hint, checking.ids)
            elif isinstance(marker, GroupItem):
                _check_item(marker, task, path, checking)


def _check_name(
    needed: str,
    entry: Task | Group,
    path: str,
    checking: Checking,
    hint_for: _Hint,
    known: frozenset[str],
) -> None:
    if needed == entry.id:
        checking.problem(path, f"'{needed}' waits for itself", code=Code.CIRCLE)
    elif needed in known:
        return
    elif needed in checking.groups:
        checking.problem(
            path, f"'{needed}' is a group; only a task has an output", hint_for(needed, checking), Code.UNKNOWN_TASK
        )
    elif "tasks" not in checking.wrong:  # else it may be one of those that could not be made
        checking.problem(path, f"there is no task '{needed}'", hint_for(needed, checking), Code.UNKNOWN_TASK)


def _needs_hint(needed: str, checking: Checking) -> str | None:
    names = re.split(r"[\s,;]+", needed.strip(" ,;[]"))
    if len(names) > 1 and checking.ids.issuperset(names):
        return f"several tasks are a list: [{', '.join(dict.fromkeys(names))}]"
    if below := checking.ids_below(needed):
        return f"dots in ids make no group: name the tasks themselves, as in needs: [{listed(below, 3)}]"
    return checking.hints.did_you_mean(needed, [*checking.ids, *checking.groups])


def _output_hint(needed: str, checking: Checking) -> str | None:
    task, _, key = needed.rpartition(".")
    if task in checking.ids:
        return f"another output of '{task}' is written {{$x: {{task: {task}, key: {key}}}}}"
    if below := checking.ids_below(needed):
        if needed in checking.groups:
            return f"name a task of it, such as '{below[0]}'"
        return f"dots in ids make no group: an output is of one task, such as '{below[0]}'"
    return checking.hints.did_you_mean(needed, checking.ids)


# --- circles


def _check_circles(checking: Checking) -> None:
    for circle in circles.circles(_arrows(checking)):
        names = _with_whole_groups(circle)
        entry = checking.entry(names[0])
        path = f"{entry.path}.needs" if entry.needs else entry.path
        checking.problem(path, "the tasks wait for each other in a circle: " + circles.way(names), code=Code.CIRCLE)


#: follows the id of a group that has begun; ids have no such sign
_BEGUN = "\n"


def _arrows(checking: Checking) -> dict[str, list[str]]:
    """Give what each task waits for. A group has begun when what it needs is done, and is done when its tasks are."""
    pipeline = checking.pipeline
    arrows = {task.id: [*task.upstream, *_begun(task.group)] for task in pipeline.tasks}
    for group in pipeline.groups:
        arrows[group.id + _BEGUN] = [*(up for up in group.upstream if up != group.id), *_begun(group.parent)]
        arrows.setdefault(group.id, [])
    within = [(task.group, task.id) for task in pipeline.tasks] + [(one.parent, one.id) for one in pipeline.groups]
    for group_id, entry in within:
        if group_id in arrows:
            arrows[group_id].append(entry)
    return arrows


def _begun(group: str) -> list[str]:
    return [group + _BEGUN] if group else []


def _with_whole_groups(circle: tuple[str, ...]) -> tuple[str, ...]:
    """Write a circle with the id of a group in place of its beginning, its end, and the way between them.

    >>> _with_whole_groups(("g.a", "g", "h\\n", "h.b", "h", "g\\n", "g.a"))
    ('h', 'g', 'h')
    """
    around = circle[:-1]
    begun = next((at for at, name in enumerate(around) if name.endswith(_BEGUN) and name[:-1] in around), 0)
    written: list[str] = []
    inside = ""
    for name in (*around[begun:], *around[:begun]):
        if inside and name != inside:
            continue
        inside = name[:-1] if name.endswith(_BEGUN) and name[:-1] in around else ""
        if [name.removesuffix(_BEGUN)] != written[-1:]:
            written.append(name.removesuffix(_BEGUN))
    return (*written, written[0])


# --- repetition


def _check_item(item: GroupItem, task: Task, path: str, checking: Checking) -> None:
    known: list[str] = []
    for group in around(task.group, checking.groups):
        if group.expand is not None:
            if group.expand.may_give(item.name):
                _check_sets(item, group, group.expand, checking)
                return
            known += group.expand.names
    if known:
        hint = checking.hints.did_you_mean(item.name, known) or f"it is repeated by {listed(known)}"
        checking.problem(path, f"the group around is not repeated by '{item.name}'", hint, Code.EXPANSION)
    else:
        checking.problem(path, "$item stands only in a group that is repeated by 'expand'", code=Code.EXPANSION)


def _check_sets(item: GroupItem, group: Group, expand: Expansion, checking: Checking) -> None:
    """Note sets of arguments without an item that a task in the group takes."""
    for index, one in enumerate(expand.sets):
        if item.name not in one:
            sentence = f"has no '{item.name}', which the group's tasks take by $item"
            path = f"{group.path}.expand_kwargs[{index}]"
            if not any(problem.path == path and problem.sentence == sentence for problem in checking.problems):
                checking.problem(path, sentence, code=Code.EXPANSION)


def _check_expansion(task: Task, checking: Checking) -> None:
    expand = task.expand
    if expand is None:
        return
    path = f"{task.path}.{'expand_kwargs' if expand.repeat is Repeat.KWARGS else 'expand'}"
    if any(group.expand for group in around(task.group, checking.groups)):
        sentence = "stands in a group that is repeated itself, which Airflow cannot do"
        checking.problem(path, sentence, "repeat the group or the task", Code.EXPANSION)
    if task.uses is None:
        checking.problem(
            path, "a task without 'uses' does no work and is not repeated", "add 'uses'", Code.ARGUMENT_WITHOUT_USES
        )
    for name, at in _repeated(task, expand):
        if name in TASK_ARGUMENTS and not isinstance(task.uses, CallableRef):
            checking.problem(at, "only arguments of the operator or function are repeated", code=Code.EXPANSION)
        elif name in task.args:
            sentence = f"'{name}' stands under 'with', too"
            checking.problem(at, sentence, "leave one of the two out", Code.CONTRADICTION)


def _repeated(task: Task, expand: Expansion) -> Iterator[tuple[str, str]]:
    """Yield the name and the path of each argument by which a task is repeated."""
    if expand.repeat is not Repeat.KWARGS:
        yield from ((name, f"{task.path}.{task.below_expand(name)}") for name in expand.values)
    for index, one in enumerate(expand.sets):
        yield from ((name, f"{task.path}.expand_kwargs[{index}].{name}") for name in one)


# --- setup and teardown


def _check_part(task: Task, checking: Checking) -> None:
    if task.part is Part.TEARDOWN and "trigger_rule" in task.options:
        path = f"{task.path}.trigger_rule"
        if path in checking.pipeline.places:
            checking.problem(path, "is decided by 'teardown'", "leave it out", Code.CONTRADICTION)


def _check_after_setups(checking: Checking) -> None:
    """Note tasks behind a setup that would start although it failed: Airflow refuses their Dag."""
    setups = {task.id for task in checking.pipeline.tasks if task.part is Part.SETUP}
    waits = graph.upstream(checking.pipeline) if setups else {}
    for task in checking.pipeline.tasks if setups else ():
        if task.part is Part.TEARDOWN or task.options.get("trigger_rule", "all_success") == "all_success":
            continue
        if before := next((name for name in waits.get(task.id, ()) if name in setups), None):
            path = f"{task.path}.trigger_rule"
            sentence = f"must be all_success, because the task waits for the setup '{before}'"
            checking.problem(path, sentence, "put a task between the two", Code.CONTRADICTION)
