"""The grammar of ``${{ }}``. Everything that is not understood is a :class:`BadExpression` that names it.

::

    text       = { characters | "$${{" | "${{" expression "}}" }      # of dollars before "{{", "$$" is one "$"
    expression = path { "or" path } [ "or" literal ]
    path       = name { "." name | "[" digits "]" }                   # begins with job, env or vars
    literal    = "'" text "'" | '"' text '"' | number | date | true | false | null
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from airfleet.errors import did_you_mean
from airfleet.pipelines.language.arguments import CONTEXT_NAMES
from airfleet.yaml.scalars import scalar_value

ROOTS: Final = ("job", "env", "vars")


@dataclass(frozen=True)
class ValuePath:
    """``job.a[0]``: a name, and the steps from it."""

    root: str
    steps: tuple[str, ...]
    written: str


@dataclass(frozen=True)
class LiteralValue:
    """``'text'``, ``5`` or ``true``: what a path that is not there stands back for."""

    value: object
    text: str
    quoted: bool


@dataclass(frozen=True)
class Expression:
    """The content of ``${{ }}``: the first of ``paths`` that is there, else the literal."""

    paths: tuple[ValuePath, ...]
    literal: LiteralValue | None
    inside: str


@dataclass(frozen=True)
class BadExpression:
    """Text that is not of the grammar, as sentence and hint."""

    sentence: str
    hint: str | None = None


Part: TypeAlias = str | Expression | BadExpression


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
            end = _end(text, at)
            if isinstance(end, BadExpression):
                yield end
                return
            yield _expression(text[at:end].strip())
            at = end + len("}}")
    if at < len(text):
        yield text[at:]


_INSIDE: Final = re.compile(r"""[^'"}$]+|'[^']*'|"[^"]*"|\}(?!\})|\$(?!\{\{)""")


def _end(text: str, at: int) -> int | BadExpression:
    """Find the ``}}`` that closes an expression; quoted text does not close it."""
    while not text.startswith("}}", at):
        chunk = _INSIDE.match(text, at)
        if chunk is None:
            if at < len(text) and text[at] in "'\"":
                sentence = f"a quote inside '${{{{ }}}}' is not closed: {_short(text[at:])}"
                return BadExpression(sentence, "add the closing quote")
            return BadExpression("'${{' is not closed by '}}'", "to write it as text, double the dollar: $${{")
        at = chunk.end()
    return at


_TOKEN: Final = re.compile(r"""(?P<quoted>'[^']*'|"[^"]*")|[^\s'"]+""")
_PATH: Final = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+|\[[0-9]{1,9}\])*")
_STEP: Final = re.compile(r"[\w-]+")
_WRITE: Final = "write job.name, env.NAME or vars.name, and a default as in: env.NAME or 'text'"


def _expression(inside: str) -> Expression | BadExpression:
    tokens = [match[0] for match in _TOKEN.finditer(inside)]
    if not tokens:
        return BadExpression("'${{ }}' is empty", _WRITE)
    paths: list[ValuePath] = []
    for index, token in enumerate(tokens):
        if index % 2:
            if token != "or":
                return _not_understood(inside, token)
        elif (literal := _literal(token)) is not None:
            if not paths:
                return _not_understood(inside, token)
            if index + 1 < len(tokens):
                return BadExpression(
                    f"what stands behind {_short(token)} in '${{{{ }}}}' is never used", "write the default last"
                )
            return Expression(tuple(paths), literal, inside)
        else:
            path = _path(token, inside, first=not paths)
            if isinstance(path, BadExpression):
                return path
            paths.append(path)
    if len(tokens) % 2 == 0:
        return BadExpression("'or' in '${{ }}' needs a default behind it", _WRITE)
    return Expression(tuple(paths), None, inside)


def _literal(token: str) -> LiteralValue | None:
    if token[0] in "'\"":
        return LiteralValue(token[1:-1], token[1:-1], quoted=True)
    value = scalar_value(token)
    return None if isinstance(value, str) else LiteralValue(value, token, quoted=False)


def _path(token: str, inside: str, *, first: bool) -> ValuePath | BadExpression:
    if token == "or" or not _PATH.fullmatch(token):
        return _not_understood(inside, token, first=first)
    root, *steps = _STEP.findall(token)
    if root in ROOTS:
        return ValuePath(root, tuple(steps), token)
    hint = did_you_mean(root, ROOTS)
    if root in CONTEXT_NAMES:
        hint = "to render when the task runs, write {$t: \"{{ ... }}\"} without the '$'"
    elif not first:
        hint = hint if hint and steps else _quoted(token)
    elif root in _SECRETS:
        hint = "a task takes a secret from a connection or variable of Airflow when it runs"
    return BadExpression(
        f"'{_short(root if first else token)}' is not known in '${{{{ }}}}'; there are job, env and vars", hint
    )


#: what others call them in files
_SECRETS: Final = ("secrets", "secret", "conn", "connections", "vault")


def _not_understood(inside: str, token: str, *, first: bool = True) -> BadExpression:
    where = f", from {_short(token)} on" if not inside.startswith(token) else ""
    written = _short(inside)
    return BadExpression(f"'${{{{ {written} }}}}' cannot be understood{where}", _WRITE if first else _quoted(token))


def _quoted(token: str) -> str:
    return f"to mean the text, put it in quotes: '{_short(token)}'"


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"
