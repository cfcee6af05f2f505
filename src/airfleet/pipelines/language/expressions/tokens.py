"""The words and signs of an expression."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, cast

from airfleet.pipelines.language.expressions.tree import BadExpression

Kind = Literal["quoted", "word", "number", "step", "sign", "other", "end"]


@dataclass(frozen=True)
class Token:
    """A word, a literal or a sign, and where it begins in the text."""

    kind: Kind
    text: str
    start: int

    @property
    def end(self) -> int:
        """Give the end of the token in the text."""
        return self.start + len(self.text)


_TOKEN: Final = re.compile(
    r"""(?P<quoted>'[^']*'|"[^"]*")"""
    r"|(?P<word>[^\W\d][\w-]*)"
    r"|(?P<number>[-+.]{0,2}[0-9](?:[\w.]|[-+:](?=[0-9]))*)"
    r"|(?P<sign>==|!=|<=|>=|[<>()\[\],])"
    r"""|(?P<other>&&|\|\||[^\s\w'"()\[\],<>=!|&]+|\S)"""
)
#: behind a value without a space between them, ``.5`` is a step and no number
_STEP: Final = re.compile(r"\.[\w-]+")


def tokens(text: str, start: int, end: int) -> list[Token]:
    """Give the tokens of ``text`` from ``start`` to ``end``, and one of the kind ``end`` behind them."""
    return [*_tokens(text, start, end), Token("end", "", end)]


def _tokens(text: str, at: int, end: int) -> Iterator[Token]:
    takes_step = -1
    while at < end:
        if text[at].isspace():
            at += 1
        elif at == takes_step and (step := _STEP.match(text, at, end)):
            yield Token("step", step[0], at)
            at = takes_step = step.end()
        else:
            found = _TOKEN.match(text, at, end)
            assert found is not None  # \S takes every character
            kind = cast(Kind, found.lastgroup)
            yield Token(kind, found[0], at)
            at = found.end()
            if kind == "word" or found[0] in (")", "]"):
                takes_step = at


_INSIDE: Final = re.compile(r"""[^'"}$]+|'[^']*'|"[^"]*"|\}(?!\})|\$(?!\{\{)""")


def end_of(text: str, at: int) -> int | BadExpression:
    """Find the ``}}`` that closes an expression; quoted text does not close it."""
    begun = at - len("${{")
    while not text.startswith("}}", at):
        chunk = _INSIDE.match(text, at)
        if chunk is None:
            if at < len(text) and text[at] in "'\"":
                sentence = f"a quote inside '${{{{ }}}}' is not closed: {short(text[at:])}"
                return BadExpression(at, sentence, "add the closing quote")
            sentence = "'${{' is not closed by '}}'"
            return BadExpression(begun, sentence, "to write it as text, double the dollar: $${{")
        at = chunk.end()
    return at


def short(text: str) -> str:
    """Give a text as it stands in a sentence."""
    return text if len(text) <= 60 else text[:57] + "…"
