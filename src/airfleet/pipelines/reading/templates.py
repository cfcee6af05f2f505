"""``extends``: a task begins from templates and says what is different.

The parts of a task are one list, however the templates extend each other: each template once, the ones it extends
before it. That needs no recursion, and takes as many steps as there are templates in the list.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as AbstractMapping
from typing import Final, TypeAlias

from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence, is_null
from airfleet.yaml.problems import Report, joined

#: of one file: how often a template is merged into what extends it, over all tasks; some seconds of work
MOST: Final = 200_000

_Keys: TypeAlias = dict[str, tuple[Scalar, Node]]


class Templates:
    """The templates of a document. A problem of a template is noted once, however many tasks extend it."""

    #: as problems call one, and as documents call them all
    kind, key = "template", "templates"
    #: the key of which single entries are replaced, not the whole
    merged_key = "with"
    #: keys that are not known where a template is missing
    unknown_without: tuple[str, ...] = ("uses", "with")
    missing = "there is no template '{}'"

    def __init__(self, by_name: AbstractMapping[str, Mapping], report: Report) -> None:
        self.by_name = by_name
        self.report = report
        self._known = frozenset(by_name)
        #: template → the templates that it extends itself; those that are there
        self._extended: dict[str, tuple[str, ...]] = {}
        #: templates → what comes of them together; tasks mostly extend the same ones
        self._bases: dict[tuple[str, ...], _Keys] = {}
        self._circles: set[str] = set()
        self._merges = 0

    def merged(self, task: Mapping, path: str) -> Mapping:
        """Merge the templates that a task ``extends`` into it: in order, the later ones and then its own keys win."""
        extends = task.get("extends")
        if extends is None:
            return task
        names = self.checked(extends, joined(path, "extends"))
        if names not in self._bases:
            self._bases[names] = self._base(names, extends, path)
        keys = dict(self._bases[names])
        self._put(keys, task)
        return Mapping(tuple(keys.values()), task.place)

    def _base(self, names: tuple[str, ...], written: Node, path: str) -> _Keys:
        keys: _Keys = {}
        for name in self._all_of(names, written, path):
            self._put(keys, self.by_name[name])
        return keys

    def _all_of(self, names: tuple[str, ...], written: Node, path: str) -> list[str]:
        """List every template behind ``names``, each where it comes last, in the order in which they are merged."""
        # Backwards: a template, then what it extends, the last first. So the first time that one is met counts.
        found: dict[str, None] = {}
        way: dict[str, None] = {}  # the templates between the task and where we are
        pending: list[tuple[str, Iterator[str]]] = [("", iter(names[::-1]))]
        while pending:
            name = next(pending[-1][1], None)
            if name is None:
                way.pop(pending.pop()[0], None)
            elif name in way:
                self._circle([*way], name)
            elif name not in found:
                self._merges += 1
                if self._merges > MOST:
                    self._too_many(written, joined(path, "extends"))
                    break
                found[name] = way[name] = None
                pending.append((name, iter(self._extended_by(name)[::-1])))
        return [*found][::-1]

    def _too_many(self, written: Node, path: str) -> None:
        if self._merges == MOST + 1:  # it is said once
            sentence = f"{self.key} are extended more than {MOST:,} times in this file, through others included"
            self.report.problem(written, path, sentence, code=Code.FILE_LIMIT)

    def _extended_by(self, name: str) -> tuple[str, ...]:
        if name not in self._extended:
            extends = self.by_name[name].get("extends")
            self._extended[name] = () if extends is None else self.checked(extends, f"{self.key}.{name}.extends")
        return self._extended[name]

    def checked(self, extends: Node, path: str) -> tuple[str, ...]:
        """List the names at ``extends`` that are templates; the others are noted."""
        names = self._names(extends, path, self.report)
        for name in names:
            if name.text in self.by_name:
                continue
            if not self.report.is_wrong("include"):  # it may be in what could not be taken in
                hint = self.report.hints.did_you_mean(name.text, self._known)
                self.report.problem(name, path, self.missing.format(name.text), hint, Code.UNKNOWN_TEMPLATE)
            task = path.rpartition(".")[0]
            for key in self.unknown_without:
                self.report.note_slip(joined(task, key))
        return tuple(name.text for name in names if name.text in self.by_name)

    def _circle(self, way: list[str], name: str) -> None:
        around = [*way[way.index(name) :], name]
        if not self._circles.isdisjoint(around):
            return  # it was noted from another task, or where it begins
        self._circles.update(around)
        extends = self.by_name[way[-1]].get("extends")
        assert extends is not None  # it extends the one that the circle began with
        last = next(item for item in self._names(extends, "", Report()) if item.text == name)
        sentence = f"the {self.key} extend each other in a circle: {' → '.join(around)}"
        self.report.problem(last, f"{self.key}.{way[-1]}.extends", sentence, code=Code.TEMPLATE_CIRCLE)

    def _put(self, keys: _Keys, over: Mapping) -> None:
        for key, value in over.entries:
            if key.text == "extends":
                continue
            before = keys.get(key.text)
            if key.text == self.merged_key and before and isinstance(before[1], Mapping) and isinstance(value, Mapping):
                inner = {inner_key.text: (inner_key, item) for inner_key, item in before[1].entries}
                inner.update({inner_key.text: (inner_key, item) for inner_key, item in value.entries})
                value = Mapping(tuple(inner.values()), value.place)
            keys[key.text] = (key, value)

    def _names(self, node: Node, path: str, report: Report) -> tuple[Scalar, ...]:
        items = node.items if isinstance(node, Sequence) else (node,)
        if is_null(node):
            return ()
        good = tuple(item for item in items if isinstance(item, Scalar) and item.text)
        if len(good) != len(items):
            sentence = f"must be the name of a {self.kind}, or a list of names"
            report.problem(node, path, sentence, code=Code.WRONG_TYPE)
        return good
