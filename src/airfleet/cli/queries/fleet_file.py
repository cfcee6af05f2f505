"""``fleet.yaml`` of a project, for commands that go on when it is wrong."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from typing import TYPE_CHECKING

from airfleet.client.project import Project
from airfleet.errors import FileProblems, Problem

if TYPE_CHECKING:
    from airfleet.fleet.config.spec import Fleet
    from airfleet.yaml import nodes

#: keys of fleet.yaml whose entries stand for themselves: pipelines use others than the one that is wrong
_ONE_BY_ONE = ("vars", "env")


def read(here: Project) -> tuple[Fleet | None, Sequence[Problem]]:
    """Read the fleet of a project, or all that is wrong with its file."""
    from airfleet.fleet.config import reader

    try:
        return reader.read_file(here.fleet_file, here.environ), ()
    except FileProblems as wrong:
        return None, wrong.problems


def what_is_right(here: Project) -> Fleet | None:
    """Return the fleet of a file without the keys that have problems: its pipelines are checked all the same."""
    from airfleet.fleet.config import reader
    from airfleet.yaml import nodes

    try:
        top = reader.load_files(here.fleet_file, here.environ).top
    except FileProblems:
        return None
    while isinstance(top, nodes.Mapping):
        fleet, wrong = reader.interpreted(reader.Document(top, ()), here.environ, here.root.absolute(), lenient=True)
        rest = _without(top, {problem.path for problem in wrong})
        if fleet is not None or rest == top:
            return fleet
        top = rest
    return None


def _without(node: nodes.Mapping, blamed: Set[str], path: str = "") -> nodes.Mapping:
    """Return the same without what is blamed: of :data:`_ONE_BY_ONE` the entries alone."""
    from airfleet.fleet.config.section_reader import joined
    from airfleet.yaml import nodes

    kept: list[tuple[nodes.Scalar, nodes.Node]] = []
    for key, value in node.entries:
        at = joined(path, key.text)
        if at in _ONE_BY_ONE and at not in blamed and isinstance(value, nodes.Mapping):
            kept.append((key, _without(value, blamed, at)))
        elif not any(wrong == at or wrong.startswith((f"{at}.", f"{at}[")) for wrong in blamed):
            kept.append((key, value))
    return replace(node, entries=tuple(kept))
