"""Problems of one file, collected while it is read, and the places of its values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from airfleet.errors import Place, Problem, Suggestion
from airfleet.problem_codes import Code
from airfleet.spelling import nearest
from airfleet.yaml.nodes import MAX_NODES, Mapping, Node, Sequence


class Placed(Protocol):
    """Anything with a place in a file: a node, or the section that a missing key belongs to."""

    @property
    def place(self) -> Place:
        """Return the place."""


@dataclass
class Hints:
    """A budget of spelling hints for one file. Nobody reads more, and comparing words takes time."""

    left: int = 500

    def did_you_mean(self, word: str, known: Iterable[str]) -> str | None:
        """Return a hint that names the known word nearest to ``word``, or None when none is near."""
        near = self.nearest(word, known)
        return Suggestion(word, near) if near is not None else None

    def nearest(self, word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
        """Return the known word that ``word`` is most likely a slip of, or None."""
        if self.left <= 0:
            return None
        self.left -= 1
        return nearest(word, known, cutoff)


@dataclass
class ValueBudget:
    """A budget of values for one file: jobs and templates multiply the values of a short one."""

    left: int = MAX_NODES
    #: sizes of nodes that several tasks share, by id; the node is kept so that no other one gets its id
    _known: dict[int, tuple[Node, int]] = field(default_factory=dict)

    def take(self, node: Node) -> bool:
        """Subtract the values of ``node``; return whether the budget still holds."""
        self.left -= self._size(node)
        return self.left >= 0

    def _size(self, node: Node) -> int:
        if not isinstance(node, (Mapping, Sequence)):
            return 1
        if id(node) not in self._known:
            inner = node.items if isinstance(node, Sequence) else (value for _, value in node.entries)
            self._known[id(node)] = node, 1 + sum(map(self._size, inner))
        return self._known[id(node)][1]


@dataclass
class Report:
    """Problems and places of one reading."""

    problems: list[Problem] = field(default_factory=list)
    #: path of a value -> its place
    places: dict[str, Place] = field(default_factory=dict)
    hints: Hints = field(default_factory=Hints)
    budget: ValueBudget = field(default_factory=ValueBudget)
    #: places whose first problem explains every later one
    settled: set[Place] = field(default_factory=set)
    #: paths with a problem
    wrong: set[str] = field(default_factory=set)
    #: allowed, but hardly meant
    remarks: list[Problem] = field(default_factory=list)
    #: places of texts with a problem of a part, at its own place
    _inside: set[Place] = field(default_factory=set)

    def problem(
        self, at: Placed, path: str, sentence: str, hint: str | None = None, code: Code = Code.REFUSED_VALUE
    ) -> None:
        """Note a problem of the value at ``path``, unless its place is settled."""
        self.wrong.add(path)
        if at.place not in self.settled:
            self.problems.append(Problem(at.place, path, sentence, hint, code))

    def problem_inside(
        self, around: Placed, place: Place, path: str, sentence: str, hint: str | None, code: Code
    ) -> None:
        """Note a problem of a part, at ``place``, of the text ``around`` it."""
        self.wrong.add(path)
        if around.place not in self.settled:
            self._inside.add(around.place)
            self.problems.append(Problem(place, path, sentence, hint, code))

    def remark(self, at: Placed, path: str, sentence: str, code: Code) -> None:
        """Note what is allowed, but hardly meant."""
        self.remarks.append(Problem(at.place, path, sentence, code=code))

    def settle(self) -> None:
        """Note no more problems at the places that have one so far."""
        self.settled |= {problem.place for problem in self.problems} | self._inside

    def note_slip(self, path: str) -> None:
        """Count ``path`` as wrong: its value stands under a misspelt key, which has the problem."""
        self.wrong.add(path)

    def is_wrong(self, path: str) -> bool:
        """Return whether the value at ``path`` has a problem."""
        return path in self.wrong

    def note_places(self, node: Node, path: str) -> None:
        """Note the places of ``node`` and of all values in it."""
        note_places(node, path, self.places)


def note_places(node: Node, path: str, places: dict[str, Place]) -> None:
    """Add the places of ``node`` and of all values in it to ``places``."""
    places[path] = node.place
    if isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            note_places(item, f"{path}[{index}]", places)
    elif isinstance(node, Mapping):
        for key, value in node.entries:
            note_places(value, joined(path, key.text), places)


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Sort problems by place; each stands once, also where repeated entries have it at several paths."""
    found: dict[tuple[Place, str, str | None], Problem] = {}
    for problem in sorted(problems, key=lambda p: (p.place, p.path, p.sentence, p.hint or "")):
        found.setdefault((problem.place, problem.sentence, problem.hint), problem)
    return tuple(found.values())


def joined(path: str, key: str) -> str:
    """Return the path of ``key`` inside the value at ``path``."""
    return f"{path}.{key}" if path else key
