"""Callbacks: ``module:function``, ``{uses: …, with: {…}}``, an object, or a list of these."""

from __future__ import annotations

from typing import Final

from airfleet.pipelines.language.markers import arguments, value
from airfleet.pipelines.language.objects import is_import_path
from airfleet.pipelines.language.spec import CallableRef, Callback, NewObject, Value
from airfleet.pipelines.language.values import FUNCTION, OBJECT_KEY, function, marker_key, noted
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence
from airfleet.yaml.problems import Report, joined


def callbacks(node: Node, path: str, report: Report) -> Value:
    """Read a callback, or a list of them."""
    if not isinstance(node, Sequence):
        return callback(node, path, report)
    found = [callback(item, f"{path}[{index}]", report) for index, item in enumerate(node.items)]
    return tuple(found)  # a wrong one is None, so that the others keep their places


def callback(node: Node, path: str, report: Report) -> str | Callback | NewObject | None:
    """Read ``module:function``, or ``{uses: …, with: …}``, or an object that can be called."""
    if not isinstance(node, Mapping):
        return noted(function, node, path, report)  # type: ignore[return-value]
    if marker_key(node) is not None:
        return object_alone(node, path, report)
    uses = _keys_of_callback(node, path, report)
    args = arguments(node.get("with"), joined(path, "with"), report)
    reference = None if uses is None else _reference(uses, joined(path, "uses"), report)
    return Callback(reference, args) if reference else None


_KEYS: Final = ("uses", "with")


def _keys_of_callback(node: Mapping, path: str, report: Report) -> Node | None:
    """Note keys that a callback does not have; give what it uses."""
    if (uses := node.get("uses")) is None:
        sentence = "a callback needs 'uses', a function or the class of a notifier"
        report.problem(node, path, sentence, _meant(node), Code.MISSING_KEY)
        return None
    for key, _ in node.entries:
        if key.text not in _KEYS:
            hint = report.hints.did_you_mean(key.text, _KEYS) or f"write with: {{{key.text}: …}}"
            sentence = f"a callback has no '{key.text}', only 'uses' and 'with'"
            report.problem(key, path, sentence, hint, Code.UNKNOWN_KEY)
    return uses


def _meant(node: Mapping) -> str:
    """Write a callback of other formats (``{callback: path, text: …}``) as one of ours."""
    named = next((key for key in (OBJECT_KEY, "callback", "function", "class") if node.get(key) is not None), "")
    written = node.get(named) if named else None
    names = [key.text for key, _ in node.entries if key.text not in (named, "with")]
    given = f", with: {{{', '.join(f'{name}: …' for name in names[:3])}}}" if names else ""
    return f"write {{uses: {written.text if isinstance(written, Scalar) else 'module:function'}{given}}}"


def _reference(node: Node, path: str, report: Report) -> CallableRef | None:
    written = node.value if isinstance(node, Scalar) else None
    if isinstance(written, str) and (FUNCTION.fullmatch(written) or is_import_path(written)):
        module, _, name = written.replace(":", ".").rpartition(".")
        return CallableRef(module, name)
    shown = f"'{written}' is not" if isinstance(written, str) and written else "must be"
    hint = "write module:function, or the import path of a notifier's class"
    report.problem(node, path, f"{shown} the name of a function or class", hint, Code.FUNCTION_NAME)
    return None


def object_alone(node: Mapping, path: str, report: Report) -> NewObject | None:
    """Read ``$new``; other markers are noted."""
    found = value(node, path, report)
    if found is None or isinstance(found, NewObject):
        return found
    sentence = "a marker such as $t is only read under 'with'"
    report.problem(node, path, sentence, "write the value itself", Code.MARKER_PLACE)
    return None


def hook(node: Node, path: str, report: Report) -> Value:
    """Read one callback."""
    if isinstance(node, Sequence):
        report.problem(node, path, "takes one function, not a list", "let it call the others", Code.WRONG_SHAPE)
        return None
    return callback(node, path, report)
