"""``hosts`` of fleet.yaml with one more, one less, or another place of one: all other lines stay as they are. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping as AbstractMapping
from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass, field
from typing import Any, Final

from airfleet.errors import FleetError, Place
from airfleet.yaml import nodes
from airfleet.yaml.nodes import Mapping, Scalar, Sequence
from airfleet.yaml.writing import flow, scalar, write

_ITEM: Final = re.compile(r"( *)- ")
#: a value on one line, quoted or not, from where it begins
_TOKEN: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|[^\s#,}\]](?:[^#,}\]\n]*[^\s#,}\]])?")
#: keys that say which host it is, and no other one
_OWN: Final = ("name", "address", "ssh")


class NotEditable(FleetError):
    """The file has its hosts in a form that is left to people."""


@dataclass(frozen=True)
class HostPlace:
    """The place of a host: what replaces ``address`` and ``ssh``; empty leaves what is there."""

    address: str = ""
    #: where one logs in, as the key ``ssh`` of a host
    ssh: str = ""

    @property
    def keys(self) -> AbstractMapping[str, str]:
        """Give the keys that it says something about."""
        found = {"address": self.address, "ssh": self.ssh}
        return {key: value for key, value in found.items() if value}


@dataclass(frozen=True)
class _Item:
    """One host, and its lines of the file: from ``first`` up to ``end``, counted from 0."""

    node: Mapping
    first: int
    end: int

    @property
    def name(self) -> str:
        return _text(self.node, "name")


@dataclass(frozen=True)
class HostsText:
    """A file of a fleet as its lines, and the hosts in it."""

    file: str
    text: str
    _items: tuple[_Item, ...] = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Name the hosts of this very file, in its order."""
        return tuple(item.name for item in self._items)

    # --- edits -------------------------------------------------------------------------------------

    def added(self, name: str, place: HostPlace, like: str) -> str:
        """Write the file with one host more, which has the components of another one. Raises NotEditable."""
        model, last = self._of(like), self._items[-1]
        own = {"name": name, **place.keys}
        node = Mapping((*_entries(own, model.node.place), *model.node.without(*_OWN).entries), model.node.place)
        lines = self._lines
        indent = _indent(lines[last.first])
        is_flow = lines[model.first][indent + 2 :].lstrip().startswith("{")
        text = f"- {flow(node)}\n" if is_flow else write(Sequence((node,), node.place))
        new = [f"{' ' * indent}{line}" for line in text.splitlines(keepends=True)]
        gap = ["\n"] if len(self._items) > 1 and not lines[last.first - 1].strip() else []
        changed = [*lines[: last.end], *gap, *new, *lines[last.end :]]
        return self._checked(changed, [*self._plain, nodes.plain(node)])

    def removed(self, name: str) -> str:
        """Write the file without a host, and without the comment above it. Raises NotEditable."""
        item, lines = self._of(name), self._lines
        first = item.first
        while item is not self._items[0] and lines[first - 1].lstrip().startswith("#"):
            first -= 1
        if not lines[first - 1].strip() and (item.end >= len(lines) or not lines[item.end].strip()):
            first -= 1
        kept = [plain for plain in self._plain if plain.get("name") != name]
        return self._checked([*lines[:first], *lines[item.end :]], kept)

    def moved(self, name: str, place: HostPlace) -> str:
        """Write the file with another address or login of a host. Raises NotEditable."""
        item, lines = self._of(name), self._lines
        for key, value in place.keys.items():
            if not _replace(lines, item.node, key, value):
                _insert(lines, item.node, key, value)
                lines = "".join(lines).splitlines(keepends=True)
        wanted = [{**one, **(place.keys if one.get("name") == name else {})} for one in self._plain]
        return self._checked(lines, wanted)

    # --- details -----------------------------------------------------------------------------------

    @property
    def _lines(self) -> list[str]:
        return self.text.splitlines(keepends=True)

    @property
    def _plain(self) -> list[dict[str, Any]]:
        return [nodes.plain(item.node) for item in self._items]

    def _of(self, name: str) -> _Item:
        found = [item for item in self._items if item.name == name]
        if len(found) != 1:
            raise NotEditable(
                f"{self.file} has no host '{name}' of its own", hint=f"its hosts are: {', '.join(self.names)}"
            )
        return found[0]

    def _checked(self, lines: AbstractSequence[str], wanted: AbstractSequence[AbstractMapping[str, Any]]) -> str:
        """Read what was made: it says what it should, whatever form the file has. Raises NotEditable."""
        text = "".join(lines)
        documents, problems = nodes.load(text, self.file)
        before, _ = nodes.load(self.text, self.file)
        expected = {**nodes.plain(before[0]), "hosts": list(wanted)}
        if problems or len(documents) != 1 or nodes.plain(documents[0]) != expected:
            raise _by_hand(self.file)
        return text


