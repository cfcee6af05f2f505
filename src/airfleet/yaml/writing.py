"""Nodes as YAML text: blocks for what is long, one line for what is short, and the comments of where it comes from."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Final

from airfleet.yaml import nodes
from airfleet.yaml.comments import Comments
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence
from airfleet.yaml.scalars import scalar_value

WIDTH: Final = 110
#: keys of a mapping on one line
_SHORT: Final = 3
_NO_COMMENTS: Final = Comments()
#: words that other versions of YAML read as true, false or null
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "none"})
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./$*+@(-](?:[^\x00-\x1f\x7f-\x9f:#]|:(?![ \t]|\Z)|(?<![ \t])#)*", re.DOTALL)
_PLAIN_IN_FLOW: Final = re.compile(r"[^\[\]{},]*")


def write(node: Node, known: Comments = _NO_COMMENTS) -> str:
    """Write one document. Reading it again gives the same values."""
    writer = _Writer(known)
    lines = writer.block(node, 0)
    written = "\n".join(lines) + "\n"
    documents, problems = nodes.load(written, "written")
    if problems or len(documents) != 1 or nodes.plain(documents[0]) != nodes.plain(node):
        return json.dumps(nodes.plain(node), ensure_ascii=False, indent=2, default=str) + "\n"
    return written


@dataclass
class _Writer:
    """One document that is written; each comment is written once."""

    known: Comments
    _above: set[int] = field(default_factory=set)
    _behind: set[int] = field(default_factory=set)

    def block(self, node: Node, indent: int) -> list[str]:
        """Give the lines of a value that begins on a line of its own."""
        space = " " * indent
        if isinstance(node, Mapping) and node.entries:
            return [line for key, value in node.entries for line in self.entry(key, value, indent)]
        if isinstance(node, Sequence) and node.items:
            return [line for item in node.items for line in self.item(item, indent)]
        return [space + flow(node)]

    def entry(self, key: Scalar, value: Node, indent: int) -> list[str]:
        """Give the lines of one key and its value."""
        space = " " * indent
        above = [space + line for line in self.above(key)]
        name = scalar(Scalar(key.text, key.text, key.place, quoted=True), in_flow=False)
        short = flow(value)
        if isinstance(value, Scalar):
            return [*above, *self.scalar_entry(f"{space}{name}: ", value, indent)]
        if not _is_long(value, short, len(space) + len(name)):
            return [*above, f"{space}{name}: {short}{self.behind(key.place.line)}"]
        behind = self.behind(key.place.line) if key.place != value.place else ""
        return [*above, f"{space}{name}:{behind}", *self.block(value, indent + 2)]

    def scalar_entry(self, before: str, value: Scalar, indent: int) -> list[str]:
        """Give the lines of a plain value; a text of several lines is a block."""
        text = value.value
        if isinstance(text, str) and "\n" in text.rstrip("\n") and _fits_block(text):
            sign = "|" if text.endswith("\n") else "|-"
            lines = text.removesuffix("\n").split("\n")
            return [before + sign, *(" " * (indent + 2) + line if line else "" for line in lines)]
        return [before + scalar(value, in_flow=False) + self.behind(value.place.line)]

    def item(self, node: Node, indent: int) -> list[str]:
        """Give the lines of one item of a list."""
        space = " " * indent
        short = flow(node)
        if isinstance(node, Scalar):
            above = [space + line for line in self.above(node)]
            return [*above, *self.scalar_entry(f"{space}- ", node, indent)]
        first = node.entries[0][0] if isinstance(node, Mapping) and node.entries else node
        above = [space + line for line in self.above(first)]
        if not _is_long(node, short, indent):
            return [*above, f"{space}- {short}{self.behind(node.place.line)}"]
        inner = self.block(node, indent + 2)
        return [*above, f"{space}- {inner[0][indent + 2 :]}", *inner[1:]]

    def above(self, node: Scalar | Sequence | Mapping) -> tuple[str, ...]:
        """Give the comments above the line of a value, the first time."""
        line = node.place.line
        if line in self._above:
            return ()
        self._above.add(line)
        return self.known.above.get(line, ())

    def behind(self, line: int) -> str:
        """Give the comment behind a value, the first time."""
        if line in self._behind or line not in self.known.behind:
            return ""
        self._behind.add(line)
        return f"  {self.known.behind[line]}"


def _is_long(node: Sequence | Mapping, short: str, before: int) -> bool:
    """Tell whether a value takes lines of its own: what is nested, and what no line holds."""
    if len(short) + before + 4 > WIDTH or "\n" in short:
        return True
    inner = node.items if isinstance(node, Sequence) else [value for _, value in node.entries]
    if any(isinstance(one, Scalar) and "\n" in one.text for one in inner):
        return True
    if isinstance(node, Mapping) and _is_marker(node):
        return False
    if isinstance(node, Sequence):
        return not all(isinstance(one, Scalar) or _is_marker(one) for one in inner)
    if len(inner) > _SHORT:
        return True
    return not all(isinstance(one, Scalar) or _is_marker(one) or not _has_inside(one) for one in inner)


def _has_inside(node: Node) -> bool:
    return bool(node.items if isinstance(node, Sequence) else node.entries if isinstance(node, Mapping) else ())


def _is_marker(node: Node) -> bool:
    """Tell whether a value is a marker that fits on a line."""
    if not isinstance(node, Mapping) or len(node.entries) != 1:
        return False
    key, value = node.entries[0]
    return key.text.startswith("$") and not (isinstance(value, Scalar) and "\n" in value.text)


def _fits_block(text: str) -> bool:
    """Tell whether a text can be a block as it is: no line begins or ends with what a block changes."""
    lines = text.removesuffix("\n").split("\n")
    if text.endswith("\n\n") or not lines[0].strip() or lines[0][0] in " \t":
        return False
    return all(line.isprintable() or line.replace("\t", " ").isprintable() for line in lines)


def flow(node: Node) -> str:
    """Write a value on one line."""
    if isinstance(node, Scalar):
        return scalar(node, in_flow=True)
    if isinstance(node, Sequence):
        return "[" + ", ".join(map(flow, node.items)) + "]"
    keys = (scalar(Scalar(key.text, key.text, key.place, quoted=True), in_flow=True) for key, _ in node.entries)
    return "{" + ", ".join(f"{key}: {flow(value)}" for key, (_, value) in zip(keys, node.entries, strict=True)) + "}"


def scalar(node: Scalar, *, in_flow: bool) -> str:
    """Write a plain value so that it is read as the same."""
    if not isinstance(node.value, str):
        same = not node.quoted and _same(scalar_value(node.text), node.value)
        return node.text if same and node.text else _literal(node.value)
    text = node.value
    if _is_plain(text, in_flow):
        return text
    if text.isprintable() and ("'" not in text or '"' in text or "\\" in text):
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, text)) + '"'


_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}


def _escaped(character: str) -> str:
    """Write one character inside double quotes."""
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and (one == other or one != one)


def _literal(value: object) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return str(value)


def _is_plain(text: str, in_flow: bool) -> bool:
    if not text or text != text.strip() or text.lower() in _WORDS or not isinstance(scalar_value(text), str):
        return False
    if text.startswith(("-", "*", "?", "!", "&", "%", "@", "`", "(")) or not _PLAIN.fullmatch(text):
        return False
    if ":" in text and re.fullmatch(r"[\d:.]+", text):  # a number of minutes to YAML 1.1
        return False
    return not in_flow or _PLAIN_IN_FLOW.fullmatch(text) is not None
