"""Errors of a YAML parser, in words for the author of the text."""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

from airfleet.errors import Place, Problem
from airfleet.problem_codes import Code

_OURS: Final[tuple[tuple[str, str, str | None], ...]] = (
    # what the parser says (a part of it), what we say, the hint
    (
        "mapping values are not allowed",
        "there is a ':' where no key can be",
        "text that contains ': ' must be in quotes; otherwise look at the indentation of this line",
    ),
    (
        "block sequence entries are not allowed",
        "a list cannot begin here",
        "put the first '- ' on a line of its own",
    ),
    ("could not find expected ':'", "this is neither 'key: value' nor an item of a list", "a ':' may be missing"),
    (
        "did not find expected key",
        "this line does not fit the lines above it",
        "look at its indentation, and for a quote or bracket that was not closed",
    ),
    ("expected '-' indicator", "this line is not an item of the list above it", "look at its indentation"),
    (
        "invalid Unicode character escape code",
        "this escape is no character: it is a half of one, or too high a number",
        "write the character itself, or '\\U' and its eight hexadecimal digits",
    ),
    ("incompatible YAML document", "the version that '%YAML' names is not known here", "leave that line out"),
    (
        "unknown directive name",
        "a line that begins with '%' is a directive, and this one is not known here",
        "leave it out; text that begins with '%' must be in quotes",
    ),
    (
        "expected <document start>",
        "this line does not belong to the document above it",
        "look at its indentation; another document begins after a line '---'",
    ),
    ("unknown escape character", "unknown escape after '\\' in double quotes", "use single quotes, or write '\\\\'"),
    ("character that cannot start any token", "no value can begin with this character", "put the text in quotes"),
    ("tab character", "a tab cannot be used to indent", "use spaces"),
    ("found duplicate anchor", "this anchor is defined twice", None),
    ("undefined tag handle", "this tag is not known here", None),
)
#: the same of things that are not closed: their beginning is more help than the place where the parser gave up
_UNCLOSED: Final[tuple[tuple[str, str, str], ...]] = (
    ("expected ',' or ']'", "the list that begins with '[' is not closed here", "a ',' or a ']' is missing"),
    ("expected ',' or '}'", "the mapping that begins with '{' is not closed here", "a ',' or a '}' is missing"),
    ("unexpected end of stream", "a quoted text is not closed", "add the closing quote"),
    ("unexpected document separator", "a quoted text is not closed", "add the closing quote"),
)


def broken_yaml(error: yaml.YAMLError, text: str, file: str) -> Problem:
    """Write the parser's error as one plain sentence at its place."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return odd_character(text, getattr(error, "position", 0), file)
    mark = error.problem_mark or error.context_mark
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
    if found := _seen(text, place):
        return found
    said = (error.problem or str(error)).replace("'<document start>'", "<document start>")
    if "alphabetic or numeric character" in said and re.search("alias|anchor", error.context or ""):
        return _no_name(error.context_mark, file)
    if "mapping values are not allowed" in said and (glued := _without_space(text, place)):
        return glued
    for theirs, ours, end in _UNCLOSED:
        if theirs in said:
            sentence = ours + _beginning(error.context_mark, place)
            return _problem(place, sentence, _unquoted_hint(text, place) or end)
    for theirs, ours, hint in _OURS:
        if theirs in said:
            return _problem(place, ours, _unquoted_hint(text, place) or hint)
    return _problem(place, f"this is not YAML: {said}")


def _problem(place: Place, sentence: str, hint: str | None = None) -> Problem:
    return Problem(place, "", sentence, hint, Code.YAML_SYNTAX)


_GLUED = re.compile(r"\s*(?:- +)?([A-Za-z_][\w-]*):(?=[^\s/:])")


def _without_space(text: str, place: Place) -> Problem | None:
    """Find ``key:value`` in the line before, which is text to YAML and goes on in the next line."""
    lines = text.splitlines()
    before = place.line - 2
    glued = _GLUED.match(lines[before]) if 0 <= before < len(lines) else None
    if glued is None:
        return None
    hint = f"write '{glued[1]}: {lines[before][glued.end() :].strip()[:60]}'"
    return _problem(Place(place.file, place.line - 1, glued.end() + 1), "a space is missing after ':'", hint)


def _beginning(begun: Any, place: Place) -> str:
    """Name the line of a beginning, unless it is that of the problem."""
    return "" if begun is None or begun.line + 1 == place.line else f" (it begins in line {begun.line + 1})"


def _unquoted_hint(text: str, place: Place) -> str | None:
    """Find ``{a: ${{ b }}}``, whose inner braces are mappings to YAML."""
    lines = text.splitlines()
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    begin = re.search(r"[\[{]", line)
    inside = re.search(r"[^'\"]\$\{\{", line[begin.end() :]) if begin else None
    return 'inside { } and [ ] an expression must be in quotes: "${{ ... }}"' if inside else None


def _no_name(mark: Any, file: str) -> Problem:
    """Find ``*`` and ``&`` without a name behind them: mostly a cron expression."""
    sentence = "'*' and '&' begin a reference to another value, and no name follows"
    at = Place(file, mark.line + 1, mark.column + 1)
    return _problem(at, sentence, "put the text in quotes, as in '*/5 * * * *'")


_CONFLICT = re.compile(r"^(?:<{7} |>{7} |={7}$)", re.MULTILINE)


def _seen(text: str, place: Place) -> Problem | None:
    """Find faults that the text shows better than the parser: tabs, marks of git, and a byte order mark."""
    lines = text.splitlines()
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return _problem(place, "a tab cannot be used to indent", "use spaces")
    if line[place.column - 1 : place.column] == "\t":
        return _problem(place, "a tab cannot stand here", "use spaces")
    if (conflict := _CONFLICT.search(text)) and text.count("\n", 0, conflict.start()) < place.line:
        at = Place(place.file, text.count("\n", 0, conflict.start()) + 1)
        return _problem(at, "a merge conflict of git is not resolved here", "keep one of the two sides")
    return _inner_mark(lines, place)


def _inner_mark(lines: list[str], place: Place) -> Problem | None:
    """Files that were put together keep the byte order mark of each."""
    for number in (place.line, place.line - 1):
        if 1 < number <= len(lines) and lines[number - 1].startswith("\ufeff"):
            sentence = "a byte order mark (U+FEFF) stands inside the file"
            return _problem(Place(place.file, number), sentence, "delete it; only the first character may be one")
    return None


def odd_character(text: str, position: int, file: str) -> Problem:
    """Describe a character at ``position`` that YAML does not allow."""
    position = min(max(position, 0), len(text))
    before = text[:position]
    place = Place(file, before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)
    code = f" U+{ord(text[position]):04X}" if position < len(text) else ""
    return _problem(place, f"the character{code} cannot be in YAML text", "write it as an escape in double quotes")
