"""Whether the file of allowed signers, which ``policies.push.signed_by`` names, is there and every line of it is taken.

A fleet starts without it: its live release goes on, and ``airfleet status`` says what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from airfleet.errors import Place, Problem
from airfleet.problem_codes import Code

if TYPE_CHECKING:
    from airfleet.fleet.config.spec import Fleet
    from airfleet.yaml import nodes

PATH: Final = "policies.push.signed_by"
HINT: Final = "a line has a name and a public key, as in: ada@shop.example ssh-ed25519 AAAAC3…"
_PATTERN: Final = re.compile(r"[*?!]")


def problems(fleet: Fleet, fleet_file: Path, environ: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what is wrong with the file of a fleet that asks for signatures."""
    name = fleet.policies.push.signed_by
    if not name:
        return
    path = Path(fleet.root, name)
    try:
        text = path.read_bytes()
    except OSError as wrong:
        why = f"there is no file '{name}' beside fleet.yaml"
        if not isinstance(wrong, FileNotFoundError):
            why = f"the file '{name}' cannot be read: {wrong.strerror}"
        yield Problem(_place(fleet_file, environ), PATH, f"{why}: no host would take a release", HINT, Code.FLEET)
        return
    yield from _of_text(text, str(path))


def _of_text(text: bytes, file: str) -> Iterator[Problem]:
    """Yield the problems of a file; those of lines that ssh-keygen knows, where there is one."""
    lines = [Line(number, line) for number, line in enumerate(text.decode(errors="replace").splitlines(), 1)]
    people = [line for line in lines if line.names]
    if not people:
        yield Problem(Place(file), "", "names nobody: no host would take a release", HINT, Code.FLEET)
    for line in people:
        if _PATTERN.search(line.names) and "cert-authority" not in line.text:
            sentence = f"'{line.names}' is a pattern: who pushed and who approved could not be told apart"
            yield Problem(Place(file, line.number), "", sentence, "write the name of one person", Code.FLEET)
    for number, why in _complaints(text):
        yield Problem(Place(file, number), "", f"ssh-keygen does not take this line: {why}", HINT, Code.FLEET)


@dataclass(frozen=True)
class Line:
    """A line of a file of allowed signers."""

    number: int
    text: str

    @property
    def names(self) -> str:
        """Return the names at its beginning; empty of a comment.

        >>> Line(1, "ada,ada@home ssh-ed25519 AAAA").names, Line(2, "# people").names
        ('ada,ada@home', '')
        """
        words = self.text.split()
        return "" if not words or words[0].startswith("#") else words[0]


def _complaints(text: bytes) -> tuple[tuple[int, str], ...]:
    from airfleet.releases.policies import ssh_keygen

    try:
        return tuple(ssh_keygen.complaints(text))
    except ssh_keygen.CannotVerify:  # it is needed where releases are pushed and live, which a check need not be
        return ()


def _place(fleet_file: Path, environ: Mapping[str, str]) -> Place:
    """Find the place of ``signed_by``, in fleet.yaml or its overlay."""
    from airfleet.fleet.config import reader

    top = reader.load_files(fleet_file, environ).top
    found = _value(_value(_value(top, "policies"), "push"), "signed_by")
    return found.place if found is not None else Place(str(fleet_file))


def _value(node: nodes.Node | None, key: str) -> nodes.Node | None:
    from airfleet.yaml import nodes

    entries = node.entries if isinstance(node, nodes.Mapping) else ()
    return next((value for name, value in entries if name.text == key), None)
