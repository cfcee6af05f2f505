"""The functions of ``${{ }}``: pure, and bounded in what they make."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NoReturn

from airfleet.errors import Place, Problem
from airfleet.pipelines.language.expressions.scope import LONGEST_TEXT, MOST_CHARACTERS, MOST_ITEMS, Scope
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence, plain
from airfleet.yaml.problems import Hints
from airfleet.yaml.scalars import scalar_value


class Refused(Exception):
    """A function has no value for what it was given."""

    def __init__(self, sentence: str, hint: str | None = None, *, is_missing: bool = False) -> None:
        self.sentence = sentence
        self.hint = hint
        self.is_missing = is_missing
        super().__init__(sentence)


@dataclass(frozen=True)
class Maker:
    """Makes the values of one expression, at its place, as long as the file may make more."""

    scope: Scope
    place: Place
    hints: Hints

    def text(self, value: str) -> Scalar:
        """Make a text."""
        if len(value) > LONGEST_TEXT:
            refuse(f"the text gets longer than {LONGEST_TEXT:,} characters")
        self.charge(characters=len(value))
        return Scalar(value, value, self.place, quoted=True)

    def number(self, value: int | float, written: str | None = None) -> Scalar:
        """Make a number."""
        return Scalar(value, written if written is not None else str(value), self.place)

    def truth(self, value: bool) -> Scalar:
        """Make true or false."""
        return Scalar(value, "true" if value else "false", self.place)

    def items(self, nodes: Iterable[Node]) -> Sequence:
        """Make a list of values that are there already."""
        found = tuple(nodes)
        if len(found) > MOST_ITEMS:
            refuse(f"the list gets more than {MOST_ITEMS:,} items")
        self.charge(items=len(found))
        return Sequence(found, self.place)

    def texts(self, values: list[str]) -> Sequence:
        """Make a list of texts."""
        if len(values) > MOST_ITEMS:
            refuse(f"the list gets more than {MOST_ITEMS:,} items")
        return self.items([self.text(value) for value in values])

    def charge(self, characters: int = 0, items: int = 0) -> None:
        """Count what is made."""
        if not self.scope.allowance.takes(characters, items):
            refuse(TOO_MUCH, "put large texts into files, and let the tasks read them")


TOO_MUCH: Final = f"the '${{{{ }}}}' of this file make more than {MOST_CHARACTERS:,} characters"


@dataclass(frozen=True)
class Function:
    """A function: how it is written, how many values it takes, and its work."""

    written: str
    says: str
    least: int
    most: int
    run: Callable[..., Node]

    def wrong_number(self, given: int) -> str | None:
        """Say why so many arguments are wrong."""
        if self.least <= given <= self.most:
            return None
        some = str(self.least) if self.least == self.most else f"{self.least} to {self.most}"
        return f"takes {some} value{'' if some == '1' else 's'}, not {given}"


def refuse(sentence: str, hint: str | None = None) -> NoReturn:
    """End a function without a value."""
    raise Refused(sentence, hint)


def written_out(node: Node) -> str | None:
    """Write a plain value as it stands in text; None for a list or mapping.

    Numbers and dates stay as they were written, null is nothing, and true and false are small.
    """
    if not isinstance(node, Scalar):
        return None
    if node.value is None or isinstance(node.value, bool):
        return "" if node.value is None else str(node.value).lower()
    return node.text


def shape(node: Node) -> str:
    """Name the kind of a value."""
    if isinstance(node, Scalar):
        kinds = {type(None): "null", bool: "true or false", str: "a text", int: "a number", float: "a number"}
        return kinds.get(type(node.value), "a date")
    return "a list" if isinstance(node, Sequence) else "a mapping"


def _text(node: Node) -> str:
    found = written_out(node)
    return found if found is not None else refuse(f"takes a text, not {shape(node)}")


def _list(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Sequence) else refuse(f"takes a list, not {shape(node)}")


def _mapping(node: Node) -> Mapping:
    return node if isinstance(node, Mapping) else refuse(f"takes a mapping, not {shape(node)}")


def _number(node: Node) -> int | float:
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, str):
        value = scalar_value(value.strip())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    given = f"the text '{node.text[:60]}'" if isinstance(node, Scalar) and isinstance(node.value, str) else shape(node)
    return refuse(f"takes a number, not {given}")


def _whole(node: Node) -> int:
    value = _number(node)
    return value if isinstance(value, int) else refuse(f"takes a whole number, not {value}")


def _upper(make: Maker, text: Node) -> Node:
    return make.text(_text(text).upper())


def _lower(make: Maker, text: Node) -> Node:
    return make.text(_text(text).lower())


def _trim(make: Maker, text: Node) -> Node:
    return make.text(_text(text).strip())


def _slug(make: Maker, text: Node) -> Node:
    written = _text(text)
    make.charge(characters=len(written))
    letters = unicodedata.normalize("NFKD", written).encode("ascii", "ignore").decode()
    return make.text(re.sub(r"[^a-z0-9]+", "_", letters.lower()).strip("_"))


def _split(make: Maker, text: Node, separator: Node | None = None) -> Node:
    mark = _text(separator) if separator is not None else None
    if mark == "":
        refuse("takes a separator that is not empty")
    written = _text(text)
    make.charge(characters=len(written))
    return make.texts([part.strip() if mark == "," else part for part in written.split(mark, MOST_ITEMS)])


def _lines(make: Maker, text: Node) -> Node:
    written = _text(text)
    make.charge(characters=len(written))
    return make.texts([line.strip() for line in written.splitlines() if line.strip()])


def _join(make: Maker, items: Node, separator: Node | None = None) -> Node:
    mark = _text(separator) if separator is not None else ","
    texts = []
    length = 0
    for item in _list(items):
        if (text := written_out(item)) is None:
            refuse(f"takes a list of texts, and one item is {shape(item)}")
        length += len(text) + len(mark)
        if length > LONGEST_TEXT + len(mark):
            refuse(f"the text gets longer than {LONGEST_TEXT:,} characters")
        texts.append(text)
    return make.text(mark.join(texts))


def _replace(make: Maker, text: Node, old: Node, new: Node) -> Node:
    written, before, after = _text(text), _text(old), _text(new)
    if not before:
        refuse("takes a text to replace that is not empty")
    make.charge(characters=len(written))
    if len(written) + written.count(before) * (len(after) - len(before)) > LONGEST_TEXT:
        refuse(f"the text gets longer than {LONGEST_TEXT:,} characters")
    return make.text(written.replace(before, after))


def _range(make: Maker, *bounds: Node) -> Node:
    numbers = [_whole(bound) for bound in bounds]
    if len(numbers) == 3 and numbers[2] == 0:
        refuse("takes steps that are not 0")
    found = range(*numbers)
    if (found.stop - found.start) // found.step > MOST_ITEMS:
        refuse(f"the list gets more than {MOST_ITEMS:,} items")
    return make.items([make.number(number) for number in found])


def _len(make: Maker, value: Node) -> Node:
    if isinstance(value, Sequence):
        return make.number(len(value.items))
    if isinstance(value, Mapping):
        return make.number(len(value.entries))
    return make.number(len(_text(value)))


def _keys(make: Maker, mapping: Node) -> Node:
    return make.texts([key.text for key, _ in _mapping(mapping).entries])


def _values(make: Maker, mapping: Node) -> Node:
    return make.items(value for _, value in _mapping(mapping).entries)


def _items(make: Maker, mapping: Node) -> Node:
    names = Scalar("key", "key", make.place), Scalar("value", "value", make.place)
    found = _mapping(mapping).entries
    make.charge(items=2 * len(found))
    keys = [(Scalar(key.text, key.text, key.place, quoted=True), value) for key, value in found]
    return make.items(Mapping(tuple(zip(names, pair, strict=True)), make.place) for pair in keys)


def _as_number(make: Maker, value: Node) -> Node:
    number = _number(value)
    return make.number(number, value.text.strip() if isinstance(value, Scalar) else None)


def _as_text(make: Maker, value: Node) -> Node:
    return make.text(_text(value))


def _json(make: Maker, value: Node) -> Node:
    try:
        return make.text(json.dumps(plain(value), default=str, ensure_ascii=False))
    except ValueError:  # a number of thousands of digits
        return refuse("holds a number that is too long")


def _file(make: Maker, path: Node) -> Node:
    found = make.scope.read_file(_text(path), make.place.file)
    if isinstance(found, Problem):
        refuse(found.sentence, found.hint)
    return make.text(found)


def _env(make: Maker, name: Node) -> Node:
    return from_environment(_text(name), make)


def from_environment(name: str, make: Maker) -> Node:
    """Find a variable of the environment."""
    if name in make.scope.environ:
        value = make.scope.environ[name]
        return Scalar(value, value, make.place, quoted=True)
    hint = make.hints.did_you_mean(name, make.scope.environ)
    default = f"give a default: ${{{{ env.{name} or 'text' }}}}"
    raise Refused(f"the environment has no '{name}'", hint or default, is_missing=True)


def _first(make: Maker, *values: Node) -> Node:
    """Stand for ``default``, whose values the evaluation looks at one by one."""
    raise NotImplementedError


#: every function, in the order of the reference page
FUNCTIONS: Final[dict[str, Function]] = {
    "default": Function("default(a, b)", "`a`; `b` if `a` is not there, null or empty", 2, 9, _first),
    "upper": Function("upper(text)", "the text in capitals", 1, 1, _upper),
    "lower": Function("lower(text)", "the text in small letters", 1, 1, _lower),
    "trim": Function("trim(text)", "the text without space around it", 1, 1, _trim),
    "slug": Function("slug(text)", "the text as a part of an id: `Nord & Süd` is `nord_sud`", 1, 1, _slug),
    "replace": Function("replace(text, old, new)", "the text with every `old` as `new`", 3, 3, _replace),
    "split": Function("split(text, ',')", "the parts of a text; without a separator, its words", 1, 2, _split),
    "lines": Function("lines(text)", "the lines of a text that are not empty", 1, 1, _lines),
    "join": Function("join(list, ', ')", "the items as one text; without a separator, with commas", 1, 2, _join),
    "range": Function("range(3)", "0, 1, 2; `range(1, 4)` is 1, 2, 3; `range(0, 10, 5)` is 0, 5", 1, 3, _range),
    "len": Function("len(value)", "how many items, keys or characters there are", 1, 1, _len),
    "keys": Function("keys(mapping)", "the keys of a mapping", 1, 1, _keys),
    "values": Function("values(mapping)", "the values of a mapping", 1, 1, _values),
    "items": Function("items(mapping)", "a list of mappings with `key` and `value`", 1, 1, _items),
    "number": Function("number(text)", "the number that a text says", 1, 1, _as_number),
    "text": Function("text(value)", "the value as text, as it was written", 1, 1, _as_text),
    "json": Function("json(value)", "the value as JSON", 1, 1, _json),
    "file": Function("file('path')", "the text of a file of the project, by its path from here", 1, 1, _file),
    "env": Function("env('NAME')", "the same as `env.NAME`, for names that are put together", 1, 1, _env),
}
