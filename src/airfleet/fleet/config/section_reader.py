"""How values are taken out of nodes: each of the right kind, and a problem for each that is not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

from airfleet.errors import Place, did_you_mean
from airfleet.fleet.config.interpolation import References
from airfleet.fleet.config.keys import Key, Table
from airfleet.fleet.config.kinds import KINDS
from airfleet.problem_codes import Code
from airfleet.yaml import nodes, problems, secret_detection
from airfleet.yaml.durations import seconds
from airfleet.yaml.nodes import is_null
from airfleet.yaml.problems import Placed, Report
from airfleet.yaml.sizes import parse_size

T = TypeVar("T", bound=str)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
NAME_RULE = "may only have letters, digits, '.', '_' and '-', and starts with a letter or digit"
IN_THE_FILE = "a password must not stand in the file"
NO_VALUE = 'write "" for an empty text, or leave it out'
WHERE_INSTEAD = "write ${{ secrets.NAME }} (a file in the folder of secrets) or ${{ env.NAME }}"


@dataclass(kw_only=True)
class FleetReading(Report):
    """One reading of a fleet's files: the report, and the values that references stand for."""

    references: References

    def problem(self, at: Placed, path: str, sentence: str, hint: str | None = None, code: Code = Code.FLEET) -> None:
        """Note a problem of the value at ``path``, unless its place is settled."""
        super().problem(at, path, sentence, hint, code)

    def is_hidden(self, text: str) -> bool:
        """Tell whether the value is unknown to this reading, which so cannot judge it."""
        return self.references.lenient and secret_detection.MASK in text

    def section(self, node: nodes.Node, path: str, table: Table) -> Section:
        """Read the mapping at ``path``, with the keys that ``table`` knows; others are problems."""
        found: dict[str, nodes.Node] = {}
        for key, value in self.entries(node, path):
            if key.text in table:
                found[key.text] = value
            else:
                hint = did_you_mean(key.text, table) or f"known keys: {', '.join(table)}"
                self.problem(key, joined(path, key.text), f"unknown key '{key.text}'", hint)
        made = Section(self, path, node.place, table, found)
        if isinstance(node, nodes.Mapping) or is_null(node):
            made.require()
        return made

    def entries(self, node: nodes.Node, path: str) -> tuple[tuple[nodes.Scalar, nodes.Node], ...]:
        """Read the keys and values of a mapping; null is an empty one."""
        if isinstance(node, nodes.Mapping):
            return node.entries
        if not is_null(node):
            self.problem(node, path, "must be a mapping of keys to values")
        return ()

    def items(self, node: nodes.Node | None, path: str) -> Iterator[tuple[str, nodes.Node]]:
        """Read the items of a list and their paths."""
        if isinstance(node, nodes.Sequence):
            yield from ((f"{path}[{number}]", item) for number, item in enumerate(node.items))
        elif node is not None:
            self.problem(node, path, "must be a list")

    def strings(self, node: nodes.Node | None, path: str) -> dict[str, str]:
        """Read a mapping of names to single values, as text."""
        entries = self.entries(node, path) if node is not None else ()
        found = {key.text: self.value(value, joined(path, key.text), key.text) for key, value in entries}
        return {name: value for name, value in found.items() if value is not None}

    def value(self, node: nodes.Node, path: str, key: str) -> str | None:
        """Read a value as text; None, and a problem, when it is none or a plain secret."""
        if not isinstance(node, nodes.Scalar):
            self.problem(node, path, "must be one value, not a list or a mapping")
            return None
        if node.value is None:
            self.problem(node, path, "has no value", NO_VALUE)
            return None
        # true and false are no password, but ``use_token``; a number may be one
        if not isinstance(node.value, bool) and secret_detection.stands_at(key, node.text):
            self.problem(node, path, IN_THE_FILE, WHERE_INSTEAD)
            return None
        return self.resolved(node, path)

    def resolved(self, node: nodes.Scalar, path: str) -> str | None:
        """Resolve the references of a text; None, and problems, when one has no value."""
        if secret_detection.has_password(node.text):
            self.problem(node, path, IN_THE_FILE, WHERE_INSTEAD)
            return None
        text, missing = self.references.resolved(node.text)
        for wrong in missing:
            self.problem(node, path, wrong.sentence, wrong.hint)
        if unfit := _unfit(text):
            self.problem(node, path, unfit)
        return None if missing or unfit else text


