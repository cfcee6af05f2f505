"""``{$new: import.path, args: […], with: {…}}``: a Python object among the values."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from airfleet.pipelines.language.spec import NewObject, Value
from airfleet.pipelines.language.values import OBJECT_KEY, marker_key
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence, is_null
from airfleet.yaml.problems import Report, joined

#: reads a value of any kind at a path
ReadValue: TypeAlias = Callable[[Node, str, Report], Value]

#: ``package.module.Class``, ``package.module.function``, ``package.module.Class.method``; a colon before the last name
_PATH: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*[.:][A-Za-z_]\w*", re.ASCII)
_KEYS: Final = ("$new", "args", "with")


def new_object(node: Mapping, path: str, report: Report, read: ReadValue) -> NewObject | None:
    """Read an object to make; None when its class is not named (noted in ``report``)."""
    keys = {key.text: value for key, value in node.entries}
    for key, _ in node.entries:
        if key.text not in _KEYS:
            _note_unknown(key, path, report)
    args, kwargs = _args(keys.get("args"), path, report, read), _kwargs(keys.get("with"), path, report, read)
    made = import_path(keys["$new"], joined(path, "$new"), report)
    return NewObject(made, args, kwargs) if made else None


def import_path(node: Node, path: str, report: Report) -> str | None:
    """Read the import path of a class or function, with dots alone; None when it is none (noted in ``report``)."""
    report.places[path] = node.place
    written = node.value if isinstance(node, Scalar) else None
    if isinstance(written, str) and is_import_path(written):
        return written.replace(":", ".")
    hint = "write package.module.Class, for example"
    shown = f"'{written}' is not" if isinstance(written, str) and written else "must be"
    report.problem(node, path, f"{shown} the import path of a class or function", hint, Code.FUNCTION_NAME)
    return None


def is_import_path(written: str) -> bool:
    """Tell whether a text can name a class or function of a module."""
    return _PATH.fullmatch(written) is not None


def _note_unknown(key: Scalar, path: str, report: Report) -> None:
    hint = report.hints.did_you_mean(key.text, ("args", "with")) or f"write with: {{{key.text}: …}} beside $new"
    report.problem(key, path, f"$new has no '{key.text}' beside it, only 'with' and 'args'", hint, Code.MARKER_SHAPE)


def _args(node: Node | None, path: str, report: Report, read: ReadValue) -> tuple[Value, ...]:
    if node is None or is_null(node):
        return ()
    report.places[joined(path, "args")] = node.place
    if not isinstance(node, Sequence):
        hint = "arguments by name go under 'with'"
        report.problem(node, joined(path, "args"), "must be a list of arguments", hint, Code.MARKER_SHAPE)
        return ()
    return tuple(read(item, f"{path}.args[{index}]", report) for index, item in enumerate(node.items))


def _kwargs(node: Node | None, path: str, report: Report, read: ReadValue) -> dict[str, Value]:
    if node is None or is_null(node):
        return {}
    at = joined(path, "with")
    report.places[at] = node.place
    if not isinstance(node, Mapping):
        hint = "a list of arguments goes under 'args'"
        report.problem(node, at, "must be a mapping of arguments", hint, Code.MARKER_SHAPE)
        return {}
    if (key := marker_key(node)) is not None:
        sentence = f"'{key.text}' must stand at an argument, not in place of all of them"
        report.problem(key, at, sentence, code=Code.MARKER_PLACE)
        return {}
    return {key.text: read(inner, joined(at, key.text), report) for key, inner in node.entries}


def instead_of_type(node: Mapping) -> str:
    """Write an object of dag-factory (``{__type__: import.path, name: …}``) as an object of ours."""
    cls = node.get(OBJECT_KEY)
    path = cls.text if isinstance(cls, Scalar) and cls.text else "import.path"
    names = [key.text for key, _ in node.entries if key.text not in (OBJECT_KEY, "__args__")]
    args = ", args: […]" if node.get("__args__") is not None else ""
    given = f", with: {{{', '.join(f'{name}: …' for name in names[:3])}}}" if names else ""
    return f"write {{$new: {path}{args}{given}}}; to pass on the mapping itself, wrap it in {{$const: …}}"
