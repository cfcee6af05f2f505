"""YAML text as nodes that remember where they stand.

The only module that reads YAML. It uses libyaml's parser when PyYAML has it (about ten times faster than the Python
one), keeps line and column of every key and value, and reports broken YAML and duplicate keys as problems instead of
raising.

Plain values are read as YAML 1.2's core schema says (``yes``, ``off`` and ``12:30`` are text), with two additions:
``250_000`` is a number and ``2026-01-01`` is a date.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import yaml

from airfleet.errors import Place, Problem
from airfleet.problem_codes import Code
from airfleet.yaml.scalars import scalar_value
from airfleet.yaml.syntax_errors import broken_yaml, odd_character


@dataclass(frozen=True, slots=True)
class Scalar:
    """A plain value as YAML 1.2's core schema reads it; ``text`` is how it was written."""

    value: object
    text: str
    place: Place
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping; keys are scalars, in the order they were written."""

    entries: tuple[tuple[Scalar, Node], ...]
    place: Place

    def get(self, key: str) -> Node | None:
        """Return the value of ``key``, or None."""
        for known, value in self.entries:
            if known.text == key:
                return value
        return None

    def without(self, *keys: str) -> Mapping:
        """Return the mapping without some keys; itself when it has none of them."""
        kept = tuple(entry for entry in self.entries if entry[0].text not in keys)
        return self if len(kept) == len(self.entries) else Mapping(kept, self.place)

    def replaced(self, key: str, value: Node) -> Mapping:
        """Return the mapping with another value at ``key``, which it has."""
        return Mapping(tuple((known, value if known.text == key else old) for known, old in self.entries), self.place)


Node: TypeAlias = Scalar | Sequence | Mapping

#: Deeper than anyone writes, shallow enough for every recursive reader of nodes.
MAX_DEPTH: Final = 64
#: How many nodes the aliases of one file may stand for before we call it a bomb.
MAX_ALIASED_NODES: Final = 100_000
#: How many keys and values a file may have: about 300 MB of memory.
MAX_NODES: Final = 1_000_000
#: YAML's own limit for keys without '? ', in characters.
MAX_KEY: Final = 1024
#: Readers name a value by the keys above it: so many characters in all, over the values of a file.
MAX_PATH_TEXT: Final = 100_000_000

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(
    text: str, file: str, tagged_lists: AbstractMapping[str, str] = MappingProxyType({})
) -> tuple[tuple[Node, ...], tuple[Problem, ...]]:
    """Read every YAML document of ``text``, and all its faults as YAML.

    Documents before a syntax error are kept; the one with the error and those after it are not.
    An empty document is left out. Never raises for any text. A list with one of the tags in ``tagged_lists`` becomes a
    mapping with one key, which that names, and the list.
    """
    composer = _Composer(file, tagged_lists)
    try:
        parser = _PARSER(text.removeprefix("\ufeff"))
        try:
            composer.read(parser)
        finally:
            parser.dispose()
    except _Refused as refused:
        composer.problems.append(refused.problem)
    except yaml.YAMLError as error:
        composer.drop_fragment(error)
        composer.problems.append(broken_yaml(error, text, file))
    except UnicodeEncodeError as error:
        composer.problems.append(odd_character(text, error.start, file))
    return tuple(composer.documents), tuple(composer.problems)


def plain(node: Node) -> Any:
    """Make the Python value of a node: scalars, lists, and dicts with text keys."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {key.text: plain(value) for key, value in node.entries}


def is_null(node: Node) -> bool:
    """Return whether nothing stands there, or ``null``."""
    return isinstance(node, Scalar) and node.value is None


def texts(node: Node) -> Iterator[str]:
    """Yield every text below a node, keys too; a node of several aliases is seen once."""
    waiting, seen = [node], {id(node)}
    while waiting:
        match waiting.pop():
            case Scalar(text=text):
                yield text
                continue
            case Sequence(items=items):
                below: tuple[Node, ...] = items
            case Mapping(entries=entries):
                below = tuple(node for entry in entries for node in entry)
        new = [one for one in below if id(one) not in seen]
        seen.update(map(id, new))
        waiting += new


