"""Comments that silence problems of their line: ``# airfleet: ignore AF200, AF205 (why)``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from airfleet.errors import Place, Problem, did_you_mean
from airfleet.problem_codes import Code

_WORDS: Final = "airfleet: ignore"
_COMMENT: Final = re.compile(r"#[ \t]{0,9}airfleet: ignore\b([^\n]*)")


@dataclass(frozen=True)
class Ignore:
    """One comment: its place, and the codes in it as they are written."""

    place: Place
    codes: tuple[str, ...]


def ignores_in(text: str, file: str) -> tuple[Ignore, ...]:
    """List the comments of a file, in linear time. Quoted text that looks like one is none.

    >>> [one.codes for one in ignores_in("a: 1  # airfleet: ignore AF200, AF205 (for now)", "x.yaml")]
    [('AF200', 'AF205')]
    >>> ignores_in('a: "# airfleet: ignore AF200"', "x.yaml")
    ()
    """
    return tuple(_found(text, file)) if _WORDS in text else ()


def _found(text: str, file: str) -> Iterator[Ignore]:
    counted, line = 0, 1
    for match in _COMMENT.finditer(text):
        begin = text.rfind("\n", 0, match.start()) + 1
        line += text.count("\n", counted, begin)
        counted = begin
        if _is_comment(text[begin : match.start()]):
            yield Ignore(Place(file, line, match.start() - begin + 1), _codes(match[1]))


def _is_comment(before: str) -> bool:
    """Tell whether a ``#`` behind this part of a line begins a comment: it is outside of quotes, behind a space."""
    if before.strip() and not before.endswith((" ", "\t")):
        return False
    quote, last = "", " "
    for character in before:
        if quote:
            quote = "" if character == quote and last != "\\" else quote
        elif character in "'\"" and last in " \t[{,(=":
            quote = character
        last = character
    return not quote


def _codes(rest: str) -> tuple[str, ...]:
    """Read codes with commas or spaces between them, up to a reason in parentheses."""
    return tuple(code.upper() for code in re.split(r"[\s,:]+", rest.partition("(")[0].strip()) if code)


def applied(found: Sequence[Problem], ignores: Iterable[Ignore]) -> list[Problem]:
    """Leave out the problems that comments of their lines silence."""
    by_line = _by_line(ignores)
    return [problem for problem in found if not _silences(by_line.get(_line(problem)), problem)]


def remarks(found: Sequence[Problem], ignores: Sequence[Ignore]) -> Iterator[Problem]:
    """Remark on comments that silence none of the problems that were ``found`` without them, or that name no code."""
    by_line = _by_line(ignores)
    used = {(_line(problem), problem.code) for problem in found if _silences(by_line.get(_line(problem)), problem)}
    for ignore in ignores:
        if not ignore.codes:
            sentence, hint = "this comment names no code, and silences nothing", "write # airfleet: ignore AF200"
            yield Problem(ignore.place, "", sentence, hint, Code.WRONG_IGNORE)
        for code in ignore.codes:
            line = (ignore.place.file, ignore.place.line)
            if (wrong := _wrong_code(code, ignore)) or (line, code) not in used:
                yield wrong or Problem(ignore.place, "", f"{code} is silenced, and is not here", *_LEAVE_OUT)


_LEAVE_OUT: Final = ("leave the comment out", Code.USELESS_IGNORE)


def _wrong_code(code: str, ignore: Ignore) -> Problem | None:
    known = set(Code) - {Code.GENERAL}
    if code in known and Code(code).can_be_silenced:
        return None
    if code in known:
        sentence = f"{code} cannot be silenced"
        return Problem(ignore.place, "", sentence, f"airfleet explain {code}", Code.WRONG_IGNORE)
    can_be = [one for one in Code if one.can_be_silenced]
    return Problem(ignore.place, "", f"there is no code '{code}'", did_you_mean(code, can_be), Code.WRONG_IGNORE)


def _by_line(ignores: Iterable[Ignore]) -> dict[tuple[str, int], Ignore]:
    return {(one.place.file, one.place.line): one for one in ignores}


def _line(problem: Problem) -> tuple[str, int]:
    return problem.place.file, problem.place.line


def _silences(ignore: Ignore | None, problem: Problem) -> bool:
    return ignore is not None and problem.code in ignore.codes and problem.code.can_be_silenced
