"""A mutation for cosmic-ray: an SQL statement in a string loses one of its conditions.

The rules that guard data stand in SQL as often as in Python: ``AND state = 'running'``, left out, is such a mutant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from cosmic_ray.operators.operator import Example, Operator

_SQL = re.compile(r"\b(?:SELECT|UPDATE|DELETE|INSERT)\b")
#: what is no bracket, or a pair of them with what is between, to some depth
_PIECE = r"[^()]"
for _ in range(5):
    _PIECE = rf"(?:[^()]|\({_PIECE}*\))"
#: up to the next condition, the next clause, or the end of the line
_CONDITION = re.compile(
    rf"\bAND\s+(?:NOT\s+)?(?:\({_PIECE}*\)|[^()\n])+?(?=\s+(?:AND|OR|RETURNING|ORDER|GROUP|LIMIT)\b|[;\n\"')]|$)"
)


class DropSqlCondition(Operator):
    """Take one ``AND …`` out of a statement."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """Give a position for each condition of a string that is SQL."""
        for _ in conditions(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Take out the condition with this number."""
        found = conditions(node)[index]
        node.value = node.value[: found.start()] + node.value[found.end() :]
        return node

    @classmethod
    def examples(cls) -> Iterable[Example]:
        """Show one."""
        return (Example('"SELECT 1 FROM a WHERE b = 1 AND c = 2"', '"SELECT 1 FROM a WHERE b = 1 "'),)


def conditions(node: Any) -> list[re.Match[str]]:
    """Find the conditions of a leaf of parso's tree."""
    text = getattr(node, "value", "")
    if getattr(node, "type", "") not in ("string", "fstring_string") or not _SQL.search(text):
        return []
    # one may stand in the brackets of another one
    found = (_CONDITION.match(text, word.start()) for word in re.finditer(r"\bAND\b", text))
    return [match for match in found if match]


class Provider:
    """What cosmic-ray asks for operators."""

    def __iter__(self) -> Iterator[str]:
        return iter(("DropSqlCondition",))

    def __getitem__(self, name: str) -> type[Operator]:
        return {"DropSqlCondition": DropSqlCondition}[name]
