"""``extends``: a task begins from templates and says what is different."""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping

from airfleet.errors import did_you_mean
from airfleet.pipelines.expand import entry
from airfleet.pipelines.report import Report, joined
from airfleet.source import Mapping, Node, Scalar, Sequence


def merged(task: Mapping, path: str, templates: AbstractMapping[str, Mapping], report: Report) -> Mapping:
    """The task with the templates it ``extends`` merged in: in order, the later and then the task's own keys win."""
    return _merged(task, path, templates, report, ())


def _merged(
    part: Mapping, path: str, templates: AbstractMapping[str, Mapping], report: Report, within: tuple[str, ...]
) -> Mapping:
    extends = entry(part, "extends")
    if extends is None:
        return part
    keys: dict[str, tuple[Scalar, Node]] = {}
    for name in _names(extends, joined(path, "extends"), report):
        if name.text in within:
            way = " → ".join([*within[within.index(name.text) :], name.text])
            report.problem(name, joined(path, "extends"), f"the templates extend each other in a circle: {way}")
        elif name.text not in templates:
            hint = did_you_mean(name.text, templates)
            report.problem(name, joined(path, "extends"), f"there is no template '{name.text}'", hint)
        else:
            base = _merged(templates[name.text], f"templates.{name.text}", templates, report, (*within, name.text))
            _put(keys, base)
    _put(keys, Mapping(tuple(item for item in part.entries if item[0].text != "extends"), part.place))
    return Mapping(tuple(keys.values()), part.place)


def _put(keys: dict[str, tuple[Scalar, Node]], over: Mapping) -> None:
    for key, value in over.entries:
        before = keys.get(key.text)
        if key.text == "with" and before and isinstance(before[1], Mapping) and isinstance(value, Mapping):
            inner = {inner_key.text: (inner_key, item) for inner_key, item in before[1].entries}
            inner.update({inner_key.text: (inner_key, item) for inner_key, item in value.entries})
            value = Mapping(tuple(inner.values()), value.place)
        keys[key.text] = (key, value)


def _names(node: Node, path: str, report: Report) -> tuple[Scalar, ...]:
    items = node.items if isinstance(node, Sequence) else (node,)
    if isinstance(node, Scalar) and node.value is None:
        return ()
    good = tuple(item for item in items if isinstance(item, Scalar) and item.text)
    if len(good) != len(items):
        report.problem(node, path, "must be the name of a template, or a list of names")
    return good
