"""Named groups: an entry of ``tasks`` with ``group`` and ``extends`` begins from those under ``groups``.

This comes before ``${{ }}`` is resolved and before entries are repeated, so that the parts of a group can have both.
"""

from __future__ import annotations

from typing import Final

from airfleet.errors import Place
from airfleet.pipelines.reading.names import entry_path
from airfleet.pipelines.reading.templates import Templates
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import MAX_NODES, Mapping, Node, Sequence, is_null
from airfleet.yaml.problems import Report, joined

TOO_MANY: Final = f"groups that extend others make more than {MAX_NODES:,} values of this file"


_IN_TASKS: Final = "a group of the pipeline is an entry '- group: name' of 'tasks'"


class GroupTemplates(Templates):
    """The groups under ``groups`` of a document."""

    kind, key, merged_key, unknown_without = "group", "groups", "defaults", ("tasks",)
    missing = "there is no group '{}' under 'groups'"


def with_extended_groups(body: Mapping, report: Report) -> Mapping:
    """Merge into each group of a document what it extends."""
    tasks = body.get("tasks")
    named = named_groups(body, report)
    if not isinstance(tasks, Sequence) or not any(map(_is_group, tasks.items)):
        return body
    found = _Extension(GroupTemplates(named, report), report).entries(tasks, "tasks", ())
    return body if found is tasks else body.replaced("tasks", found)


def named_groups(body: Mapping, report: Report) -> dict[str, Mapping]:
    """List the groups under ``groups``, by name."""
    node = body.get("groups")
    if node is None or is_null(node):
        return {}
    report.places["groups"] = node.place
    if not isinstance(node, Mapping):
        report.problem(node, "groups", "must be a mapping of groups, by name", _IN_TASKS, Code.WRONG_SHAPE)
        return {}
    found: dict[str, Mapping] = {}
    for key, value in node.entries:
        if isinstance(value, Mapping):
            found[key.text] = value
        else:
            report.problem(value, f"groups.{key.text}", "a group must be a mapping", code=Code.WRONG_SHAPE)
    return found


class _Extension:
    """Walks through the groups of a document."""

    def __init__(self, groups: GroupTemplates, report: Report) -> None:
        self.groups = groups
        self.report = report
        self._circles: set[Place] = set()

    def entries(self, node: Node, path: str, way: tuple[str, ...]) -> Node:
        """Give a list of tasks and groups; the same one when no group in it extends another."""
        if not isinstance(node, Sequence):
            return node
        items = tuple(self.entry(item, path, index, way) for index, item in enumerate(node.items))
        return node if all(a is b for a, b in zip(items, node.items, strict=True)) else Sequence(items, node.place)

    def entry(self, item: Node, path: str, index: int, way: tuple[str, ...]) -> Node:
        """Give one entry of the list at ``path``. ``way`` are the named groups that it stands in."""
        if not isinstance(item, Mapping) or not _is_group(item):
            return item
        path = entry_path(item.get("group"), path, index)
        extends = item.get("extends")
        names = () if extends is None else self.groups.checked(extends, joined(path, "extends"))
        if self._is_circle(names, way, item, joined(path, "extends")):
            return item.without("extends")
        body = self.groups.merged(item, path) if names else item.without("extends")
        if names and not self.report.budget.take(body):
            self.report.problem(item, joined(path, "extends"), TOO_MANY, code=Code.FILE_LIMIT)
            return item.without("extends")
        tasks = body.get("tasks")
        if tasks is None:
            return body
        inner = self.entries(tasks, joined(path, "tasks"), (*way, *names))
        return body if inner is tasks else body.replaced("tasks", inner)

    def _is_circle(self, names: tuple[str, ...], way: tuple[str, ...], item: Mapping, path: str) -> bool:
        again = next((one for one in names if one in way), None)
        if again is None:
            return False
        if item.place not in self._circles:
            self._circles.add(item.place)
            around = [*way[way.index(again) :], again]
            sentence = f"the groups stand in each other in a circle: {' → '.join(around)}"
            self.report.problem(item, path, sentence, code=Code.TEMPLATE_CIRCLE)
        return True


def _is_group(item: Node) -> bool:
    return isinstance(item, Mapping) and item.get("group") is not None
