"""Problems in a user's files, as text: plain for programs, with the source line for people.

::

    orders.yaml:14:13: tasks.load.needs[0]: no task named 'extrct'
       14 |     needs: [extrct]
          |             ^^^^^^
    hint: did you mean 'extract'?
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from airfleet.cli.output import terminal
from airfleet.errors import Place, Problem, shown, visible
from airfleet.problem_codes import Code

LONGEST_LINE = 160


def text(problems: Sequence[Problem], stream: TextIO) -> str:
    """Write every problem as it suits ``stream``: with source lines on a terminal, plain elsewhere."""
    if stream.isatty():
        return "\n\n".join(with_source(problem, read_line) for problem in problems)
    return "\n".join(map(plain, problems))


def plain(problem: Problem) -> str:
    """Write one problem without its source, with its code."""
    return problem.with_code() if _tells(problem.code) else str(problem)


def _tells(code: Code) -> bool:
    """Tell whether there is something to read about a code."""
    return code not in (Code.GENERAL, Code.FLEET)


def as_remark(problem: Problem) -> Problem:
    """Mark something that is not wrong as a remark."""
    return replace(problem, sentence=f"remark: {problem.sentence}")


def count_of_remarks(remarks: Sequence[Problem]) -> str:
    """Count the remarks, for the end of a summary.

    >>> count_of_remarks([])
    ''
    """
    return f"; {_count(len(remarks), 'remark')}" if remarks else ""


def with_source(problem: Problem, line_of: Callable[[Place], str | None]) -> str:
    """Write one problem with the line it stands on and a caret under the value."""
    path = f"{shown(problem.path)}: " if problem.path else ""
    code = terminal.style(f" [{problem.code}]", dim=True) if _tells(problem.code) else ""
    head = f"{terminal.style(str(problem.place), bold=True)}: {path}{shown(problem.sentence)}{code}"
    lines = [head, *_excerpt(problem.place, line_of(problem.place))]
    if problem.hint:
        lines.append(f"{terminal.style('hint', fg='cyan')}: {shown(problem.hint)}")
    return "\n".join(lines)


def read_line(place: Place) -> str | None:
    """Read the line of the file that ``place`` names, or None when it cannot be read."""
    try:
        lines = Path(place.file).read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return lines[place.line - 1] if 1 <= place.line <= len(lines) else None


def _excerpt(place: Place, line: str | None) -> list[str]:
    if line is None or not line.strip() or len(line) > LONGEST_LINE:
        return []
    # A tab is drawn as one space, so that the caret stands under what it means.
    line = line.replace("\t", " ")
    shown = visible(line)
    before = " " * terminal.cells(visible(line[: place.column - 1]))
    carets = "^" * max(1, terminal.cells(visible(_word(line[place.column - 1 :]))))
    number = f"{place.line:5}"
    return [f"{number} | {shown}", f"{' ' * len(number)} | {before}{terminal.style(carets, fg='red')}"]


def _word(text: str) -> str:
    """Return the word under the caret: a quoted string, or up to the end of the plain value."""
    for quote in "'\"":
        if text.startswith(quote):
            end = text.find(quote, 1)
            return text[: end + 1] if end > 0 else text
    match = re.match(r"[^\s,\[\]{}#][^,\[\]{}#:]*", text)
    return match.group().rstrip() if match else text[:1]


def summary(problems: Sequence[Problem], fine: int, fine_python: int = 0, fine_fleet: Sequence[str] = ()) -> str:
    """Sum up a check in one line; ``fine_python`` files hold Dags in Python, ``fine_fleet`` are of the fleet.

    >>> summary([], 2)
    '2 pipelines are fine'
    >>> summary([], 2, 1)
    '2 pipelines and 1 Python file are fine'
    >>> summary([], 0, 0, ["fleet.yaml"])
    'fleet.yaml is fine'
    """
    if not problems and not fine and not fine_python and fine_fleet:
        return f"{' and '.join(fine_fleet)} {'is' if len(fine_fleet) == 1 else 'are'} fine"
    counted = [(fine, "pipeline"), (fine_python, "Python file")]
    shown = [(number, noun) for number, noun in counted if number or (noun == "pipeline" and not fine_python)]
    verb = "is" if [number for number, _ in shown] == [1] else "are"
    good = " and ".join(_count(number, noun) for number, noun in shown) + f" {verb} fine"
    if not problems:
        return good
    files = len({problem.place.file for problem in problems})
    bad = f"{_count(len(problems), 'problem')} in {_count(files, 'file')}"
    return f"{bad}; {good}" if fine or fine_python else bad


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
