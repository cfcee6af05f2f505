"""The JSON Schema of pipelines with the operators, notifiers and timetables that are installed.

It is that of :mod:`airfleet.pipelines.reading.schema`; beside that, ``uses`` knows the classes, and ``with`` the
arguments of each. It refuses nothing that ``airfleet check`` lets pass.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from airfleet.editor import installed_classes
from airfleet.editor.installed_classes import InstalledClass, Parameter
from airfleet.pipelines.analysis.annotations import alternatives, kind_in
from airfleet.pipelines.language.kinds import ArgumentKind
from airfleet.pipelines.reading import schema as pipelines
from airfleet.yaml.fields import Schema


def schema() -> Schema:
    """Write the schema of one document of a pipeline file."""
    operators = _Classes("task", installed_classes.operators())
    notifiers = _Classes("notifier", installed_classes.notifiers())
    timetables = _Classes("timetable", installed_classes.timetables(), are_typed=False)
    plain = pipelines.schema()
    known = plain["$defs"]
    named: dict[str, Schema] = {
        "uses": {
            **known["uses"],
            "anyOf": [_OF_NO_PROVIDER, *operators.names, {"type": "null"}, _ref("expression")],
        },
        "called": _with_classes(known["called"], notifiers),
        "timetable": _with_classes(known["timetable"], timetables),
        **{name: {**known[name], "allOf": [_ref("operators")]} for name in ("task", "template")},
        "operators": {"allOf": operators.rules},
    }
    arguments = {**operators.definitions, **notifiers.definitions, **timetables.definitions}
    return {**plain, "$defs": {**known, **named, **_VALUES, **_shared(arguments), **arguments}}


def _with_classes(definition: Schema, classes: _Classes) -> Schema:
    """Write a mapping of ``uses`` and ``with`` that knows classes."""
    uses = {"anyOf": [definition["properties"]["uses"], *classes.names]}
    return {**definition, "properties": {**definition["properties"], "uses": uses}, "allOf": classes.rules}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


#: A function, the import path of a class, or a text with an expression. It comes first, for editors say what is wrong
#: with the first alternative.
_OF_NO_PROVIDER: Final[Schema] = {
    "type": "string",
    "pattern": r":|\.[A-Z_]\w*$|\$\{\{",
    "patternErrorMessage": "no installed operator; also module:function, or the import path of a class",
}


class _Classes:
    """The classes of one kind, as parts of a schema."""

    def __init__(self, kind: str, classes: Iterable[InstalledClass], *, are_typed: bool = True) -> None:
        """Write classes; ``are_typed`` when check judges their literals by annotations."""
        #: what ``uses`` may be
        self.names: list[Schema] = []
        #: if ``uses`` is this, then ``with`` is that
        self.rules: list[Schema] = []
        self.definitions: dict[str, Schema] = {}
        for one in classes:
            name = f"{kind}.{one.names[0]}"
            self.names.append({"enum": list(one.names), "description": _plain(one.says) or one.names[-1]})
            self.rules.append({"if": _uses(one), "then": _ref(name)})
            self.definitions[name] = _arguments(one, are_typed)


def _uses(one: InstalledClass) -> Schema:
    """Write the condition that ``uses`` names a class; a pattern, for editors show every ``enum`` that they meet."""
    pattern = f"^({'|'.join(map(re.escape, one.names))})$"
    return {"required": ["uses"], "properties": {"uses": {"type": "string", "pattern": pattern}}}


def _arguments(one: InstalledClass, are_typed: bool) -> Schema:
    """Write what a mapping with ``uses`` and ``with`` has for a class."""
    given: Schema = {"properties": {name: _value(known, are_typed) for name, known in one.parameters.items()}}
    made: Schema = {"properties": {"with": given if one.open else {**given, "additionalProperties": False}}}
    if not one.required:
        return made
    needed: Schema = {"type": "object", "required": list(one.required)}
    return {**made, "if": _ref("complete"), "then": {"required": ["with"], "properties": {"with": needed}}}


# --- values


def _value(known: Parameter, is_typed: bool) -> Schema:
    says = ": ".join(filter(None, [_shown(known.annotation), _plain(known.says)]))
    made: Schema = {"description": says} if says else {}
    if re.search(r"\bdeprecated\b", known.says, re.IGNORECASE):
        made["deprecated"] = True
    kind = kind_in(known.annotation) if is_typed else None
    if kind in _JUDGED:
        return {**made, **_ref(_JUDGED[kind])}
    choices = _choices(known.annotation)
    return {**made, "anyOf": [{"enum": choices}, {}]} if choices else made


def _shown(annotation: str) -> str:
    """Show an annotation, without what only Airflow itself gives."""
    shown = re.sub(r" \| ArgNotSet\b|\bArgNotSet \| ", "", annotation)
    return shown if len(shown) <= _LONGEST_ANNOTATION else ""


def _plain(words: str) -> str:
    """Write words as plain text, each paragraph on one line: editors escape the signs of Markdown in a description."""
    paragraphs = re.sub(r"`+([^`]*)`+", r"\1", words).split("\n\n")
    return "\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


_LONGEST_ANNOTATION: Final = 100


def _choices(annotation: str) -> list[str]:
    """List the texts of ``Literal['a', 'b']``, which editors complete; check does not refuse others."""
    literals = [one for one in alternatives(annotation) if isinstance(one, ast.Subscript)]
    slices = [one.slice for one in literals if ast.unparse(one.value).endswith("Literal")]
    written = [item for one in slices for item in (one.elts if isinstance(one, ast.Tuple) else [one])]
    return [item.value for item in written if isinstance(item, ast.Constant) and isinstance(item.value, str)]


#: kinds by which check judges a literal
_JUDGED: Final[Mapping[ArgumentKind | None, str]] = {
    "integer": "given_number",
    "number": "given_number",
    "boolean": "given_boolean",
    "duration": "given_duration",
    "function": "given_function",
}


def _given(*accepted: Schema) -> Schema:
    return {"anyOf": [*accepted, _ref("later")]}


#: Text of a number is a number there, for the environment knows text alone.
_VALUES: Final[dict[str, Schema]] = {
    "complete": {"not": {"anyOf": [{"required": [name]} for name in ("extends", "expand", "expand_kwargs", "args")]}},
    "later": {"anyOf": [_ref("marker"), {"type": "string", "pattern": r"\$\{\{"}, {"type": "null"}]},
    "given_number": _given(
        {"type": "number"},
        {"type": "string", "pattern": r"^[-+]?(\.?\d[\d._eE+-]*|0x[\da-fA-F]+|\.(inf|Inf|INF|nan|NaN|NAN))$"},
    ),
    "given_boolean": _given({"type": "boolean"}, {"type": "string", "pattern": "^(true|True|TRUE|false|False|FALSE)$"}),
    "given_duration": _given({"type": "number"}, _ref("duration")),
    "given_function": _given(_ref("function")),
}


# --- size


def _shared(definitions: dict[str, Schema]) -> dict[str, Schema]:
    """Move arguments that several classes have alike into definitions of their own, and refer to them."""
    withs = [one["properties"]["with"]["properties"] for one in definitions.values()]
    counted = Counter((name, json.dumps(value)) for given in withs for name, value in given.items())
    names: dict[tuple[str, str], str] = {}
    found: dict[str, Schema] = {}
    for name, written in (key for key, times in counted.items() if times > 1 and len(key[1]) > _SHORT):
        alike = sum(1 for known, _ in names if known == name)
        names[name, written] = f"argument.{name}{f'.{alike + 1}' if alike else ''}"
        found[names[name, written]] = json.loads(written)
    for given in withs:
        for name, value in given.items():
            if at := names.get((name, json.dumps(value))):
                given[name] = _ref(at)
    return found


#: characters of a schema that is not worth a reference
_SHORT: Final = 60