@dataclass(frozen=True)
class Section:
    """The known keys of one mapping. The default stands for a missing or wrong value."""

    reading: FleetReading
    path: str
    place: Place
    table: Table
    found: Mapping[str, nodes.Node]

    def __contains__(self, key: str) -> bool:
        return key in self.found

    def require(self) -> None:
        """Note every key that must be there and is not."""
        for key, known in self.table.items():
            if known.required and key not in self.found:
                self.reading.problem(self, self.path, f"'{key}' is missing: {known.says}")

    def get(self, key: str) -> nodes.Node | None:
        """Find the node of a key."""
        return self.found.get(key)

    def at(self, key: str) -> str:
        """Give the path of a key."""
        return joined(self.path, key)

    def wrong(self, key: str, sentence: str, hint: str | None = None) -> None:
        """Note a problem of the value of a key; of a missing key, at the place of the section."""
        self.reading.problem(self.found.get(key, self), self.at(key), sentence, hint)

    def text(self, key: str, default: str) -> str:
        """Read a text."""
        node = self.found.get(key)
        if node is None:
            return default
        if not isinstance(node, nodes.Scalar) or node.value is None:
            self.wrong(key, "must be text")
            return default
        found = self.reading.value(node, self.at(key), key)
        return default if found is None else found

    def name(self, key: str, default: str) -> str:
        """Read a text that can be a name."""
        found = self.text(key, default)
        if found != default and not NAME.fullmatch(found) and not self.reading.is_hidden(found):
            self.wrong(key, f"'{found}' {NAME_RULE}")
            return default
        return found

    def choice(self, key: str, default: T) -> T:
        """Read one of the key's words."""
        choices = self.table[key].choices
        found = self.text(key, default)
        if found not in choices and not self.reading.is_hidden(found):
            self.wrong(key, f"must be {' or '.join(choices)}, not '{found}'", did_you_mean(found, choices))
            return default
        return cast(T, found)

    def integer(self, key: str, default: int | None = None) -> int | None:
        """Read a whole number in the key's range."""
        return self._scalar(key, default, lambda node: whole(node, self.table[key]))

    def boolean(self, key: str, default: bool) -> bool:
        """Read true or false."""
        found = self._scalar(key, default, lambda node: node.value if isinstance(node.value, bool) else None)
        return bool(found)

    def size(self, key: str) -> int | None:
        """Read a number of bytes."""
        found = self._scalar(key, None, lambda node: parse_size(node.text))
        return self._positive(key, found)

    def duration(self, key: str) -> float | None:
        """Read a number of seconds."""
        found = self._scalar(key, None, lambda node: seconds(node.text))
        return self._positive(key, found)

    def names(self, key: str, default: tuple[str, ...], rule: re.Pattern[str], says: str) -> tuple[str, ...]:
        """Read a list of texts that ``rule`` allows; ``says`` describes the fault of others."""
        found: list[str] = []
        for path, item in self.reading.items(self.found.get(key), self.at(key)):
            if not isinstance(item, nodes.Scalar) or item.value is None:
                self.reading.problem(item, path, "must be text")
            elif (text := self.reading.resolved(item, path)) is not None:
                if not rule.fullmatch(text) and not self.reading.is_hidden(text):
                    self.reading.problem(item, path, f"'{text}' {says}")
                found.append(text)
        return tuple(found) if key in self.found else default

    def strings(self, key: str) -> dict[str, str]:
        """Read a mapping of names to single values, as text."""
        return self.reading.strings(self.found.get(key), self.at(key))

    def _positive(self, key: str, found: V) -> V:
        if found == 0:
            self.wrong(key, "must be more than nothing")
        return found

    def _scalar(self, key: str, default: V, read: Callable[[nodes.Scalar], V | None]) -> V:
        node = self.found.get(key)
        if node is None:
            return default
        found = read(node) if isinstance(node, nodes.Scalar) else None
        if found is None:
            self.wrong(key, f"must be {_wanted(self.table[key])}")
            return default
        return found


V = TypeVar("V", bound=int | float | bool | None)


def whole(node: nodes.Node, key: Key) -> int | None:
    """Read a whole number in the range of ``key``; None for anything else."""
    value = node.value if isinstance(node, nodes.Scalar) else None
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return cast(int, value) if is_number and key.takes(cast(int, value)) else None


def _unfit(text: str) -> str | None:
    """Say why a text cannot stand in files, environments and names of files; None when it can."""
    if "\0" in text:
        return "must not have a character NUL"
    try:
        text.encode()
    except UnicodeEncodeError:  # the environment may hold any bytes
        return "must be UTF-8"
    return None


def joined(path: str, key: str) -> str:
    """Return the path of a key below another, on one line."""
    return problems.joined(path, key if key.isprintable() else repr(key))


def _wanted(key: Key) -> str:
    limits = "" if key.maximum is None else f" from {key.minimum} to {key.maximum}"
    return KINDS[key.kind].wanted + limits
