"""Entries of ``tasks`` with ``for`` are repeated, one for each item of a list, as their ``${{ }}`` are resolved.

::

    - for: {each: [eu, us], as: region}            - {id: load_eu, uses: "shop.steps:load", with: {region: eu}}
      id: load_${{ region }}                  →    - {id: load_us, uses: "shop.steps:load", with: {region: us}}
      uses: shop.steps:load
      with: {region: "${{ region }}"}

All that follows sees the repeated entries. A repeated entry keeps the places of the one that is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from airfleet.pipelines.language.expressions.functions import FUNCTIONS, shape
from airfleet.pipelines.language.expressions.scope import ITEM, ROOTS, Scope
from airfleet.pipelines.language.interpolation import resolve
from airfleet.pipelines.reading.names import entry_path
from airfleet.pipelines.reading.repetition.late_templates import with_names
from airfleet.pipelines.reading.repetition.matrix import combinations
from airfleet.pipelines.reading.templates import Templates
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import MAX_NODES, Mapping, Node, Scalar, Sequence, is_null
from airfleet.yaml.problems import Hints, Report, joined

_KEYS: Final = ("each", "as")
_WRITE: Final = "write for: {each: [a, b]}, and ${{ each }} where the item is meant"
_NAME: Final = re.compile(r"[^\W\d]\w*")
_TAKEN: Final = frozenset({*ROOTS, *FUNCTIONS, "or", "and", "not", "if", "else", "in", "true", "false", "null"})
#: a key ``for`` in the text of a file
_FOR: Final = re.compile(r"""\bfor["']?\s*:""")


def may_repeat(text: str) -> bool:
    """Tell whether a pipeline file may have entries with ``for``."""
    return _FOR.search(text) is not None


def resolve_entries(node: Node, path: str, scope: Scope, report: Report, templates: Templates | None) -> Node:
    """Resolve every ``${{ }}`` in the list of entries at ``path``, and repeat those with ``for``.

    ``templates`` are those that name the item of a loop: they become parts of the entries that extend them.
    """
    if not isinstance(node, Sequence):
        return resolve(node, path, scope, report)
    wrong = len(report.problems)
    made = [one for index, item in enumerate(node.items) for one in _made(item, path, index, scope, report, templates)]
    if len(made) == len(node.items) and all(a is b for a, b in zip(made, node.items, strict=True)):
        return node
    if not made and len(report.problems) > wrong:
        report.settled.add(node.place)  # that the list is empty now needs no second problem
    return Sequence(tuple(made), node.place)


def _made(
    item: Node, path: str, index: int, scope: Scope, report: Report, templates: Templates | None
) -> Iterator[Node]:
    """Yield what one entry becomes."""
    written = item.get("for") if isinstance(item, Mapping) else None
    if not isinstance(item, Mapping) or written is None:
        yield _entry(item, path, index, scope, report, templates)
        return
    entry = item.without("for")
    if is_null(written):
        yield _entry(entry, path, index, scope, report, templates)
        return
    loop = _loop(written, joined(_path_of(item, path, index, None), "for"), scope, report)
    if loop is None:
        report.note_slip("tasks")  # entries are missing, which 'needs' may name
        return
    for value in loop.items:
        if not scope.repeated.take(entry):
            sentence = f"the entries that are repeated come to more than {MAX_NODES:,} values"
            report.problem(
                written, "tasks", sentence, "let the task run once for each item, with 'expand'", Code.FILE_LIMIT
            )
            return
        yield _entry(entry, path, index, scope.in_loop(loop.name, value), report, templates)


def _entry(item: Node, path: str, index: int, scope: Scope, report: Report, templates: Templates | None) -> Node:
    """Resolve an entry; those of a group are entries, too."""
    here = _path_of(item, path, index, scope)
    if templates is not None and isinstance(item, Mapping):
        item = templates.merged(with_names(item, here, scope, report), here)
    inner = item.get("tasks") if isinstance(item, Mapping) else None
    if not isinstance(item, Mapping) or not isinstance(inner, Sequence):
        return resolve(item, here, scope, report)
    tasks = resolve_entries(inner, joined(here, "tasks"), scope, report, templates)
    rest = resolve(item.without("tasks"), here, scope, report)
    assert isinstance(rest, Mapping)  # a mapping resolves to a mapping
    values = {key.text: value for key, value in rest.entries}
    return Mapping(
        tuple((key, tasks if key.text == "tasks" else values[key.text]) for key, _ in item.entries), item.place
    )


def _path_of(item: Node, path: str, index: int, scope: Scope | None) -> str:
    """Name an entry by its id, as the reader of entries will; without a scope, only by one that is plain."""
    name = (item.get("id") or item.get("group")) if isinstance(item, Mapping) else None
    if isinstance(name, Scalar) and "${{" in name.text:
        name = resolve(name, "", scope, Report(hints=Hints(0))) if scope else None
    return entry_path(name, path, index)


@dataclass(frozen=True)
class _Loop:
    name: str
    items: tuple[Node, ...]


def _loop(node: Node, path: str, scope: Scope, report: Report) -> _Loop | None:
    """Read ``{each: LIST, as: NAME}``; None, with problems, when it is wrong."""
    if not isinstance(node, Mapping):
        report.problem(node, path, f"must be a mapping with 'each', not {shape(node)}", _WRITE, Code.LOOP)
        return None
    for key, _ in node.entries:
        if key.text not in _KEYS:
            hint = report.hints.did_you_mean(key.text, _KEYS)
            if hint is None and node.get("each") is None:
                hint = f"write for: {{each: …, as: {key.text}}}"
            report.problem(
                key, joined(path, key.text), f"'for' has no '{key.text}', only 'each' and 'as'", hint, Code.LOOP
            )
    each = node.get("each")
    if each is None:
        if all(key.text in _KEYS for key, _ in node.entries):
            report.problem(node, path, "'for' needs 'each', the list of items", _WRITE, Code.LOOP)
        return None
    name = _name(node.get("as"), joined(path, "as"), report)
    items = _items(each, joined(path, "each"), scope, report)
    return _Loop(name, items) if name is not None and items is not None else None


def _name(node: Node | None, path: str, report: Report) -> str | None:
    if node is None or is_null(node):
        return ITEM
    name = node.text if isinstance(node, Scalar) else ""
    if not _NAME.fullmatch(name):
        sentence = "must be a name of letters, digits and '_' that begins with a letter"
        report.problem(node, path, sentence, "write as: region, for example", Code.LOOP)
        return None
    if name in _TAKEN:
        report.problem(node, path, f"'{name}' means something else in '${{{{ }}}}'", "take another name", Code.LOOP)
        return None
    return name


def _items(node: Node, path: str, scope: Scope, report: Report) -> tuple[Node, ...] | None:
    before = len(report.problems)
    found = resolve(node, path, scope, report)
    if len(report.problems) > before:
        return None
    items: tuple[Node, ...] | None
    if isinstance(found, Mapping):
        items = combinations(found, path, report)
    elif isinstance(found, Sequence):
        items = found.items
    else:
        hint = "split(…, ',') and lines(…) make lists of a text" if isinstance(found.value, str) else None
        report.problem(node, path, f"must be a list, not {shape(found)}", hint, Code.LOOP)
        return None
    if items is not None and not items:
        report.remark(node, path, "the list is empty, so this entry makes no task", Code.EMPTY_LOOP)
    return items