class _Refused(Exception):
    """Reading stops here: the YAML is well formed, but going on would not be safe."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


@dataclass(frozen=True, slots=True)
class _Anchored:
    """A value with an anchor, and what each repetition of it adds to the limits."""

    node: Node
    nodes: int
    #: levels of lists and mappings below and with this one
    height: int
    #: characters of the paths of its values, from here
    path_text: int


class _Composer:
    """Parser events to nodes. One instance reads one text."""

    def __init__(self, file: str, tagged_lists: AbstractMapping[str, str]) -> None:
        self.file = file
        self.tagged_lists = tagged_lists
        self.documents: list[Node] = []
        self.problems: list[Problem] = []
        self.anchors: dict[str, _Anchored] = {}
        self.open_anchors: set[str] = set()
        self.nodes = 0
        self.aliased = 0
        #: the deepest level that was reached since the value that is read began
        self.deepest = 0
        #: characters of the keys above the value that is read, and of those above all values so far
        self.path = 0
        self.path_text = 0
        #: whether the last document ended because its lines no longer fitted, and not by '...'
        self.ended_by_chance = False

    def read(self, parser: Any) -> None:
        next_event: Callable[[], Any] = parser.get_event
        while (event := next_event()) is not None and not isinstance(event, yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentEndEvent):
                self.ended_by_chance = not event.explicit
            elif isinstance(event, yaml.DocumentStartEvent):
                self.anchors.clear()
                node = self.compose(next_event(), next_event, 0)
                if not is_null(node):
                    self.documents.append(node)

    def drop_fragment(self, error: yaml.YAMLError) -> None:
        """Drop lines that only looked like a whole document until the parser failed at the next one."""
        said = getattr(error, "problem", None) or ""
        is_cut = self.ended_by_chance and "expected <document start>" in said.replace("'", "")
        if self.documents and (is_cut or isinstance(self.documents[-1], Scalar)):
            self.documents.pop()

    def compose(self, event: Any, next_event: Callable[[], Any], depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, depth)
        if event.anchor is not None:
            return self.anchored(event, next_event, depth)
        return self.node(event, next_event, depth)

    def node(self, event: Any, next_event: Callable[[], Any], depth: int) -> Node:
        self.count(event, 1, self.path)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event)
        self.enter(event, depth + 1)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(event, next_event, depth + 1)
        return self.mapping(event, next_event, depth + 1)

    def anchored(self, event: Any, next_event: Callable[[], Any], depth: int) -> Node:
        anchor = event.anchor
        self.open_anchors.add(anchor)
        nodes, path_text, deepest = self.nodes, self.path_text, self.deepest
        self.deepest = depth
        node = self.node(event, next_event, depth)
        self.open_anchors.discard(anchor)
        nodes = self.nodes - nodes
        own_text = self.path_text - path_text - nodes * self.path
        self.anchors[anchor] = _Anchored(node, nodes, self.deepest - depth, own_text)
        self.deepest = max(deepest, self.deepest)
        return node

    def alias(self, event: Any, depth: int) -> Node:
        if event.anchor in self.open_anchors:
            sentence = f"'*{event.anchor}' stands inside the value it repeats"
            raise _Refused(self.problem(event, sentence, code=Code.YAML_ALIAS))
        if event.anchor not in self.anchors:
            sentence = f"there is no anchor '&{event.anchor}' to repeat here"
            hint = f"write '&{event.anchor}' before the value to repeat, above this line"
            raise _Refused(self.problem(event, sentence, hint, Code.YAML_ALIAS))
        repeated = self.anchors[event.anchor]
        self.aliased += repeated.nodes
        if self.aliased > MAX_ALIASED_NODES:
            raise self.beyond(event, f"the aliases of this file stand for more than {MAX_ALIASED_NODES} values")
        self.count(event, repeated.nodes, repeated.nodes * self.path + repeated.path_text)
        self.enter(event, depth + repeated.height)
        return repeated.node

    def enter(self, event: Any, depth: int) -> None:
        """Note that lists and mappings go down to this level, which aliases count to as well."""
        if depth > MAX_DEPTH:
            raise self.beyond(event, f"the values are nested more than {MAX_DEPTH} levels deep")
        self.deepest = max(self.deepest, depth)

    def count(self, event: Any, nodes: int, path_text: int) -> None:
        """Count keys and values, and the characters of their paths."""
        self.nodes += nodes
        self.path_text += path_text
        if self.nodes > MAX_NODES:
            raise self.beyond(event, f"the file has more than {MAX_NODES} keys and values")
        if self.path_text > MAX_PATH_TEXT:
            raise self.beyond(event, "the keys above the values of this file are too long for their number")

    def scalar(self, event: Any) -> Scalar:
        place = self.place(event)
        text: str = event.value
        tag = event.tag
        if tag is None and event.implicit[0]:
            return Scalar(scalar_value(text), text, place)
        if tag is None or tag == "!" or tag == _STR:
            return Scalar(text, text, place, quoted=True)
        if tag not in _SCALAR_TAGS:
            self.problems.append(self.unknown_tag(event))
            return Scalar(text, text, place, quoted=True)
        value = scalar_value(text)
        wanted = _SCALAR_TAGS[tag]
        if tag == _FLOAT and type(value) is int:
            value = float(value)
        if not isinstance(value, wanted) or (tag == _INT and isinstance(value, bool)):
            sentence = f"'{text}' is not what its tag '{_written(tag)}' says"
            self.problems.append(self.problem(event, sentence, code=Code.YAML_TAG))
        return Scalar(value, text, place)

    def sequence(self, event: Any, next_event: Callable[[], Any], depth: int) -> Sequence | Mapping:
        if event.tag not in self.tagged_lists:
            self.check_tag(event, "tag:yaml.org,2002:seq")
        items: list[Node] = []
        while not isinstance(inner := next_event(), yaml.SequenceEndEvent):
            items.append(self.compose(inner, next_event, depth))
        found = Sequence(tuple(items), self.place(event))
        if event.tag not in self.tagged_lists:
            return found
        name = self.tagged_lists[event.tag]
        return Mapping(((Scalar(name, name, found.place, quoted=True), found),), found.place)

    def mapping(self, event: Any, next_event: Callable[[], Any], depth: int) -> Mapping:
        self.check_tag(event, "tag:yaml.org,2002:map")
        own: dict[str, tuple[Scalar, Node]] = {}
        merged: list[tuple[Scalar, Node]] = []
        above = self.path
        while not isinstance(inner := next_event(), yaml.MappingEndEvent):
            key = self.compose(inner, next_event, depth)
            is_merge = isinstance(key, Scalar) and key.text == "<<" and not key.quoted
            self.path = above + (len(key.text) if isinstance(key, Scalar) else 0)
            # The keys of a value that is merged come into this mapping: they are no deeper than its own.
            value = self.compose(next_event(), next_event, depth - is_merge)
            self.path = above
            if not isinstance(key, Scalar) or len(key.text) > MAX_KEY:
                self.problems.append(self.wrong_key(event, key))
            elif is_merge:
                merged.append((key, value))
            elif key.text in own:
                self.problems.append(_written_twice(key, own[key.text][0]))
            else:
                own[key.text] = (key, value)
        for merge_key, source in merged:
            self.merge(own, source, merge_key.place)
        return Mapping(tuple(own.values()), self.place(event))

    def wrong_key(self, event: Any, key: Node) -> Problem:
        """Describe the fault of a key that is too long, a list or a mapping: in ``{{ ds }}``, people mean text."""
        if isinstance(key, Scalar):
            sentence = f"a key of {len(key.text)} characters; YAML's limit is {MAX_KEY}"
            return Problem(key.place, "", sentence, code=Code.FILE_LIMIT)
        place = self.place(event)
        if isinstance(key, Mapping) and (key.place.line, key.place.column) == (place.line, place.column + 1):
            hint = 'put text with {{ }} in quotes: "{{ ... }}"'
            return Problem(place, "", "'{{' begins a mapping in a mapping", hint, Code.YAML_SYNTAX)
        sentence = "a key must be plain text, not a list or a mapping"
        return Problem(key.place, "", sentence, code=Code.YAML_SYNTAX)

    def merge(self, into: dict[str, tuple[Scalar, Node]], source: Node, place: Place) -> None:
        """Merge the keys of ``<<`` that are not there yet; of several mappings the earlier one wins."""
        if isinstance(source, Sequence) and all(isinstance(item, Mapping) for item in source.items):
            for item in source.items:
                self.merge(into, item, place)
        elif isinstance(source, Mapping):
            for key, value in source.entries:
                into.setdefault(key.text, (key, value))
        else:
            sentence = "'<<' takes a mapping or a list of mappings"
            self.problems.append(Problem(place, "", sentence, "write '<<: *anchor'", Code.YAML_ALIAS))

    def check_tag(self, event: Any, allowed: str) -> None:
        if event.tag not in (None, "!", allowed):
            self.problems.append(self.unknown_tag(event))

    def unknown_tag(self, event: Any) -> Problem:
        tag = _written(event.tag)
        hint = _INSTEAD_OF_TAGS.get(tag.lower()) or "tags would make YAML run code; write the value itself"
        return self.problem(event, f"the tag '{tag}' is not known here", hint, Code.YAML_TAG)

    def beyond(self, event: Any, sentence: str) -> _Refused:
        """Refuse a file that is beyond a limit."""
        return _Refused(self.problem(event, sentence, code=Code.FILE_LIMIT))

    def problem(self, event: Any, sentence: str, hint: str | None = None, code: Code = Code.YAML_SYNTAX) -> Problem:
        return Problem(self.place(event), "", sentence, hint, code)

    def place(self, event: Any) -> Place:
        mark = event.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1)


def _written_twice(key: Scalar, first: Scalar) -> Problem:
    hint = f"line {first.place.line} already has '{key.text}'; YAML would silently keep only one of them"
    return Problem(key.place, "", f"the key '{key.text}' is written twice", hint, Code.KEY_WRITTEN_TWICE)


_STR: Final = "tag:yaml.org,2002:str"
_INT: Final = "tag:yaml.org,2002:int"
_FLOAT: Final = "tag:yaml.org,2002:float"
_SCALAR_TAGS: Final[dict[str, type | tuple[type, ...]]] = {
    _INT: int,
    _FLOAT: float,
    "tag:yaml.org,2002:bool": bool,
    "tag:yaml.org,2002:null": type(None),
    "tag:yaml.org,2002:timestamp": dt.date,
}


_NO_INCLUDE: Final = "write the value itself; a pipeline takes in the parts of other files by 'include'"
#: what people write in other YAML files, and what there is in place of it
_INSTEAD_OF_TAGS: Final = {
    **dict.fromkeys(("!include", "!import", "!file"), _NO_INCLUDE),
    **dict.fromkeys(("!env", "!env_var", "!envvar"), "write ${{ env.NAME }}"),
}


def _written(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")
