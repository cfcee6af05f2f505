"""``expand`` and ``expand_kwargs`` of a task or group: the items for which it is repeated when it runs."""

from __future__ import annotations

from typing import Final

from airfleet.pipelines.language.markers import value
from airfleet.pipelines.language.spec import Expansion, GroupItem, Repeat, Value, XCom
from airfleet.pipelines.language.values import MARKERS, marker_key
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node, Sequence, is_null
from airfleet.yaml.problems import Report, joined

_ITEMS: Final = "must be a list of items, or the output of a task"
_OUTPUT_HINT: Final = "write {$x: task} for what a task returned"
_OUTPUTS: Final = ("$x", "$item")


def read_expansion(keys: dict[str, Node], path: str, report: Report) -> Expansion | None:
    """Read the key ``expand`` or ``expand_kwargs`` of an entry with these keys."""
    expand, kwargs = keys.get("expand"), keys.get("expand_kwargs")
    if kwargs is not None and not is_null(kwargs):
        if expand is not None and not is_null(expand):
            sentence = "stands beside 'expand'; a task is repeated by one of the two"
            report.problem(kwargs, joined(path, "expand_kwargs"), sentence, code=Code.CONTRADICTION)
        return _kwargs(kwargs, joined(path, "expand_kwargs"), report)
    if expand is None or is_null(expand):
        return None
    return _arguments(expand, joined(path, "expand"), report)


def _kwargs(node: Node, path: str, report: Report) -> Expansion | None:
    report.places[path] = node.place
    if isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            if not isinstance(item, Mapping) or marker_key(item) is not None:
                report.problem(item, f"{path}[{index}]", "must be a mapping of arguments", code=Code.EXPANSION)
        if not node.items:
            report.problem(node, path, "is empty, so nothing would run", code=Code.EMPTY_VALUE)
    elif not _is_output(node):
        report.problem(
            node, path, "must be a list of mappings of arguments, or the output of a task", _OUTPUT_HINT, Code.EXPANSION
        )
        return None
    return Expansion(Repeat.KWARGS, {"": value(node, path, report)})


def _arguments(node: Node, path: str, report: Report) -> Expansion | None:
    report.places[path] = node.place
    if not isinstance(node, Mapping) or not node.entries:
        report.problem(
            node,
            path,
            "must be a mapping from arguments to lists of items",
            "write expand: {file: […]}",
            Code.EXPANSION,
        )
        return None
    if (key := marker_key(node)) is not None:
        hint = f"write expand: {{argument: {{{key.text}: …}}}}; for whole sets of arguments there is 'expand_kwargs'"
        report.problem(node, path, "does not say which argument gets the items", hint, Code.EXPANSION)
        return None
    zipped = node.get("zip")
    if len(node.entries) == 1 and isinstance(zipped, Mapping) and marker_key(zipped) is None:
        return _zipped(zipped, joined(path, "zip"), report)
    return Expansion(Repeat.PRODUCT, _items(node, path, report))


def _zipped(node: Mapping, path: str, report: Report) -> Expansion:
    report.places[path] = node.place
    lists = [inner for _, inner in node.entries if isinstance(inner, Sequence)]
    outputs = [inner for _, inner in node.entries if _is_output(inner)]
    if not node.entries:
        report.problem(node, path, "is empty, so nothing would run", code=Code.EMPTY_VALUE)
    elif len(node.entries) not in (len(lists), len(outputs)):
        report.problem(node, path, "goes through lists alone, or through outputs alone", code=Code.EXPANSION)
    elif len({len(one.items) for one in lists}) > 1:
        report.problem(node, path, "goes through lists of one length", code=Code.EXPANSION)
    return Expansion(Repeat.ZIP, _items(node, path, report))


def _items(node: Mapping, path: str, report: Report) -> dict[str, Value]:
    return {key.text: _of_argument(inner, joined(path, key.text), report) for key, inner in node.entries}


def _of_argument(node: Node, path: str, report: Report) -> Value:
    is_literal = isinstance(node, (Sequence, Mapping)) and marker_key(node) is None
    if not is_literal and not _is_output(node):
        report.places[path] = node.place
        report.problem(node, path, _ITEMS, _OUTPUT_HINT, Code.EXPANSION)
        return None
    if isinstance(node, (Sequence, Mapping)) and not (node.items if isinstance(node, Sequence) else node.entries):
        report.problem(node, path, "is empty, so nothing would run", code=Code.EMPTY_VALUE)
    read = value(node, path, report)
    inner = read if isinstance(read, tuple) else tuple(read.values()) if isinstance(read, dict) else ()
    for index, item in enumerate(inner):
        if isinstance(item, (XCom, GroupItem)):
            hint = "let one task return the whole list, and write {$x: that_task} in place of it"
            report.problem(node, f"{path}[{index}]", "cannot be an output inside a list of items", hint, Code.EXPANSION)
    return read


def _is_output(node: Node) -> bool:
    key = marker_key(node)
    return key is not None and MARKERS.get(key.text) in _OUTPUTS
