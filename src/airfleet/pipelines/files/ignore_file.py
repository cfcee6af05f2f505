"""Rules of ``.airflowignore``, as Airflow's own walk through a folder of Dags reads it.

Lines are patterns of gitignore, or regular expressions when ``[core] dag_ignore_file_syntax`` says ``regexp``. They
hold for the folder of the file and all folders below. Airflow's walk ends the dag-processor when a line or the file
cannot be understood; here that is a problem, and the other lines hold.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from airfleet.errors import Place, Problem
from airfleet.pipelines.files.project_files import read_text
from airfleet.problem_codes import Code

NAME: Final = ".airflowignore"
REGEXP: Final = "regexp"

_COMMENT = re.compile(r"\s*#.*")


@dataclass(frozen=True)
class Rule:
    """One line of an ignore file."""

    matches: Callable[[str], bool]
    #: whether it leaves out what it matches; a line with ``!`` takes that back
    leaves_out: bool = True
    folders_only: bool = False
    #: the folder that paths are relative to; without one, the last name of a path is looked at alone
    base: Path | None = None


def leaves_out(rules: tuple[Rule, ...], path: Path, is_folder: bool) -> bool:
    """Tell whether the rules leave out this file or folder: the last rule that matches decides."""
    out = False
    for rule in rules:
        if rule.folders_only and not is_folder:
            continue
        named = path.relative_to(rule.base).as_posix() if rule.base else path.name
        if rule.matches(named + "/" if is_folder else named):
            out = rule.leaves_out
    return out


def read(folder: Path, root: Path, syntax: str) -> tuple[tuple[Rule, ...], tuple[Problem, ...]]:
    """Read the rules in ``folder`` itself, of the Dags below ``root``, and their faults."""
    file = folder / NAME
    if not os.path.isfile(file):  # also where it may not be looked for
        return (), ()
    text = read_text(file)
    if isinstance(text, Problem):
        return (), (text,)
    rules: list[Rule] = []
    problems: list[Problem] = []
    for number, line in _lines(text):
        try:
            rule = _regexp(line, root) if syntax == REGEXP else _glob(line, folder)
        except ValueError as error:
            kind = "a regular expression" if syntax == REGEXP else "a pattern of gitignore"
            sentence = f"'{line}' is not {kind}: {error}"
            problems.append(Problem(Place(str(file), number), "", sentence, code=Code.IGNORE_FILE))
        else:
            rules += [rule] if rule else []
    return tuple(rules), tuple(problems)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if pattern := _COMMENT.sub("", line):
            yield number, pattern


def _regexp(line: str, root: Path) -> Rule:
    try:
        search = re.compile(line).search
    except re.error as error:
        raise ValueError(str(error)) from error
    return Rule(lambda path: search(path.removesuffix("/")) is not None, base=root)


def _glob(line: str, folder: Path) -> Rule | None:
    if line.strip() == "/":
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the class that Airflow uses, too
        from pathspec.patterns.gitwildmatch import (
            GitWildMatchPattern,
        )  # an import of 30 ms that most projects do not need

        pattern = GitWildMatchPattern(line)
    if pattern.include is None:
        return None
    return Rule(
        lambda path: pattern.match_file(path) is not None,
        leaves_out=pattern.include,
        folders_only=line.lstrip("!").rstrip().endswith("/"),
        base=folder if line.startswith("/") or "/" in line.rstrip("/") else None,
    )
