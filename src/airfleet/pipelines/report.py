"""What a reader notes while it reads: the problems it finds and where every value stands."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from airfleet.errors import Place, Problem
from airfleet.source import Node


@dataclass
class Report:
    """The notes of one reading. ``places`` maps the path of a value to its place."""

    problems: list[Problem] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)

    def problem(self, node: Node, path: str, sentence: str, hint: str | None = None) -> None:
        """Note what is wrong with ``node``."""
        self.problems.append(Problem(node.place, path, sentence, hint))

    def is_wrong(self, path: str) -> bool:
        """Whether something is noted about the value at ``path`` already."""
        return any(problem.path == path for problem in self.problems)


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems in order of place, each once."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda p: (p.place, p.path, p.sentence, p.hint or "")))


def joined(path: str, key: str) -> str:
    """The path of ``key`` inside the value at ``path``."""
    return f"{path}.{key}" if path else key


def nearest(word: str, known: Iterable[str], cutoff: float = 0.75) -> str | None:
    """The known word that ``word`` is most likely a slip of, or None."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return matches[0] if matches else None
