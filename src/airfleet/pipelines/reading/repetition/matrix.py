"""A matrix: lists by names, of which every combination is an item."""

from __future__ import annotations

import itertools
import math
from typing import Final

from airfleet.pipelines.language.expressions.functions import shape
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence, is_null, plain
from airfleet.yaml.problems import Report, joined

#: combinations of one matrix
MOST_COMBINATIONS: Final = 100_000
#: comparisons of combinations with 'exclude' and 'include'
_MOST_COMPARISONS: Final = 1_000_000
_OWN_KEYS: Final = ("exclude", "include")


def combinations(node: Mapping, path: str, report: Report) -> tuple[Mapping, ...] | None:
    """Give every combination of a matrix, as mappings; None, with problems, for what is none."""
    axes = [(key, value) for key, value in node.entries if key.text not in _OWN_KEYS]
    before = len(report.wrong), len(report.problems)
    lists = [_values(value, joined(path, key.text), report) for key, value in axes]
    names = [key.text for key, _ in axes]
    exclude, include = (_listed(node, name, path, report) for name in _OWN_KEYS)
    _check_excluded(exclude, names, joined(path, "exclude"), report)
    count = math.prod(map(len, lists)) if lists else 0
    if count > MOST_COMBINATIONS or count * (len(exclude) + len(include)) > _MOST_COMPARISONS:
        sentence = f"the matrix has {count:,} combinations, which are too many"
        report.problem(node, path, sentence, f"at most {MOST_COMBINATIONS:,} can be made", Code.FILE_LIMIT)
    if (len(report.wrong), len(report.problems)) != before:
        return None
    numbers = _Numbers()
    numbered = [[(value, numbers.of(value)) for value in values] for values in lists]
    found = [_Combination(names, values, node) for values in itertools.product(*numbered)] if lists else []
    excluded = [numbers.of_all(some) for some in exclude]
    kept = [one for one in found if not any(map(one.has_all, excluded))]
    return tuple(one.mapping() for one in _with_included(kept, include, numbers))


class _Numbers:
    """Numbers values, equal ones alike: combinations compare numbers, however large the values are."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def of(self, value: Node) -> int:
        return self._known.setdefault(repr(plain(value)), len(self._known))

    def of_all(self, some: Mapping) -> dict[str, int]:
        return {key.text: self.of(value) for key, value in some.entries}


class _Combination:
    """One combination, and what 'include' adds to it."""

    def __init__(self, names: list[str], values: tuple[tuple[Node, int], ...], matrix: Mapping) -> None:
        self.values = {name: value for name, (value, _) in zip(names, values, strict=True)}
        self.added: dict[str, tuple[Scalar, Node]] = {}
        self.matrix = matrix
        self._numbers = {name: number for name, (_, number) in zip(names, values, strict=True)}

    def has_all(self, some: dict[str, int]) -> bool:
        """Tell whether it has all values of a mapping."""
        return all(self._numbers.get(name) == number for name, number in some.items())

    def takes(self, some: dict[str, int]) -> bool:
        """Tell whether a mapping can be added without another value at one of the own names."""
        return all(self._numbers.get(name, number) == number for name, number in some.items())

    def mapping(self) -> Mapping:
        """Give it as a value."""
        places = {key.text: key for key, _ in self.matrix.entries}
        own = [(places[name], value) for name, value in self.values.items()]
        return Mapping((*own, *self.added.values()), self.matrix.place)


def _with_included(found: list[_Combination], include: tuple[Mapping, ...], numbers: _Numbers) -> list[_Combination]:
    """Add the mappings of 'include' to the combinations that they fit; one that fits none is one of its own."""
    more: list[_Combination] = []
    for some in include:
        written = numbers.of_all(some)
        fitting = [one for one in found if one.takes(written)]
        for one in fitting:
            one.added |= {key.text: (key, value) for key, value in some.entries if key.text not in one.values}
        if not fitting:
            alone = _Combination([], (), some)
            alone.added = {key.text: (key, value) for key, value in some.entries}
            more.append(alone)
    return found + more


def _values(node: Node, path: str, report: Report) -> tuple[Node, ...]:
    if isinstance(node, Sequence):
        return node.items
    hint = f"write [{node.text}]" if isinstance(node, Scalar) and node.text else None
    report.problem(node, path, f"must be a list of values, not {shape(node)}", hint, Code.LOOP)
    return ()


def _listed(matrix: Mapping, name: str, path: str, report: Report) -> tuple[Mapping, ...]:
    node = matrix.get(name)
    if node is None or is_null(node):
        return ()
    items = node.items if isinstance(node, Sequence) else (node,)
    found = tuple(item for item in items if isinstance(item, Mapping))
    if len(found) < len(items) or not isinstance(node, Sequence):
        sentence = "must be a list of mappings from the names of the matrix to values"
        report.problem(node, joined(path, name), sentence, code=Code.LOOP)
    return found


def _check_excluded(exclude: tuple[Mapping, ...], names: list[str], path: str, report: Report) -> None:
    for index, some in enumerate(exclude):
        for key, _ in some.entries:
            if key.text not in names:
                sentence = f"the matrix has no '{key.text}'"
                hint = report.hints.did_you_mean(key.text, names)
                report.problem(key, joined(f"{path}[{index}]", key.text), sentence, hint, Code.LOOP)
