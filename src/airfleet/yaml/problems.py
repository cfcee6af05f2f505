"""What a reader notes while it reads: the problems it finds and where every value stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from airfleet.errors import Place, Problem
from airfleet.spelling import nearest
from airfleet.yaml.nodes import MAX_NODES, Mapping, Node, Sequence


@dataclass
class Hints:
    """The hints of one file. After so many nobody reads them, and the words are no longer compared."""

    left: int = 500

    def did_you_mean(self, word: str, known: Iterable[str]) -> str | None:
        """A hint naming the known word nearest to ``word``, or None when none is near."""
        near = self.nearest(word, known)
        return f"did you mean '{near}'?" if near is not None else None

    def nearest(self, word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
        """The known word that ``word`` is most likely a slip of, or None."""
        if self.left <= 0:
            return None
        self.left -= 1
        return nearest(word, known, cutoff)


@dataclass
class Values:
    """How many more values one file may come to: by its jobs and templates a short one can come to any number."""

    left: int = MAX_NODES
    #: the sizes of parts that several tasks share, with the parts, so that no other one gets their id
    _known: dict[int, tuple[Node, int]] = field(default_factory=dict)

    def take(self, node: Node) -> bool:
        """Whether the values of ``node`` may be read, too."""
        self.left -= self._size(node)
        return self.left >= 0

    def _size(self, node: Node) -> int:
        if not isinstance(node, (Mapping, Sequence)):
            return 1
        if id(node) not in self._known:
            inner = node.items if isinstance(node, Sequence) else (value for _, value in node.entries)
            self._known[id(node)] = node, 1 + sum(map(self._size, inner))
        return self._known[id(node)][1]


TOO_MANY_VALUES: Final = f"jobs and templates make more than {MAX_NODES:,} values of this file"


@dataclass
class Report:
    """The notes of one reading. ``places`` maps the path of a value to its place."""

    problems: list[Problem] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    hints: Hints = field(default_factory=Hints)
    values: Values = field(default_factory=Values)
    #: places of values of which something is said already: that the value is also of a wrong kind comes of it
    told: set[Place] = field(default_factory=set)
    wrong: set[str] = field(default_factory=set)

    def problem(self, node: Node, path: str, sentence: str, hint: str | None = None) -> None:
        """Note what is wrong with ``node``."""
        self.wrong.add(path)
        if node.place not in self.told:
            self.problems.append(Problem(node.place, path, sentence, hint))

    def tell_no_more(self) -> None:
        """Say nothing more about the values that have a problem so far."""
        self.told |= {problem.place for problem in self.problems}

    def note_slip(self, path: str) -> None:
        """Note that what belongs to ``path`` is written under another key, which has its problem."""
        self.wrong.add(path)

    def is_wrong(self, path: str) -> bool:
        """Whether something is noted about the value at ``path`` already."""
        return path in self.wrong


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems in order of place, each once."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda p: (p.place, p.path, p.sentence, p.hint or "")))


def joined(path: str, key: str) -> str:
    """The path of ``key`` inside the value at ``path``."""
    return f"{path}.{key}" if path else key
