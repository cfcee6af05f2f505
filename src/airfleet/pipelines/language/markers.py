"""The values under ``with``: literals, and the markers ``$t $x $f $const $new`` at any depth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from airfleet.errors import Suggestion
from airfleet.pipelines.language.objects import instead_of_type, new_object
from airfleet.pipelines.language.spec import Const, FileText, GroupItem, JinjaText, Marker, Value, XCom
from airfleet.pipelines.language.values import (
    MARKERS,
    NO_OBJECTS,
    OBJECT_KEY,
    Invalid,
    frozen,
    marker_key,
    text,
)
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence, is_null, plain
from airfleet.yaml.problems import Report, joined


def arguments(
    node: Node | None, path: str, report: Report, is_environment: Callable[[str], bool] = lambda _: False
) -> dict[str, Value]:
    """Give the arguments under ``with``; of those that are an environment, the literals are text."""
    if node is None or is_null(node):
        return {}
    report.places[path] = node.place
    if not isinstance(node, Mapping):
        report.problem(node, path, "must be a mapping of arguments", code=Code.WRONG_SHAPE)
        return {}
    if (key := marker_key(node)) is not None:
        sentence = f"'{key.text}' must stand at an argument, not in place of all of them"
        report.problem(key, path, sentence, code=Code.MARKER_PLACE)
        return {}
    return {
        key.text: (environment if is_environment(key.text) else value)(inner, joined(path, key.text), report)
        for key, inner in node.entries
    }


def environment(node: Node, path: str, report: Report) -> Value:
    """Variables of a process: text as it is written, and markers."""
    if not isinstance(node, Mapping) or marker_key(node) is not None:
        return value(node, path, report)
    report.places[path] = node.place
    refuse_names(node, path, report)
    return {key.text: _variable(inner, joined(path, key.text), report) for key, inner in node.entries}


def refuse_names(node: Mapping, path: str, report: Report) -> None:
    """Note names that no variable of an environment can have."""
    for key, _ in node.entries:
        if not key.text or "=" in key.text or "\0" in key.text:
            sentence = f"'{key.text}' cannot be the name of a variable of the environment"
            hint = f"write {key.text.partition('=')[0]}: …" if key.text.partition("=")[0] else None
            report.problem(key, path, sentence, hint, Code.ENVIRONMENT_VARIABLE)


def _variable(node: Node, path: str, report: Report) -> Value:
    if isinstance(node, Mapping) and marker_key(node) is not None:
        return value(node, path, report)
    report.places[path] = node.place
    if not isinstance(node, Scalar):
        shape = "a list" if isinstance(node, Sequence) else "a mapping"
        sentence = f"a variable of the environment must be text, not {shape}"
        report.problem(node, path, sentence, "write it as JSON text", Code.ENVIRONMENT_VARIABLE)
        return None
    if node.value is None or isinstance(node.value, bool):
        return "" if node.value is None else str(node.value).lower()
    return node.value if isinstance(node.value, str) else node.text


def value(node: Node, path: str, report: Report) -> Value:
    """Give the value under ``with``: literals, and markers at any depth."""
    report.places[path] = node.place
    if isinstance(node, Scalar):
        return node.value  # type: ignore[return-value]
    if isinstance(node, Sequence):
        return tuple(value(item, f"{path}[{i}]", report) for i, item in enumerate(node.items))
    if (key := marker_key(node)) is not None:
        return _marker(node, key, path, report)
    refuse_objects(node, path, report)
    return {key.text: value(inner, joined(path, key.text), report) for key, inner in node.entries}


def refuse_objects(node: Mapping, path: str, report: Report) -> None:
    """Note ``__type__``, by which dag-factory makes Python objects; here it would be a key like any other."""
    for key, _ in node.entries:
        if key.text == OBJECT_KEY:
            report.problem(key, path, NO_OBJECTS, instead_of_type(node), Code.PYTHON_OBJECT)


def _marker(node: Mapping, key: Scalar, path: str, report: Report) -> Value:
    if key.text not in MARKERS:
        hint = _marker_hint(key.text, report) or "to pass such a key on as it is, wrap the mapping in {$const: ...}"
        sentence = f"'{key.text}' is not a marker; there are $t, $x, $f, $item, $new and $const"
        report.problem(key, path, sentence, hint, Code.UNKNOWN_MARKER)
        return None
    if key.text == "$new":
        return new_object(node, path, report, value)
    if len(node.entries) > 1:
        others = ", ".join(f"'{other.text}'" for other, _ in node.entries if other is not key)
        sentence = f"the marker '{key.text}' must stand alone in its mapping, without {others}"
        report.problem(key, path, sentence, code=Code.MARKER_SHAPE)
        return None
    inner = node.entries[0][1]
    try:
        return _MARKER_READERS[MARKERS[key.text]](inner)
    except Invalid as wrong:
        report.problem(inner, path, f"{key.text} {wrong}", wrong.hint, Code.MARKER_SHAPE)
        return None


def _marker_hint(written: str, report: Report) -> str | None:
    """Give the marker that is meant; of names so short, only a very near one."""
    near = report.hints.nearest(written, MARKERS, 0.75) or ("$new" if written in _OBJECTS else None)
    return Suggestion(written, near) if near else None


#: what people write for an object
_OBJECTS: Final = ("$object", "$type", "$class", "$call", "$init", "$target")


def _jinja_text(node: Node) -> Marker:
    if isinstance(node, Mapping):
        key = marker_key(node)
        if len(node.entries) != 1 or key is None or MARKERS.get(key.text) != "$f":
            raise Invalid("takes text, or {$f: path} for a file to render")
        return JinjaText(_file(node.entries[0][1]))
    return JinjaText(text(node))


def _file(node: Node) -> FileText:
    try:
        path = text(node)
    except Invalid:
        path = ""
    if not path:
        raise Invalid("takes the path of a file of the project")
    return FileText(path, node.place.file)


def _xcom(node: Node) -> Marker:
    if isinstance(node, Scalar) and node.value is not None and not isinstance(node.value, bool):
        return XCom(text(node))
    if not isinstance(node, Mapping):
        raise Invalid("takes the id of a task, or {task: id, key: name}")
    parts = {key.text: inner for key, inner in node.entries}
    if unknown := [key for key in parts if key not in ("task", "key")]:
        raise Invalid(f"does not know '{unknown[0]}'; it takes {{task: id, key: name}}")
    if "task" not in parts:
        raise Invalid("does not say which task", "write {task: id, key: name}")
    key = parts.get("key")
    if key is None or is_null(key):
        return XCom(text(parts["task"]))
    if not text(key):
        raise Invalid("needs the key of an output, not an empty text", "leave 'key' out for what the task returns")
    return XCom(text(parts["task"]), text(key))


def _item(node: Node) -> Marker:
    try:
        name = text(node)
    except Invalid:
        name = ""
    if not name:
        raise Invalid("takes the name of an argument by which the group is repeated")
    return GroupItem(name)


_MARKER_READERS: Final[dict[str, Callable[[Node], Marker]]] = {
    "$t": _jinja_text,
    "$x": _xcom,
    "$f": _file,
    "$const": lambda node: Const(frozen(plain(node))),
    "$item": _item,
}
