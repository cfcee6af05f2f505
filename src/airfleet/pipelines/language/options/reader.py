"""Values of arguments outside ``with`` that are more than a literal: params, functions by name, documents, objects.

:func:`argument` reads every kind of argument of a Dag or task.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from airfleet.pipelines.language import values
from airfleet.pipelines.language.arguments import WEIGHT_RULES, Argument
from airfleet.pipelines.language.kinds import ArgumentKind
from airfleet.pipelines.language.markers import value
from airfleet.pipelines.language.objects import import_path, instead_of_type
from airfleet.pipelines.language.options.callbacks import callbacks, hook, object_alone
from airfleet.pipelines.language.options.deadlines import deadlines
from airfleet.pipelines.language.options.retry_policies import retry_policy
from airfleet.pipelines.language.spec import FileText, Value
from airfleet.pipelines.language.values import (
    MARKERS,
    NO_OBJECTS,
    OBJECT_KEY,
    function,
    marker_key,
    noted,
    plain_value,
    shape,
    text,
)
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node, Scalar, is_null
from airfleet.yaml.problems import Report, joined

_Reader: TypeAlias = Callable[[Node, str, Report], Value]


def argument(node: Node, path: str, known: Argument, report: Report) -> Value:
    """Give the value of a DAG or task argument; None when it is null or wrong (noted in ``report``)."""
    reader = _READERS.get(known.kind)
    if reader is None:
        return values.argument(node, path, known, report)
    report.note_places(node, path)
    return None if is_null(node) else reader(node, path, report)


# --- functions and classes by name


def functions(node: Node, path: str, report: Report) -> Value:
    """Read a mapping from names to functions, or to objects."""
    if not isinstance(node, Mapping):
        sentence = "must be a mapping from names to functions"
        report.problem(node, path, sentence, "write {name: module:function}", Code.WRONG_SHAPE)
        return None
    found: dict[str, Value] = {}
    for key, item in node.entries:
        at = joined(path, key.text)
        if not (key.text.isascii() and key.text.isidentifier()):
            hint = "a name has letters, digits and underscores"
            report.problem(key, at, f"Jinja has no name '{key.text}'", hint, Code.TEMPLATE_NAME)
        elif isinstance(item, Mapping) and marker_key(item) is not None:
            found[key.text] = object_alone(item, at, report)
        else:
            found[key.text] = noted(function, item, at, report)
    return {name: one for name, one in found.items() if one is not None}


# --- texts


def document(node: Node, path: str, report: Report) -> Value:
    """Read a text, or ``{$f: path}``."""
    if not isinstance(node, Mapping) or marker_key(node) is None:
        return noted(text, node, path, report)
    found = value(node, path, report)
    if found is None or isinstance(found, FileText):
        return found
    report.problem(node, path, "takes a text, or {$f: path} for the text of a file", code=Code.MARKER_PLACE)
    return None


# --- params and objects


def params(node: Node, path: str, report: Report) -> Value:
    """Read params: plain values, schemas, and objects."""
    if not isinstance(node, Mapping):
        report.problem(node, path, f"must be a mapping, not {shape(node)}", code=Code.WRONG_TYPE)
        return None
    if (key := marker_key(node)) is not None:
        sentence = f"'{key.text}' must stand at a param, not in place of all of them"
        report.problem(key, path, sentence, code=Code.MARKER_PLACE)
        return None
    return {key.text: _param(item, joined(path, key.text), report) for key, item in node.entries}


def _param(node: Node, path: str, report: Report) -> Value:
    if not isinstance(node, Mapping):
        return noted(plain_value, node, path, report)
    if (marker := marker_key(node)) is not None:
        return value(node, path, report) if MARKERS.get(marker.text) == "$const" else object_alone(node, path, report)
    if node.get(OBJECT_KEY) is not None:
        report.problem(node, path, NO_OBJECTS, _schema_of_type(node), Code.PYTHON_OBJECT)
        return None
    return noted(plain_value, node, path, report)


def _schema_of_type(node: Mapping) -> str:
    """Write a param of dag-factory (``{__type__: airflow.sdk.Param, default: …}``) as one of ours."""
    cls = node.get(OBJECT_KEY)
    if not (isinstance(cls, Scalar) and cls.text.endswith(".Param")):
        return instead_of_type(node)
    return f"write {{{', '.join(f'{key.text}: …' for key, _ in node.entries if key.text != OBJECT_KEY)}}}"


def objects(node: Node, path: str, report: Report) -> Value:
    """Read a mapping with objects at any depth."""
    if not isinstance(node, Mapping):
        report.problem(node, path, f"must be a mapping, not {shape(node)}", code=Code.WRONG_TYPE)
        return None
    return object_alone(node, path, report) if marker_key(node) is not None else value(node, path, report)


def weight(node: Node, path: str, report: Report) -> Value:
    """Read the name of a rule, or an object."""
    if isinstance(node, Mapping) and marker_key(node) is not None:
        return object_alone(node, path, report)
    return values.argument(node, path, Argument("text", "", choices=WEIGHT_RULES), report)


_READERS: Final[dict[ArgumentKind, _Reader]] = {
    "callback": callbacks,
    "hook": hook,
    "functions": functions,
    "class": import_path,
    "document": document,
    "params": params,
    "deadline": deadlines,
    "retry_policy": retry_policy,
    "weight": weight,
    "objects": objects,
}
