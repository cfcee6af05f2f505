"""The names by which the tasks and groups of a document refer to one another.

::

    needs: [fetch]        in a group: its own entry "fetch", else that of the group around it, and so on
    needs: [load.fetch]   the whole id, from everywhere
    needs: ["load_*"]     every entry beside this one that fits
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from airfleet.pipelines.language.spec import Expansion, Group, NewObject, Value, XCom
from airfleet.pipelines.language.values import Invalid, text, truth
from airfleet.problem_codes import Code
from airfleet.yaml import nodes
from airfleet.yaml.nodes import Node, Scalar, Sequence, is_null
from airfleet.yaml.problems import Report


@dataclass
class Names:
    """Whole ids by the group and the name under which an entry is written."""

    by_group: dict[str, dict[str, str]] = field(default_factory=lambda: {"": {}})
    #: group → the group around it
    parents: dict[str, str] = field(default_factory=dict)
    _fitting: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, tasks: Node | None) -> Names:
        """Collect the names of all entries at ``tasks``, before any of them is read."""
        names = cls()
        names._collect(tasks, None)
        return names

    def _collect(self, tasks: Node | None, around: Group | None) -> None:
        for item in tasks.items if isinstance(tasks, Sequence) else ():
            if not isinstance(item, nodes.Mapping):
                continue
            name = item.get("group") or item.get("id")
            if not isinstance(name, Scalar) or name.value is None:
                continue
            whole = around.id_of(name.text) if around else name.text
            self.by_group[around.id if around else ""].setdefault(name.text, whole)
            if item.get("group") is not None and whole not in self.by_group:
                self.by_group[whole] = {}
                self.parents[whole] = around.id if around else ""
                self._collect(item.get("tasks"), Group(whole, name.text, prefix=has_prefix(item)))

    @property
    def has_groups(self) -> bool:
        """Whether a name may differ from the id that it means."""
        return len(self.by_group) > 1

    def whole_id(self, written: str, group: str) -> str:
        """Give the id that a name means in a group; the name itself when no group around has it."""
        while group:
            if written in self.by_group.get(group, ()):
                return self.by_group[group][written]
            group = self.parents.get(group, "")
        return written

    def fitting(self, pattern: str, group: str) -> tuple[str, ...]:
        """Give the ids of the entries of a group whose names fit a pattern with ``*``."""
        if (pattern, group) not in self._fitting:
            entries = self.by_group.get(group, {})
            self._fitting[pattern, group] = tuple(whole for name, whole in entries.items() if fits(name, pattern))
        return self._fitting[pattern, group]

    def outputs(self, value: Value, group: str) -> Value:
        """Give a value in which every ``$x`` names its task by the whole id."""
        if isinstance(value, XCom):
            return replace(value, task=self.whole_id(value.task, group))
        if isinstance(value, NewObject):
            args = tuple(self.outputs(item, group) for item in value.args)
            return replace(
                value, args=args, kwargs={key: self.outputs(item, group) for key, item in value.kwargs.items()}
            )
        if isinstance(value, Mapping):
            return {key: self.outputs(item, group) for key, item in value.items()}
        return tuple(self.outputs(item, group) for item in value) if isinstance(value, tuple) else value

    def expansion(self, expand: Expansion | None, group: str) -> Expansion | None:
        """Give an expansion in which every ``$x`` names its task by the whole id."""
        if expand is None:
            return None
        return replace(expand, values={name: self.outputs(value, group) for name, value in expand.values.items()})


def entry_path(name: Node | None, path: str, index: int) -> str:
    """Give the path of an entry in the list at ``path``: by its name where it has one, else by its number."""
    if isinstance(name, Scalar) and name.value is not None and name.text:
        return f"{path}.{name.text}"
    return f"{path}[{index}]"


def has_prefix(group: nodes.Mapping) -> bool:
    """Tell whether the ids in a group begin with its own id."""
    prefix = group.get("prefix")
    return prefix is None or truth(prefix) is not False


def fits(name: str, pattern: str) -> bool:
    """Tell whether a name fits a pattern in which ``*`` is any text. Takes time linear in the name.

    >>> fits("load_eu", "load_*"), fits("load", "load_*"), fits("abc", "*b*")
    (True, False, True)
    """
    first, *rest = pattern.split("*")
    if not rest:
        return name == pattern
    last = rest.pop()
    if len(name) < len(first) + len(last) or not (name.startswith(first) and name.endswith(last)):
        return False
    at, end = len(first), len(name) - len(last)
    for part in rest:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def read_names(node: Node | None, path: str, own: str, group: str, names: Names, report: Report) -> tuple[str, ...]:
    """Give the whole ids that stand at ``needs`` of the entry ``own``, and note the place of each."""
    if node is None or is_null(node):
        return ()
    report.places[path] = node.place
    found: list[str] = []
    try:
        for item in node.items if isinstance(node, Sequence) else (node,):
            for name in _meant(item, path, own, group, names, report):
                if isinstance(node, Sequence):
                    report.places[f"{path}[{len(found)}]"] = item.place
                found.append(name)
    except Invalid:
        report.problem(node, path, "must be the id of a task or group, or a list of ids", code=Code.WRONG_TYPE)
        return ()
    return tuple(found)


def _some_are_not_made(report: Report) -> bool:
    """Tell whether entries with ``for`` were left out: a pattern may mean them."""
    return report.is_wrong("tasks") or any(remark.code is Code.EMPTY_LOOP for remark in report.remarks)


def _meant(item: Node, path: str, own: str, group: str, names: Names, report: Report) -> Iterator[str]:
    written = text(item)
    if "*" not in written:
        yield names.whole_id(written, group)
        return
    fitting = names.fitting(written, group)
    report.budget.left -= len(fitting)
    if report.budget.left < 0:
        return
    if not fitting and not _some_are_not_made(report):
        report.problem(
            item, path, f"nothing beside this entry has a name that fits '{written}'", code=Code.UNKNOWN_TASK
        )
    yield from (whole for whole in fitting if whole != own)