def read(text: str, file: str) -> HostsText:
    """Find the hosts of a file. Raises NotEditable when each does not begin on a line of its own."""
    if text and not text.endswith("\n"):
        text += "\n"
    documents, problems = nodes.load(text, file)
    top = documents[0] if documents and not problems else None
    hosts = top.get("hosts") if isinstance(top, Mapping) else None
    if not isinstance(hosts, Sequence) or not hosts.items:
        raise NotEditable(f"{file} has no list 'hosts' with a host in it")
    lines = text.splitlines(keepends=True)
    firsts = [_first_line(item, lines, file) for item in hosts.items]
    ends = [*firsts[1:], _end_of_list(lines, firsts[-1])]
    items = (
        _Item(item, first, _trimmed(lines, first, end))
        for item, first, end in zip(hosts.items, firsts, ends, strict=True)
        if isinstance(item, Mapping)
    )
    return HostsText(file, text, tuple(items))


def _first_line(item: nodes.Node, lines: AbstractSequence[str], file: str) -> int:
    line = item.place.line - 1
    if not isinstance(item, Mapping) or not _ITEM.match(lines[line]):
        raise _by_hand(file)
    return line


def _end_of_list(lines: AbstractSequence[str], first: int) -> int:
    """Find the line after a list, of which the last item begins at ``first``."""
    indent = _indent(lines[first])
    for number in range(first + 1, len(lines)):
        if lines[number].strip() and _indent(lines[number]) <= indent and not lines[number].lstrip().startswith("#"):
            return number
    return len(lines)


def _trimmed(lines: AbstractSequence[str], first: int, end: int) -> int:
    """Leave out empty lines and comments at the end: they belong to what follows."""
    while end > first + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return end


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _text(node: Mapping, key: str) -> str:
    value = node.get(key)
    return str(value.value) if isinstance(value, Scalar) else ""


def _entries(values: AbstractMapping[str, str], place: Place) -> tuple[tuple[Scalar, Scalar], ...]:
    return tuple((Scalar(key, key, place), Scalar(value, value, place)) for key, value in values.items())


def _token(value: str, place: Place) -> str:
    return scalar(Scalar(value, value, place), in_flow=True)


def _replace(lines: list[str], node: Mapping, key: str, value: str) -> bool:
    """Put another value where one stands; False when there is none."""
    old = node.get(key)
    if not isinstance(old, Scalar):
        return False
    line, column = old.place.line - 1, old.place.column - 1
    if found := _TOKEN.match(lines[line], column):
        lines[line] = lines[line][:column] + _token(value, old.place) + lines[line][found.end() :]
    return bool(found)


def _insert(lines: list[str], node: Mapping, key: str, value: str) -> None:
    """Put a key behind the address, which every host has: on its line in ``{…}``, on the next one elsewhere."""
    address = next((known for known, _ in node.entries if known.text == "address"), None)
    where = node.get("address")
    if address is None or where is None:
        return
    line, column = where.place.line - 1, where.place.column - 1
    found = _TOKEN.match(lines[line], column)
    added = f"{key}: {_token(value, where.place)}"
    if found and "{" in lines[line][: address.place.column - 1]:
        lines[line] = f"{lines[line][: found.end()]}, {added}{lines[line][found.end() :]}"
    else:
        lines[line] += f"{' ' * (address.place.column - 1)}{added}\n"


def _by_hand(file: str) -> NotEditable:
    hint = "write each host on lines of its own, as '  - name: …' or '  - {name: …}', or edit it yourself and deploy"
    return NotEditable(f"{file} has its hosts in a form that this command does not edit", hint=hint)
