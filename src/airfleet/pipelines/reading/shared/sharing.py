"""Shared parts: what a document takes in from ``defaults.yaml``, included files and earlier documents, and how.

::

    defaults.yaml, outer to inner → includes in order → earlier documents of the file with parts alone → the document

A stronger part goes over the weaker ones key by key (:data:`~airfleet.pipelines.language.shared_keys.MERGED`). Nodes
keep their places, so a problem of a shared value names the shared file. A file counts once, where it is met first.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from airfleet.pipelines.files.project_files import DEFAULTS_FILE
from airfleet.pipelines.files.shared_files import MAX_SHARED_MEGABYTES, Library, NotTaken, SharedFile
from airfleet.pipelines.language import wrong_key_hints
from airfleet.pipelines.language.expressions.scope import Scope
from airfleet.pipelines.language.interpolation import resolve
from airfleet.pipelines.language.shared_keys import MERGED, MOST_FILES, OWN_KEYS, PART_KEYS, SHARED_KEYS
from airfleet.problem_codes import Code
from airfleet.spelling import nearest
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence, is_null
from airfleet.yaml.problems import Report


def is_parts(document: Node) -> bool:
    """Tell whether a document among pipelines makes no Dag, and only shares parts with those that follow."""
    if not isinstance(document, Mapping):
        return False
    keys = {key.text for key, _ in document.entries}
    return not keys.isdisjoint(PART_KEYS) and not any(map(_makes_a_dag, keys))


def are_parts(documents: tuple[Node, ...], file: str, *, taken_in: bool = False) -> bool:
    """Tell whether the documents of a file make no Dag, and only share parts.

    With ``taken_in``, a pipeline says so; else ``defaults.yaml`` says so by its name, and other files by their keys.
    """
    if os.path.basename(file) == DEFAULTS_FILE:
        return are_defaults(documents)
    if taken_in:
        return any(map(_has_known_key, documents)) and not any(map(_has_dag_id, documents))
    return bool(documents) and all(is_parts(one) and _has_known_keys_alone(one) for one in documents)


def are_defaults(documents: tuple[Node, ...]) -> bool:
    """Tell whether a ``defaults.yaml`` is one of ours: dag-factory and others have files of this name, too."""
    of_others = any(isinstance(one, Mapping) and one.get("default_args") is not None for one in documents)
    return not of_others and any(map(_has_known_key, documents))


_MAKE_A_DAG: Final = ("dag_id", "jobs", "tasks")
_SHARED: Final = frozenset(SHARED_KEYS)
_KNOWN: Final = (*SHARED_KEYS, *OWN_KEYS)


def _makes_a_dag(key: str) -> bool:
    """Tell whether a key is one that makes a Dag, or a slip of one."""
    if key in _MAKE_A_DAG or key in _SHARED:
        return key in _MAKE_A_DAG
    instead = wrong_key_hints.OF_A_PIPELINE.get(key)
    return (instead.meant if instead else nearest(key, (*_MAKE_A_DAG, *SHARED_KEYS))) in _MAKE_A_DAG


def _has_dag_id(document: Node) -> bool:
    return isinstance(document, Mapping) and document.get("dag_id") is not None


def _has_known_key(document: Node) -> bool:
    """Tell whether a document has a key of pipelines, also one that is written a little wrong."""
    return isinstance(document, Mapping) and any(_is_known(key.text) for key, _ in document.entries)


def _is_known(key: str) -> bool:
    return key in _SHARED or nearest(key, _KNOWN, 0.75) is not None


def _has_known_keys_alone(document: Node) -> bool:
    """Tell whether all keys are known or slips of known ones, and parts are no lists, as other tools have them."""
    return isinstance(document, Mapping) and all(
        nearest(key.text, SHARED_KEYS, 0.75) and not (key.text in _MAPPINGS and isinstance(value, Sequence))
        for key, value in document.entries
    )


_MAPPINGS: Final = ("defaults", "templates", "groups")


@dataclass(frozen=True)
class Step:
    """A file, and the value that names it."""

    file: SharedFile
    said_at: Node
    path: str


@dataclass
class Taken:
    """The parts that one document takes in, from weak to strong."""

    layers: list[Mapping] = field(default_factory=list)
    #: whether everything that it names could be taken in
    is_complete: bool = True
    has_expressions: bool = False
    #: files that count already
    seen: set[str] = field(default_factory=set)
    #: files between the document and where we are, each with the place that names it
    way: dict[str, Step] = field(default_factory=dict)


NO_MAPPING: Final = "shared parts are a mapping of keys such as defaults and templates"


class Sharing:
    """The shared parts of one pipeline file. A problem of them is noted once, however many documents take them in."""

    def __init__(self, file: str, library: Library, scope: Scope, report: Report) -> None:
        self.file = file
        self.library = library
        self.scope = replace(scope, no_job="'include' is the same for all jobs")
        self.report = report
        self._earlier: list[Mapping] = []
        self._defaults: tuple[SharedFile, ...] | None = None
        #: by real path: the parts of a file
        self._parts: dict[str, tuple[Mapping, ...]] = {}
        #: files of which something cannot be taken in
        self._wrong: set[str] = set()
        self._characters = 0
        self._is_complete = True
        self._has_too_much = False
        self._included: dict[tuple[str, str], SharedFile | None] = {}

    def add(self, document: Mapping, *, is_complete: bool) -> None:
        """Share the parts of a document with those that follow in its file."""
        before = len(self.report.problems)
        self._earlier.append(shareable(document, self.report))
        self._is_complete &= is_complete and len(self.report.problems) == before

    def taken_by(self, document: Mapping) -> Taken:
        """Collect what a document takes in."""
        taken = Taken(is_complete=self._is_complete)
        if self._defaults is None:
            self._defaults = self.library.defaults_above(self.file)
        for file in self._defaults:
            if are_defaults(file.documents) or (file.problems and file.may_be_parts):
                self._take(file, document, "", taken)
        self.include(document, taken)
        for parts in self._earlier:
            self.include(parts, taken)
            self._put(parts, taken)
        return taken

    def taken_by_parts(self, document: Mapping) -> Taken:
        """Collect what a document of a shared file takes in itself."""
        taken = Taken()
        own = self.library.named(os.path.basename(self.file), self.file, self.file)
        if isinstance(own, SharedFile):
            taken.way[own.key] = Step(own, document, "")
        self.include(document, taken)
        return taken

    def include(self, document: Mapping, taken: Taken) -> None:
        """Take in the files that a document includes."""
        node = document.get("include")
        if node is None or is_null(node):
            return
        for name, path in self._names(node, taken):
            file = self._named(name, path)
            taken.is_complete &= file is not None
            if file is not None:
                self._take(file, name, path, taken)

    def _names(self, node: Node, taken: Taken) -> Iterator[tuple[Scalar, str]]:
        """Yield the names of files at ``include``, with their paths in the document."""
        before = len(self.report.problems)
        resolved = resolve(node, "include", self.scope, self.report)
        if len(self.report.problems) > before or not self.report.budget.take(resolved):
            taken.is_complete = False
            return
        items = resolved.items if isinstance(resolved, Sequence) else (resolved,)
        for index, item in enumerate(items):
            path = f"include[{index}]" if isinstance(resolved, Sequence) else "include"
            if isinstance(item, Scalar) and item.text and not isinstance(item.value, bool | None):
                yield item, path
            else:
                taken.is_complete = False
                self.report.problem(item, path, "must be the path of a file, or a list of paths", code=Code.WRONG_SHAPE)

    def _named(self, name: Scalar, path: str) -> SharedFile | None:
        key = (name.text, name.place.file)
        if key not in self._included and len(self._included) >= MOST_FILES:
            self._too_much(name, path)
            return None
        if key not in self._included:
            found = self.library.named(name.text, name.place.file, self.file)
            if isinstance(found, NotTaken):
                self.report.problem(name, path, found.sentence, found.hint, Code.INCLUDE)
            elif found.documents and not are_parts(found.documents, name.text, taken_in=True):
                self.report.problem(name, path, *_no_parts(name.text, found), code=Code.INCLUDE)
                found = NotTaken("")
            self._included[key] = None if isinstance(found, NotTaken) else found
        return self._included[key]

    def _take(self, file: SharedFile, said_at: Node, path: str, taken: Taken) -> None:
        """Take in one file: first what it includes itself, then its parts."""
        if file.key in taken.way:
            taken.is_complete = False
            self._circle(Step(file, said_at, path), taken)
            return
        if file.key in taken.seen:
            return
        taken.seen.add(file.key)
        taken.has_expressions |= file.has_expressions
        found = self._parts_of(file, said_at, path)
        taken.is_complete &= found is not None and file.key not in self._wrong
        taken.way[file.key] = Step(file, said_at, path)
        for parts in found or ():
            self.include(parts, taken)
            self._put(parts, taken)
        del taken.way[file.key]

    def _put(self, parts: Mapping, taken: Taken) -> None:
        if self.report.budget.take(parts):
            taken.layers.append(parts)
        else:
            taken.is_complete = False

    def _parts_of(self, file: SharedFile, said_at: Node, path: str) -> tuple[Mapping, ...] | None:
        if file.key not in self._parts:
            self._characters += file.characters
            if len(self._parts) >= MOST_FILES or self._characters > MAX_SHARED_MEGABYTES * 1_000_000:
                self._too_much(said_at, path)
                return None
            before = len(self.report.problems)
            self.report.problems += file.problems
            self.report.settled |= {problem.place for problem in file.problems}
            self.scope.sources.add(file.name, file.text)
            self._parts[file.key] = tuple(self._mappings(file))
            if len(self.report.problems) > before:
                self._wrong.add(file.key)
        return self._parts[file.key]

    def _mappings(self, file: SharedFile) -> Iterator[Mapping]:
        for document in file.documents:
            if isinstance(document, Mapping):
                yield shareable(document, self.report)
            else:
                self.report.problem(document, "", NO_MAPPING, code=Code.WRONG_SHAPE)

    def _too_much(self, said_at: Node, path: str) -> None:
        if self._has_too_much:
            return  # it was noted
        self._has_too_much = True
        sentence = (
            f"a pipeline file takes in {MOST_FILES} shared files and {MAX_SHARED_MEGABYTES} MB of them at most, "
            "through others included"
        )
        self.report.problem(said_at, path, sentence, code=Code.FILE_LIMIT)

    def _circle(self, last: Step, taken: Taken) -> None:
        """Note a circle, which is the same one wherever it was entered: it begins with the first label."""
        steps = [*taken.way.values()]
        begin = next(index for index, step in enumerate(steps) if step.file.key == last.file.key)
        around = [last, *steps[begin + 1 :]]
        first = min(range(len(around)), key=lambda index: around[index].file.label)
        labels = [step.file.label for step in (*around[first:], *around[: first + 1])]
        sentence = f"the files include each other in a circle: {' → '.join(labels)}"
        self.report.problem(around[first].said_at, around[first].path, sentence, code=Code.INCLUDE_CIRCLE)


def _no_parts(written: str, file: SharedFile) -> tuple[str, str]:
    """Say that a file has nothing to share."""
    has_dag = any(map(_has_dag_id, file.documents))
    hint = f"a file that is included has keys such as {', '.join(PART_KEYS)}, and makes no Dag"
    return f"'{written}' is {'a pipeline' if has_dag else 'no file of shared parts'}", hint


def shareable(document: Mapping, report: Report) -> Mapping:
    """Give the parts of a document that others can take in; its other keys are noted."""
    for key, _ in document.entries:
        if key.text in OWN_KEYS:
            report.problem(key, key.text, "cannot be shared: it says what one Dag is", code=Code.NOT_SHARED)
    return document.without(*OWN_KEYS, "$schema")


def merged(layers: Iterable[Mapping], document: Mapping) -> Mapping:
    """Put a document over its shared parts, which go from weak to strong."""
    keys: dict[str, tuple[Scalar, Node]] = {}
    inner: dict[str, dict[str, tuple[Scalar, Node]]] = {}
    for part in (*layers, document):
        for key, value in part.entries:
            name = key.text
            keys[name] = key, value
            if name in MERGED and isinstance(value, Mapping):
                inner.setdefault(name, {}).update((entry[0].text, entry) for entry in value.entries)
            else:
                inner.pop(name, None)
    for name, entries in inner.items():
        keys[name] = keys[name][0], Mapping(tuple(entries.values()), keys[name][1].place)
    return Mapping(tuple(keys.values()), document.place)
