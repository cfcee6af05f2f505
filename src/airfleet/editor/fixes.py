"""Quick fixes of problems: the word that was meant, and the comment that silences a warning."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from airfleet.errors import Problem, Suggestion
from airfleet.problem_codes import Severity


@dataclass(frozen=True)
class Edit:
    """A part of one line, from column to column, both from 0, and the text in place of it."""

    title: str
    line: int
    start: int
    end: int
    text: str


def fixes(problem: Problem, lines: Sequence[str]) -> list[Edit]:
    """List the edits that may mend a problem of a text with these lines."""
    at = problem.place.line - 1
    line = lines[at] if at < len(lines) else ""
    found = []
    if isinstance(problem.hint, Suggestion) and problem.hint.wrong:
        place = _find(line, problem.hint.wrong, problem.place.column - 1)
        if place is not None:
            meant, wrong = problem.hint.meant, problem.hint.wrong
            found.append(Edit(f"Write '{meant}'", at, place, place + len(wrong), meant))
    if problem.severity is Severity.WARNING:
        comment = f"  # airfleet: ignore {problem.code}"
        end, whole = len(line.rstrip()), len(line.rstrip("\r\n"))
        found.append(Edit(f"Silence {problem.code} on this line", at, end, whole, comment))
    return found


def _find(line: str, word: str, start: int) -> int | None:
    """Find a whole word of a line, at a column or after it."""
    match = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])").search(line, start)
    return match.start() if match else None
