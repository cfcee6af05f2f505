"""Problems in the formats of ``airfleet check -o``: for people, for programs, and for what shows code."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from airfleet.cli.output import problem_view, tables, terminal
from airfleet.errors import Problem

FORMATS: Final = ("table", "json", "yaml", "plain", "sarif", "github")
#: what is one whole text, and not a line for each problem
WHOLE: Final = ("json", "yaml", "sarif")


def put(problems: Sequence[Problem], remarks: Sequence[Problem], counts: Mapping[str, object], output: str) -> None:
    """Print problems and remarks; ``counts`` is what json and yaml have beside them."""
    if output in ("json", "yaml"):
        tables.put_value(as_data(problems, remarks, counts), output)
    elif output == "sarif":
        from airfleet.cli.output import sarif

        tables.put_value(sarif.log([*problems, *remarks]), "json")
    elif lines := list(_lines(problems, remarks, output)):
        terminal.put("\n".join(lines))


def _lines(problems: Sequence[Problem], remarks: Sequence[Problem], output: str) -> Iterator[str]:
    if output == "github":
        from airfleet.cli.output import annotations

        yield from map(annotations.annotation, (*problems, *remarks))
        return
    found = [*problems, *map(problem_view.as_remark, remarks)]
    if output == "plain":
        yield from map(problem_view.plain, found)
    elif found:
        yield problem_view.text(found, sys.stdout)


def as_data(problems: Sequence[Problem], remarks: Sequence[Problem], counts: Mapping[str, object]) -> dict[str, Any]:
    """Give what a check found, for programs."""
    return {
        "problems": [_as_data(problem) for problem in problems],
        "remarks": [_as_data(remark) for remark in remarks],
        **counts,
    }


def _as_data(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "severity": problem.severity,
        "file": problem.place.file,
        "line": problem.place.line,
        "column": problem.place.column,
        "path": problem.path,
        "sentence": problem.sentence,
        "hint": problem.hint,
    }
