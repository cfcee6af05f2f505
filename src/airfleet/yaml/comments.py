"""Comments of a YAML text, by the line that they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml


@dataclass(frozen=True)
class Comments:
    """Comments of one text; lines count from 1."""

    #: line of a value → lines of comments right above it, without indentation
    above: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    #: line of a value → the comment behind it
    behind: Mapping[int, str] = field(default_factory=dict)


def comments(text: str) -> Comments:
    """Find the comments of a text; none in one that is broken YAML."""
    if "#" not in text:
        return Comments()
    try:
        inside = _inside_values(text)
    except yaml.YAMLError:
        return Comments()
    above: dict[int, tuple[str, ...]] = {}
    behind: dict[int, str] = {}
    waiting: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        before, comment = _split(line, inside.get(number, ()))
        if comment and not before.strip():
            waiting.append(comment)
        elif before.strip():
            if comment:
                behind[number] = comment
            if waiting:
                above[number] = tuple(waiting)
            waiting = []
    return Comments(above, behind)


def _split(line: str, values: tuple[tuple[int, float], ...]) -> tuple[str, str]:
    """Split a line at the comment in it, which begins outside of values and after a space."""
    at = line.find("#")
    while at >= 0:
        if (at == 0 or line[at - 1] in " \t") and not any(start <= at < end for start, end in values):
            return line[:at], line[at:].rstrip()
        at = line.find("#", at + 1)
    return line, ""


def _inside_values(text: str) -> dict[int, tuple[tuple[int, float], ...]]:
    """Give the columns of each line that quoted texts and blocks of text take."""
    found: dict[int, tuple[tuple[int, float], ...]] = {}
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if not isinstance(token, yaml.ScalarToken) or token.plain:
            continue
        start, end = token.start_mark, token.end_mark
        is_block = token.style in ("|", ">")
        for line in range(start.line + (1 if is_block else 0), end.line + (0 if is_block else 1)):
            first = start.column if line == start.line else 0
            last = end.column if line == end.line and not is_block else float("inf")
            found[line + 1] = (*found.get(line + 1, ()), (first, last))
    return found
