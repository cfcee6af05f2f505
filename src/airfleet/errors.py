"""Errors for people, and their exit codes.

::

    AirfleetError            exit code
    ├── FileProblems         1    the user's files are wrong; carries every problem found
    ├── FleetError           1    the fleet cannot do what was asked; says the next command
    │   └── Unhealthy        4    the fleet runs, but not as it should
    ├── UsageError           2    the command line is wrong
    └── WaitTimedOut         124  an awaited event did not happen in time

Everything else that escapes is our own mistake (exit code 3) and is shown with
the place of its log. Ctrl-C is 130; SIGTERM and SIGHUP (:class:`Stopped`) are 143 and 129.
"""

from __future__ import annotations

import itertools
import os
import re
import shlex
import signal
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from airfleet.problem_codes import Code, Severity
from airfleet.spelling import nearest

EXIT_OK = 0
EXIT_WRONG = 1
EXIT_USAGE = 2
EXIT_OUR_BUG = 3
EXIT_UNHEALTHY = 4
EXIT_WAIT_TIMED_OUT = 124
EXIT_INTERRUPTED = 130


#: Control characters, and those that change the direction of text: a terminal obeys them, a log shows another order.
#: Also spaces and marks that are invisible, or look like others.
_COMMANDS = re.compile(
    "[\x00-\x1f\x7f-\xa0\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)


def visible(text: str) -> str:
    r"""Text of a user's file or a file's name as one line, with each character that commands a terminal written out.

    >>> visible("a\x1b[2Jb\nc\u202e")
    'a\\x1b[2Jb\\nc\\u202e'
    """
    return _COMMANDS.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


#: Characters of a sentence, a hint or a path that are shown: more than any of ours has without a user's text.
LONGEST_SHOWN = 1000


def shown(text: str) -> str:
    """Text as it is shown to people: visible, and of a very long one its two ends.

    >>> len(shown("x" * 1_000_000)), shown("a\\nb")
    (1000, 'a\\\\nb')
    """
    if len(text) > LONGEST_SHOWN:
        text = f"{text[: LONGEST_SHOWN - 201]}…{text[-200:]}"
    return visible(text)


@dataclass(frozen=True, order=True)
class Place:
    """Where in a user's file: line and column count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{visible(self.file)}:{self.line}:{self.column}"


@dataclass(frozen=True, order=True)
class Problem:
    """Something wrong in a user's file.

    ``path`` is the reader's way to the value (``tasks.load.needs[0]``; empty for the
    whole document), ``hint`` is given only when it is likely right. ``code`` is the kind of the problem: two problems
    that say the same at one place are one, whatever their codes.
    """

    place: Place
    path: str
    sentence: str
    hint: str | None = None
    code: Code = field(default=Code.GENERAL, compare=False)

    @property
    def severity(self) -> Severity:
        """Say whether something is wrong, or only doubtful."""
        return self.code.severity

    def __str__(self) -> str:
        where = f"{self.place}: {shown(self.path)}: " if self.path else f"{self.place}: "
        return where + shown(self.sentence) + (f"\nhint: {shown(self.hint)}" if self.hint else "")

    def with_code(self) -> str:
        """Write the same with the code, by which ``airfleet explain`` knows the kind."""
        first, line_end, hint = str(self).partition("\nhint: ")
        return f"{first} [{self.code}]{line_end}{hint}"


def argument(path: str | os.PathLike[str]) -> str:
    """Write a path as one argument of a command that a hint names, to be copied into a shell.

    >>> argument("/srv/shop"), argument("my shop"), argument("-x")
    ('/srv/shop', "'my shop'", './-x')
    """
    text = os.fspath(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


class AirfleetError(Exception):
    """The root of every error that airfleet explains to a person."""

    exit_code: ClassVar[int] = EXIT_WRONG


class FileProblems(AirfleetError):
    """The user's files are wrong; ``problems`` holds every one, in order of place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.place, p.path, p.sentence)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class FleetError(AirfleetError):
    """The fleet cannot do what was asked. ``hint`` names what to do about it."""

    def __init__(self, sentence: str, hint: str | None = None) -> None:
        self.sentence = sentence
        self.hint = hint
        super().__init__(sentence + (f"{_HINT}{hint}" if hint else ""))


_HINT = "\nhint: "


def parted(said: str) -> tuple[str, str | None]:
    """Split the text of a :class:`FleetError`, as another process told it, into sentence and hint.

    >>> parted("no room\\nhint: make some"), parted("no room")
    (('no room', 'make some'), ('no room', None))
    """
    sentence, _, hint = said.strip().partition(_HINT)
    return sentence, hint or None


class Unhealthy(FleetError):
    """The fleet runs, but not as it should."""

    exit_code = EXIT_UNHEALTHY


class UsageError(AirfleetError):
    """The command line is wrong."""

    exit_code = EXIT_USAGE


class WaitTimedOut(AirfleetError):
    """An awaited event did not happen in time."""

    exit_code = EXIT_WAIT_TIMED_OUT


class Stopped(BaseException):
    """A signal asks this process to end; not an error of anybody. The exit code is the shell's for that signal."""

    def __init__(self, number: int) -> None:
        self.name = signal.Signals(number).name
        self.exit_code = 128 + number
        super().__init__(f"ended by {self.name}")


class Suggestion(str):
    """A hint that one word stands for another: a sentence for people, and both words for programs."""

    __slots__ = ("meant", "wrong")
    wrong: str
    meant: str

    def __new__(cls, wrong: str, meant: str) -> Suggestion:
        """Make the sentence."""
        made = super().__new__(cls, f"did you mean '{meant}'?")
        made.wrong, made.meant = wrong, meant
        return made

    def __reduce__(self) -> tuple[type[Suggestion], tuple[str, str]]:
        """Give both words to copies."""
        return Suggestion, (self.wrong, self.meant)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Make a hint with the known word nearest to ``word``; None when none is near.

    >>> did_you_mean("extrct", ["extract", "load"])
    "did you mean 'extract'?"
    """
    near = nearest(word, known)
    return Suggestion(word, near) if near is not None else None


def listed(names: Collection[str], most: int = 12) -> str:
    """Names in a sentence; of very many, the first.

    >>> listed(["a", "b"]), listed("abcde", most=3)
    ('a, b', 'a, b, c and 2 more')
    """
    more = len(names) - most
    return ", ".join(itertools.islice(names, most)) + (f" and {more:,} more" if more > 0 else "")
