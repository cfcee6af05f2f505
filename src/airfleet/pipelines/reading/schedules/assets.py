"""Assets: nodes of schedules, ``inlets`` and ``outlets`` become values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from airfleet.pipelines.language import markers
from airfleet.pipelines.language.spec import (
    Asset,
    AssetAlias,
    AssetCondition,
    AssetExpression,
    AssetLike,
    AssetReference,
    Value,
    Watcher,
)
from airfleet.pipelines.language.values import OBJECT_KEY, Invalid, marker_key, required_text, text
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence, is_null
from airfleet.yaml.problems import Report, joined

#: how an asset can be written, for sentences
FORMS: Final = "its address (s3://lake/orders), its name, or {name: …, uri: …}"
CONDITIONS: Final = ("all", "any")
_KEYS: Final = ("name", "uri", "group", "extra", "watchers")
#: of dag-factory
_OTHER_CONDITIONS: Final = {"and": "all", "or": "any", "__and__": "all", "__or__": "any"}


def assets(node: Node, path: str, report: Report) -> tuple[AssetLike, ...] | None:
    """Read ``inlets`` or ``outlets``: a list of assets, or one; None when it is null or nothing of it is right."""
    report.places[path] = node.place
    if is_null(node):
        return None
    if not isinstance(node, Sequence):
        found = asset(node, path, report)
        return (found,) if found is not None else None
    read = [asset(item, f"{path}[{index}]", report) for index, item in enumerate(node.items)]
    return tuple(item for item in read if item is not None)


def condition(node: Node, path: str, report: Report) -> AssetExpression | None:
    """Read what stands at ``assets``: a list, all of which must have changed, one asset, or ``all`` and ``any``."""
    if isinstance(node, Sequence):
        return _condition_of(node, path, report, is_any=False)
    return _part(node, path, report)


def condition_by_key(name: str, node: Node, path: str, report: Report) -> AssetCondition | None:
    """Read the list at ``all`` or ``any``."""
    report.places[path] = node.place
    if not isinstance(node, Sequence):
        report.problem(
            node,
            path,
            "must be a list of assets",
            f"write {name}: [s3://lake/orders, s3://lake/prices]",
            code=Code.ASSET,
        )
        return None
    return _condition_of(node, path, report, is_any=name == "any")


def _condition_of(node: Sequence, path: str, report: Report, *, is_any: bool) -> AssetCondition | None:
    report.places[path] = node.place
    if not node.items:
        report.problem(node, path, "needs at least one asset", code=Code.ASSET)
        return None
    read = [_part(item, f"{path}[{index}]", report) for index, item in enumerate(node.items)]
    return AssetCondition(tuple(part for part in read if part is not None), is_any)


def _part(node: Node, path: str, report: Report) -> AssetExpression | None:
    """Read one part of a condition: an asset, or a condition inside it."""
    if isinstance(node, Sequence):
        report.places[path] = node.place
        report.problem(node, path, "must be an asset, not a list", "write {all: […]} or {any: […]}", code=Code.ASSET)
        return None
    if not isinstance(node, Mapping):
        return asset(node, path, report)
    found = [(key, value) for key, value in node.entries if key.text in CONDITIONS]
    if not found:
        return asset(node, path, report)
    report.places[path] = node.place
    key, value = found[0]
    for other, _ in node.entries:
        if other is not key:
            report.problem(
                other, joined(path, other.text), f"cannot stand beside '{key.text}'", code=Code.CONTRADICTION
            )
    return condition_by_key(key.text, value, joined(path, key.text), report)


# --- one asset


def asset(node: Node, path: str, report: Report) -> AssetLike | None:
    """Read one asset in any of its forms; None when it is wrong (noted in ``report``)."""
    report.places[path] = node.place
    if isinstance(node, Mapping):
        return _mapping(node, path, report)
    try:
        written = text(node)
    except Invalid:
        report.problem(node, path, "must be an asset", f"write {FORMS}", code=Code.ASSET)
        return None
    return Asset(written, written, is_short=True, path=path)


def _mapping(node: Mapping, path: str, report: Report) -> AssetLike | None:
    if wrong := _of_others(node):
        report.problem(node, path, *wrong, code=Code.ASSET)
        return None
    for lead, others, read in _BY_KEY:
        if node.get(lead) is not None:
            _refuse_keys(node, (lead, *others), path, report)
            return read(node, path, report)
    _refuse_keys(node, _KEYS, path, report)
    if all(key.text in _KEYS for key, _ in node.entries):
        report.problem(node, path, "an asset needs 'name' or 'uri'", f"write {FORMS}", code=Code.ASSET)
    return None


def _of_others(node: Mapping) -> tuple[str, str] | None:
    """Describe an asset or condition of dag-factory, as (sentence, hint)."""
    for key, _ in node.entries:
        if key.text == OBJECT_KEY:
            return f"'{OBJECT_KEY}' makes no asset here", f"write {FORMS}"
        if key.text in _OTHER_CONDITIONS:
            instead = _OTHER_CONDITIONS[key.text]
            return f"'{key.text}' is written '{instead}'", f"write {{{instead}: [s3://lake/orders, s3://lake/prices]}}"
    return None


def _refuse_keys(node: Mapping, known: tuple[str, ...], path: str, report: Report) -> None:
    for key, _ in node.entries:
        if key.text not in known:
            hint = report.hints.did_you_mean(key.text, known) or f"there are {', '.join(known)}"
            report.problem(key, joined(path, key.text), f"an asset has no '{key.text}'", hint, code=Code.UNKNOWN_KEY)


def _alias(node: Mapping, path: str, report: Report) -> AssetAlias:
    return AssetAlias(_text(node, "alias", path, report) or "", _text(node, "group", path, report), path)


def _reference(node: Mapping, path: str, report: Report) -> AssetReference:
    return AssetReference(_text(node, "ref", path, report) or "", path)


def _asset(node: Mapping, path: str, report: Report) -> Asset:
    name, uri = (_text(node, key, path, report) for key in ("name", "uri"))
    return Asset(
        name=name if name is not None else uri or "",
        uri=uri if uri is not None else name or "",
        group=_text(node, "group", path, report),
        extra=_extra(node.get("extra"), joined(path, "extra"), report),
        watchers=_watchers(node.get("watchers"), joined(path, "watchers"), report),
        path=path,
    )


_BY_KEY: Final[tuple[tuple[str, tuple[str, ...], Callable[[Mapping, str, Report], AssetLike]], ...]] = (
    ("alias", ("group",), _alias),
    ("ref", (), _reference),
    ("name", _KEYS, _asset),
    ("uri", _KEYS, _asset),
)


def _text(node: Mapping, name: str, path: str, report: Report) -> str | None:
    value = node.get(name)
    if value is None or (is_null(value) and name in ("group", "name", "uri")):
        return None
    return required_text(value, joined(path, name), report)


def _extra(node: Node | None, path: str, report: Report) -> dict[str, Value]:
    if node is None or is_null(node):
        return {}
    report.places[path] = node.place
    if not isinstance(node, Mapping) or marker_key(node) is not None:
        report.problem(node, path, "must be a mapping of plain values", code=Code.ASSET)
        return {}
    return {key.text: _as_json(value, joined(path, key.text), report) for key, value in node.entries}


def _as_json(node: Node, path: str, report: Report) -> Value:
    """Read a plain value as Airflow keeps it, as JSON: dates are text as they were written."""
    report.places[path] = node.place
    if isinstance(node, Scalar):
        plain = isinstance(node.value, (str, bool, int, float)) or node.value is None
        return node.value if plain else node.text  # type: ignore[return-value]
    if isinstance(node, Sequence):
        return tuple(_as_json(item, f"{path}[{index}]", report) for index, item in enumerate(node.items))
    return {key.text: _as_json(value, joined(path, key.text), report) for key, value in node.entries}


# --- watchers


def _watchers(node: Node | None, path: str, report: Report) -> tuple[Watcher, ...]:
    if node is None or is_null(node):
        return ()
    report.places[path] = node.place
    if not isinstance(node, Sequence):
        report.problem(node, path, "must be a list of watchers", _WATCHER, code=Code.ASSET)
        return ()
    read = [_watcher(item, f"{path}[{index}]", report) for index, item in enumerate(node.items)]
    return tuple(watcher for watcher in read if watcher is not None)


_WATCHER: Final = "write watchers: [{name: …, trigger: {$new: import path of a trigger, with: {…}}}]"


def _watcher(node: Node, path: str, report: Report) -> Watcher | None:
    report.places[path] = node.place
    if not isinstance(node, Mapping) or node.get("trigger") is None or node.get("name") is None:
        report.problem(node, path, "a watcher needs 'name' and 'trigger'", _WATCHER, code=Code.ASSET)
        return None
    for key, _ in node.entries:
        if key.text not in ("name", "trigger"):
            hint = report.hints.did_you_mean(key.text, ("name", "trigger"))
            report.problem(key, joined(path, key.text), f"a watcher has no '{key.text}'", hint, code=Code.UNKNOWN_KEY)
    name = required_text(node.get("name"), joined(path, "name"), report)  # type: ignore[arg-type]
    return Watcher(name, _trigger(node.get("trigger"), joined(path, "trigger"), report))


def _trigger(node: Node | None, path: str, report: Report) -> Value:
    if isinstance(node, Mapping) and marker_key(node) is not None:
        return markers.value(node, path, report)
    assert node is not None  # a watcher has one
    report.places[path] = node.place
    report.problem(
        node,
        path,
        "must be an object of a trigger",
        "write {$new: import path of a trigger, with: {…}}",
        code=Code.ASSET,
    )
    return None
