"""The syntax tree of an expression. Every part knows where it stands in its text.

::

    text       = { characters | "$${{" | "${{" expression "}}" }      # of dollars before "{{", "$$" is one "$"
    expression = or [ "if" or "else" expression ]
    or         = and { "or" and }
    and        = not { "and" not }
    not        = "not" not | comparison
    comparison = postfix [ ( "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not" "in" ) postfix ]
    postfix    = primary { "." name | "[" expression "]" }
    primary    = literal | name | name "(" [ list ] ")" | "[" [ list ] "]" | "(" expression ")"
    list       = expression { "," expression }
    literal    = "'" text "'" | '"' text '"' | number | date | true | false | null
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Span:
    """A part of a text: the characters from ``start`` to before ``end``."""

    start: int
    end: int


@dataclass(frozen=True)
class Literal:
    """``'text'``, ``5`` or ``true``."""

    span: Span
    value: object
    text: str
    quoted: bool


@dataclass(frozen=True)
class ListOf:
    """``[a, b]``."""

    span: Span
    items: tuple[Tree, ...]


@dataclass(frozen=True)
class Name:
    """``job``, ``env``, ``vars``, ``each``, or the name of a loop."""

    span: Span
    name: str


@dataclass(frozen=True)
class Access:
    """``inner.key`` or ``inner[key]``."""

    span: Span
    inner: Tree
    key: Tree


@dataclass(frozen=True)
class Call:
    """``upper(job.name)``."""

    span: Span
    function: str
    arguments: tuple[Tree, ...]


@dataclass(frozen=True)
class Or:
    """The first item that is there; of conditions, whether one is true."""

    span: Span
    items: tuple[Tree, ...]
    is_condition: bool


@dataclass(frozen=True)
class And:
    """Whether all items are true."""

    span: Span
    items: tuple[Tree, ...]


@dataclass(frozen=True)
class Not:
    """Whether the item is false."""

    span: Span
    item: Tree


@dataclass(frozen=True)
class Comparison:
    """``left == right``, and the other signs."""

    span: Span
    sign: str
    left: Tree
    right: Tree


@dataclass(frozen=True)
class Choice:
    """``then if condition else otherwise``."""

    span: Span
    condition: Tree
    then: Tree
    otherwise: Tree


Tree: TypeAlias = Literal | ListOf | Name | Access | Call | Or | And | Not | Comparison | Choice


@dataclass(frozen=True)
class Expression:
    """The content of ``${{ }}``."""

    tree: Tree
    inside: str
    #: every name in it, also in parts that may not be needed
    names: tuple[Name, ...]
    #: where ``inside`` begins in the text
    start: int

    def written(self, tree: Tree) -> str:
        """Give a part of the expression as it is written."""
        return self.inside[tree.span.start - self.start : tree.span.end - self.start]


@dataclass(frozen=True)
class BadExpression:
    """Text that is not of the grammar, as sentence and hint, and where it begins to be wrong."""

    start: int
    sentence: str
    hint: str | None = None


Part: TypeAlias = str | Expression | BadExpression


def parts_of(tree: Tree) -> tuple[Tree, ...]:
    """Give the parts that a tree is made of."""
    match tree:
        case ListOf(items=items) | Or(items=items) | And(items=items) | Call(arguments=items):
            return items
        case Access(inner=inner, key=key):
            return (inner, key)
        case Not(item=item):
            return (item,)
        case Comparison(left=left, right=right):
            return (left, right)
        case Choice(condition=condition, then=then, otherwise=otherwise):
            return (then, condition, otherwise)
    return ()


def names_in(tree: Tree) -> Iterator[Name]:
    """Yield every name in a tree, in the order in which they are written."""
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Name):
            yield part
        waiting += reversed(parts_of(part))
