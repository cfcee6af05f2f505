"""Errors of airfleet's own code in the logs of a fleet's components, which no fault from outside explains.

A component that such an error ends is started again, and its work goes on: a test that asks for the work alone does not
see it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import airfleet

SOURCE = Path(airfleet.__file__).parent
#: of code that took a value for something else; faults of servers, files and networks have other classes
_TYPES = (
    "ArithmeticError|AssertionError|AttributeError|ImportError|IndexError|KeyError|ModuleNotFoundError|NameError"
    "|NotImplementedError|RecursionError|TypeError|UnboundLocalError|ZeroDivisionError"
)
_ERROR = re.compile(rf"(?:{_TYPES})(?::|$)")
_FRAME = re.compile(r'\s+File "([^"]+)", line \d+')
#: the error before it was handled
_CHAIN = ("The above exception was the direct cause", "During handling of the above exception")


def find(project: Path) -> list[str]:
    """Find them in the logs of every host in a project's folder; file, place and error of each kind once."""
    found = (f"{file.name}: {error}" for file in sorted(project.glob(".airfleet/**/logs/*.log")) for error in _in(file))
    return list(dict.fromkeys(found))


def _in(file: Path) -> Iterator[str]:
    with file.open(errors="replace") as lines:
        yield from errors(lines)


def errors(lines: Iterable[str]) -> Iterator[str]:
    """Give the place and the error of each traceback of such a type whose last frame is airfleet's."""
    frame, ended = "", ""
    for line in lines:
        if ended and line.strip():
            if not line.startswith(_CHAIN):
                yield ended
            frame = ended = ""
        if found := _FRAME.match(line):
            frame = found.group(1)
        elif _ERROR.match(line) and Path(frame).is_relative_to(SOURCE):
            ended = f"{Path(frame).relative_to(SOURCE)}: {line.strip()}"
        elif line.startswith("Traceback "):
            frame = ""
    if ended:
        yield ended
