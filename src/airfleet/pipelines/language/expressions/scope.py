"""The names that ``${{ }}`` can use, and the faults that it can have."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as AbstractMapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from airfleet.errors import Place, Problem
from airfleet.pipelines.language.expressions.tree import Span
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node
from airfleet.yaml.positions import Sources
from airfleet.yaml.problems import ValueBudget

#: the names that are always there
ROOTS: Final = ("job", "env", "vars")
#: the name of the item of the nearest ``for``
ITEM: Final = "each"
#: No text may get longer by what is put into it.
LONGEST_TEXT: Final = 5_000_000
#: of all texts that the expressions of a file make
MOST_CHARACTERS: Final = 50_000_000
#: of a list that a function makes
MOST_ITEMS: Final = 100_000
#: what an item of such a list counts for, in characters
_ITEM_COST: Final = 100


@dataclass(frozen=True)
class Fault:
    """Something wrong with a part of an expression."""

    span: Span
    sentence: str
    hint: str | None = None
    #: whether only a value is not there, for which ``or`` has another one
    is_missing: bool = False
    code: Code = Code.EXPRESSION_VALUE


#: why there is no value; of an ``or``, why none of its values is there
Faults: TypeAlias = tuple[Fault, ...]

#: gives the text of a file, or the problem with it, by its path and the file of the expression that names it
ReadFile: TypeAlias = Callable[[str, str], "str | Problem"]


def _no_file(written: str, said_in: str) -> str | Problem:
    return Problem(Place(said_in), "", f"there is no file '{written}'")


@dataclass
class Allowance:
    """Characters that the expressions of one file may still make."""

    left: int = MOST_CHARACTERS

    def takes(self, characters: int = 0, items: int = 0) -> bool:
        """Subtract what is made; return whether it was allowed."""
        self.left -= characters + items * _ITEM_COST
        return self.left >= 0


@dataclass(frozen=True)
class Scope:
    """The names that ``${{ }}`` can use."""

    variables: AbstractMapping[str, str] = field(default_factory=dict)
    environ: AbstractMapping[str, str] = field(default_factory=dict)
    job: Mapping | None = None
    #: what to say when a job is named where there is none
    no_job: str = "this document has no 'jobs'"
    #: the items of the loops around
    loops: AbstractMapping[str, Node] = field(default_factory=dict)
    #: ids of lists and mappings in which there is nothing to resolve, see ``plain_parts``
    plain: AbstractSet[int] = frozenset()
    read_file: ReadFile = _no_file
    #: the texts in which places are looked for
    sources: Sources = field(default_factory=Sources)
    #: what the expressions of the file may still make, and what its loops may
    allowance: Allowance = field(default_factory=Allowance)
    repeated: ValueBudget = field(default_factory=ValueBudget)
    #: values and names of the mappings that were looked into, by their ids; the mapping is kept with its id
    _mappings: dict[int, tuple[Mapping, dict[str, Node], frozenset[str]]] = field(default_factory=dict, compare=False)

    def of_job(self, values: Mapping, plain: AbstractSet[int] = frozenset()) -> Scope:
        """Give the scope of one job."""
        return replace(self, job=values, plain=plain, _mappings={})

    def in_loop(self, name: str, item: Node) -> Scope:
        """Give the scope of one repetition."""
        return replace(self, loops={**self.loops, ITEM: item, name: item})

    def values_of(self, node: Mapping) -> AbstractMapping[str, Node]:
        """Give the values of a mapping, by their keys."""
        known = self._mappings.get(id(node))
        return known[1] if known is not None else self._looked_into(node)[1]

    def names_in(self, node: Mapping) -> frozenset[str]:
        """Give the keys of a mapping; the same set each time."""
        return self._looked_into(node)[2]

    def _looked_into(self, node: Mapping) -> tuple[Mapping, dict[str, Node], frozenset[str]]:
        if id(node) not in self._mappings:
            values = {key.text: value for key, value in node.entries}
            self._mappings[id(node)] = (node, values, frozenset(values))
        return self._mappings[id(node)]
