"""Errors of airfleet's own code in the logs of a fleet's components, which no fault from outside explains.

A component that such an error ends is started again, and the agent goes on after one: a test that asks for the work
alone does not see it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import airfleet
from airfleet.events import Event

SOURCE = Path(airfleet.__file__).parent
#: of code that took a value for something else; faults of servers, files and networks have other classes
_TYPES = (
    "ArithmeticError|AssertionError|AttributeError|ImportError|IndexError|KeyError|ModuleNotFoundError|NameError"
    "|NotImplementedError|RecursionError|TypeError|UnboundLocalError|ZeroDivisionError"
)
_ERROR = re.compile(rf"(?:{_TYPES})(?::|$)|RuntimeError: .* during iteration")
_FRAME = re.compile(r'\s+File "([^"]+)", line \d+')
#: begins the data of a line of the agent's log about an error that none of its code expected
SURPRISED = f'{{"action": "{Event.SURPRISED.name.lower()}"'
#: the error before it was handled
_CHAIN = ("The above exception was the direct cause", "During handling of the above exception")


def find(project: Path) -> list[str]:
    """Find them in the logs of every host in a project's folder; file, place and error of each kind once."""
    files = sorted(project.glob(".airfleet/**/logs/*.log*"))  # also those that were set aside
    return list(dict.fromkeys(f"{file.name}: {error}" for file in files for error in _in(file)))


def _in(file: Path) -> Iterator[str]:
    with suppress(FileNotFoundError), file.open(errors="replace") as lines:  # set aside since it was found
        yield from errors(lines)


def errors(lines: Iterable[str]) -> Iterator[str]:
    """Give the place and the error of each traceback of such a type whose last frame is airfleet's.

    The agent writes a line about an error of its own, and goes on: of those it gives the part and the error.
    """
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
        elif (surprise := _surprise(line)) and _ERROR.match(surprise["why"]):
            yield f"{surprise['part']}: {surprise['why']}"
    if ended:
        yield ended


def _surprise(line: str) -> dict[str, str]:
    """Read the data of a line about an unexpected error; empty of another line, and of one that a full disk cut."""
    place = line.find(SURPRISED)
    try:
        return dict(json.loads(line[place:])) if place >= 0 else {}
    except ValueError:
        return {}
