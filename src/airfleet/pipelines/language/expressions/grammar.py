"""Texts with ``${{ }}`` become syntax trees. Everything that is not understood is a :class:`BadExpression`."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final, NoReturn

from airfleet.errors import did_you_mean
from airfleet.pipelines.language.expressions import tree
from airfleet.pipelines.language.expressions.functions import FUNCTIONS
from airfleet.pipelines.language.expressions.scope import ROOTS
from airfleet.pipelines.language.expressions.tokens import Token, end_of, short, tokens
from airfleet.pipelines.language.expressions.tree import BadExpression, Expression, Part, Span, Tree
from airfleet.yaml.scalars import scalar_value

#: levels of brackets, functions, 'not' and 'if' in one expression
MAX_LEVELS: Final = 30


def parse(text: str) -> tuple[Part, ...]:
    """Give the parts of a text that holds ``${{``. Takes as many steps as it has characters.

    >>> [part if isinstance(part, str) else part.inside for part in parse("a ${{ job.b }} $${{ c }}")]
    ['a ', 'job.b', ' ', '${{', ' c }}']
    """
    return _kept(text) if len(text) <= 1000 else tuple(_parts(text))


@functools.lru_cache(maxsize=4096)
def _kept(text: str) -> tuple[Part, ...]:
    """Cache the parts of short texts: the jobs of a document share them."""
    return tuple(_parts(text))


def _parts(text: str) -> Iterator[Part]:
    at = 0
    while (opening := text.find("${{", at)) >= 0:
        first = opening
        while first > at and text[first - 1] == "$":
            first -= 1
        dollars = opening - first + 1
        if before := text[at:first]:
            yield before
        if written := "$" * (dollars // 2) + ("" if dollars % 2 else "{{"):
            yield written
        at = opening + len("${{")
        if dollars % 2:
            end = end_of(text, at)
            if isinstance(end, BadExpression):
                yield end
                return
            yield _expression(text, at, end)
            at = end + len("}}")
    if at < len(text):
        yield text[at:]


def _expression(text: str, start: int, end: int) -> Expression | BadExpression:
    start += len(text[start:end]) - len(text[start:end].lstrip())
    inside = text[start:end].rstrip()
    if not inside:
        return BadExpression(start, "'${{ }}' is empty", _WRITE)
    try:
        found = _Parser(inside, tokens(text, start, start + len(inside))).whole()
    except _Wrong as wrong:
        return wrong.bad
    return Expression(found, inside, tuple(tree.names_in(found)), start)


_WRITE: Final = "write job.name, env.NAME or vars.name, and a default as in: env.NAME or 'text'"
_SIGNS: Final = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})
_WORDS: Final = frozenset({"or", "and", "not", "if", "else", "in"})
#: signs of other languages, and what is written here
_INSTEAD: Final = {
    "|": "a function is written around its value, as in upper(job.name)",
    "||": "write 'or'",
    "&&": "write 'and'",
    "!": "write 'not'",
    "=": "to compare, write '=='",
    "?": "write: a if condition else b",
    "+": "write texts beside each other, as in ${{ job.a }}_${{ job.b }}",
    "~": "write texts beside each other, as in ${{ job.a }}_${{ job.b }}",
}


class _Wrong(Exception):
    def __init__(self, start: int, sentence: str, hint: str | None) -> None:
        self.bad = BadExpression(start, sentence, hint)
        super().__init__(sentence)


class _Parser:
    """One expression; each token is looked at once."""

    def __init__(self, inside: str, found: list[Token]) -> None:
        self.inside = inside
        self.tokens = found
        self.at = 0
        self.levels = 0

    @property
    def here(self) -> Token:
        return self.tokens[self.at]

    @property
    def end(self) -> int:
        """Give the end of the last token that was taken."""
        return self.tokens[self.at - 1].end

    def take(self, *texts: str) -> Token | None:
        """Take the next token if it is one of these words or signs."""
        token = self.here
        if token.kind in ("word", "sign") and token.text in texts:
            self.at += 1
            return token
        return None

    def whole(self) -> Tree:
        found = self.choice()
        if self.here.kind != "end":
            self.not_understood(self.here)
        return found

    def choice(self) -> Tree:
        self.enter()
        then = self.either()
        begun = self.take("if")
        if begun is None:
            self.levels -= 1
            return then
        condition = _as_condition(self.either())
        if self.take("else") is None:
            token = self.here
            if token.kind != "end":
                self.not_understood(token)
            self.fail(begun.start, "'if' in '${{ }}' needs an 'else'", "write: a if condition else b")
        otherwise = self.choice()
        self.levels -= 1
        return tree.Choice(self.span(then), condition, then, otherwise)

    def either(self) -> Tree:
        items = self.joined("or", self.both)
        if len(items) == 1:
            return items[0]
        is_condition = any(map(_is_condition, items))
        for item, behind in itertools.pairwise(items):
            if isinstance(item, tree.Literal) and not is_condition:
                sentence = f"what stands behind {short(self.written(item))} in '${{{{ }}}}' is never used"
                self.fail(behind.span.start, sentence, "write the default last")
        return tree.Or(self.span(items[0]), tuple(map(_as_condition, items) if is_condition else items), is_condition)

    def both(self) -> Tree:
        items = self.joined("and", self.negation)
        return items[0] if len(items) == 1 else tree.And(self.span(items[0]), tuple(map(_as_condition, items)))

    def joined(self, word: str, read: Callable[[], Tree]) -> list[Tree]:
        items = [read()]
        while self.take(word):
            items.append(read())
        return items

    def negation(self) -> Tree:
        token = self.take("not")
        if token is None:
            return self.comparison()
        self.enter()
        item = self.negation()
        self.levels -= 1
        return tree.Not(Span(token.start, self.end), _as_condition(item))

    def comparison(self) -> Tree:
        left = self.postfix()
        sign = self.sign()
        if sign is None:
            return left
        right = self.postfix()
        found = tree.Comparison(self.span(left), sign, left, right)
        if (second := self.here).kind in ("sign", "word") and second.text in _SIGNS:
            self.fail(second.start, "two values are compared at a time", "write: a < b and b < c")
        return found

    def sign(self) -> str | None:
        if self.here.text == "not" and self.here.kind == "word" and self.tokens[self.at + 1].text == "in":
            self.at += 2
            return "not in"
        token = self.take(*_SIGNS)
        return token.text if token else None

    def postfix(self) -> Tree:
        found = self.primary()
        while True:
            token = self.here
            if token.kind == "step":
                self.at += 1
                name = token.text[1:]
                key: Tree = tree.Literal(Span(token.start + 1, token.end), name, name, quoted=True)
            elif token.text == "[" and token.kind == "sign" and token.start == self.end:
                self.at += 1
                key = self.choice()
                self.close("]", token)
            else:
                return found
            found = tree.Access(self.span(found), found, key)

    def primary(self) -> Tree:
        token = self.here
        if token.kind == "quoted":
            self.at += 1
            return tree.Literal(Span(token.start, token.end), token.text[1:-1], token.text[1:-1], quoted=True)
        if token.kind == "number":
            return self.literal(token)
        if token.kind == "word" and token.text not in _WORDS:
            return self.word(token)
        if self.take("("):
            found = self.choice()
            self.close(")", token)
            return replace(found, span=Span(token.start, self.end))
        if self.take("["):
            items = self.listed("]", token)
            return tree.ListOf(Span(token.start, self.end), items)
        if token.kind == "end" and self.at:
            before = self.tokens[self.at - 1]
            if before.text == "or":
                self.fail(before.start, "'or' in '${{ }}' needs a default behind it", _WRITE)
            self.fail(before.start, f"'{short(before.text)}' in '${{{{ }}}}' needs a value behind it", None)
        return self.not_understood(token)

    def literal(self, token: Token) -> Tree:
        value = scalar_value(token.text)
        if isinstance(value, str):
            self.not_understood(token)
        self.at += 1
        return tree.Literal(Span(token.start, token.end), value, token.text, quoted=False)

    def word(self, token: Token) -> Tree:
        behind = self.tokens[self.at + 1]
        if behind.text == "(" and behind.kind == "sign":
            return self.call(token)
        value = scalar_value(token.text)
        if not isinstance(value, str):
            return self.literal(token)
        self.at += 1
        return tree.Name(Span(token.start, token.end), token.text)

    def call(self, token: Token) -> Tree:
        function = FUNCTIONS.get(token.text)
        if function is None:
            hint = did_you_mean(token.text, (*FUNCTIONS, *ROOTS)) or f"there are {', '.join(FUNCTIONS)}"
            self.fail(token.start, f"there is no function '{short(token.text)}'", hint)
        opening = self.tokens[self.at + 1]
        self.at += 2
        items = self.listed(")", opening)
        if wrong := function.wrong_number(len(items)):
            self.fail(token.start, f"'{token.text}' {wrong}", f"write {function.written}")
        return tree.Call(Span(token.start, self.end), token.text, items)

    def listed(self, closing: str, opening: Token) -> tuple[Tree, ...]:
        """Read values with commas between them, up to the closing bracket."""
        items: list[Tree] = []
        while not self.take(closing):
            items.append(self.choice())
            if not self.take(","):
                self.close(closing, opening)
                break
        return tuple(items)

    def close(self, closing: str, opening: Token) -> None:
        if self.take(closing):
            return
        if self.here.kind != "end":
            self.not_understood(self.here)
        self.fail(opening.start, f"'{opening.text}' in '${{{{ }}}}' is not closed", f"add the closing '{closing}'")

    def enter(self) -> None:
        self.levels += 1
        if self.levels > MAX_LEVELS:
            self.fail(self.here.start, f"the expression is nested more than {MAX_LEVELS} levels deep", None)

    def span(self, first: Tree) -> Span:
        return Span(first.span.start, self.end)

    def written(self, part: Tree) -> str:
        start = self.tokens[0].start
        return self.inside[part.span.start - start : part.span.end - start]

    def not_understood(self, token: Token) -> NoReturn:
        where = f", from {short(token.text)} on" if self.at else ""
        hint = _INSTEAD.get(token.text, _WRITE)
        if self.at and token.kind == "number":
            hint = f"to mean the text, put it in quotes: '{short(token.text)}'"
        written = short(self.inside)
        self.fail(token.start, f"'${{{{ {written} }}}}' cannot be understood{where}", hint)

    def fail(self, start: int, sentence: str, hint: str | None) -> NoReturn:
        raise _Wrong(start, sentence, hint)


def _is_condition(part: Tree) -> bool:
    return isinstance(part, tree.Comparison | tree.Not | tree.And) or (isinstance(part, tree.Or) and part.is_condition)


def _as_condition(part: Tree) -> Tree:
    """Let ``or`` tell whether one of its items is true, where a condition is due."""
    if isinstance(part, tree.Or) and not part.is_condition:
        return tree.Or(part.span, tuple(map(_as_condition, part.items)), is_condition=True)
    return part
