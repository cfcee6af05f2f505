"""``task_groups`` of dag-factory, and the tasks in them, as one tree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from airfleet.pipelines.dialects.node_building import written_text
from airfleet.pipelines.dialects.translation import Translation
from airfleet.yaml.nodes import Mapping, Node, Scalar

#: levels of groups: with the lists around them, far below what readers of nodes take
MAX_DEPTH: Final = 20


@dataclass
class Group:
    """A group, and the entries in it as they are written."""

    name: str
    node: Mapping
    path: str
    parent: str | None = None
    #: tasks and groups in it, translated
    entries: list[Node | Group] = field(default_factory=list)

    @property
    def has_prefix(self) -> bool:
        """Tell whether the ids of what is in it begin with its own."""
        written = self.node.get("prefix_group_id")
        return not (isinstance(written, Scalar) and written.value is False)


class Groups:
    """The groups of a Dag by their names."""

    def __init__(self, listed: dict[str, Node], path: str, translation: Translation) -> None:
        self.translation = translation
        self.known: dict[str, Group] = {}
        for name, node in listed.items():
            if not isinstance(node, Mapping):
                translation.problem(node, f"{path}.{name}", "a group must be a mapping")
                continue
            self.known[name] = Group(name, node, f"{path}.{name}")
        for group in self.known.values():
            self._name_parent(group)
        self._cut_circles()

    def _name_parent(self, group: Group) -> None:
        node = group.node.get("parent_group_name")
        written = written_text(node)
        if node is not None and written is not None:
            group.parent = written if written in self.known else None
            if group.parent is None:
                self.unknown(node, f"{group.path}.parent_group_name", written)

    def _cut_circles(self) -> None:
        """Take groups out of a circle, and out of others when they stand too deep for any reader of theirs."""
        depths: dict[str, int] = {}
        for name in self.known:
            chain: dict[str, None] = {}
            at: str | None = name
            while at is not None and at not in depths and at not in chain:
                chain[at] = None
                at = self.known[at].parent
            if at is not None and at in chain:
                self._cut(at, "the groups stand in each other: " + " in ".join([*chain, at]))
            depth = depths.get(at, 0) if at is not None else 0
            for inner in reversed(chain):
                depth = 1 if self.known[inner].parent is None else depth + 1
                if depth > MAX_DEPTH:
                    self._cut(inner, f"groups are nested more than {MAX_DEPTH} levels deep")
                    depth = 1
                depths[inner] = depth

    def _cut(self, name: str, sentence: str) -> None:
        group = self.known[name]
        group.parent = None
        self.translation.problem(group.node, f"{group.path}.parent_group_name", sentence)

    def unknown(self, node: Node, path: str, name: str) -> None:
        """Note the name of a group that is not there."""
        hint = self.translation.report.hints.did_you_mean(name, self.known)
        self.translation.problem(node, path, f"there is no group '{name}'", hint)

    def whole_id(self, name: str, parent: str | None) -> str:
        """Give the id of an entry: groups around it give their names to it, until one does not."""
        parts = [name]
        while parent is not None and self.known[parent].has_prefix:
            parts.append(parent)
            parent = self.known[parent].parent
        return ".".join(reversed(parts))
