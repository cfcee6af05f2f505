"""``params`` whose values say what they may be: ``{default: eu, enum: [eu, us]}`` is a choice of two, not a mapping.

A mapping is the schema of a param when all its keys are of JSON Schema (or ``default``, and what Airflow's form reads),
and one of ``type``, ``enum`` and ``default`` is there. Airflow keeps each as a ``Param``.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

from airfleet.pipelines.checks.check_context import Checking, Installed, markers_in, objects_in
from airfleet.pipelines.checks.named.objects import check_plain_objects
from airfleet.pipelines.language.schedules import is_never
from airfleet.pipelines.language.spec import NewObject, Timetable, Value
from airfleet.problem_codes import Code

_TYPES: Final = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
_TELLING: Final = frozenset({"type", "enum", "default"})
_KEYS: Final = _TELLING | frozenset(
    [
        *("title", "description", "description_md", "section", "format", "examples", "values_display", "const"),
        *("readOnly", "writeOnly", "deprecated", "contentEncoding", "contentMediaType"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minLength", "maxLength", "pattern", "items", "minItems", "maxItems", "uniqueItems"),
        *("properties", "required", "additionalProperties", "anyOf", "oneOf", "allOf", "not"),
        *("prefixItems", "contains", "minContains", "maxContains", "minProperties", "maxProperties"),
        *("patternProperties", "propertyNames", "dependentRequired", "if", "then", "else"),
    ]
)


def is_schema(value: object) -> bool:
    """Tell whether the value of a param is a schema.

    >>> is_schema({"default": "eu", "enum": ("eu", "us")}), is_schema({"type": "s3", "path": "x"}), is_schema("eu")
    (True, False, False)
    """
    return isinstance(value, Mapping) and _TELLING & value.keys() != set() and not _foreign(value)


def _foreign(value: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the keys for which a mapping is no schema."""
    keys = tuple(key for key in value if key not in _KEYS)
    return keys or (("type",) if "type" in value and not _is_type(value["type"]) else ())


def _is_type(written: object) -> bool:
    names = written if isinstance(written, (tuple, list)) else (written,)
    return bool(names) and all(isinstance(name, str) and name in _TYPES for name in names)


def check_params(checking: Checking) -> None:
    """Note schemas that are none, and defaults that theirs does not allow."""
    pipeline = checking.pipeline
    sources = [("", pipeline.options), ("defaults.", pipeline.defaults)]
    sources += [(f"{group.path}.defaults.", group.defaults) for group in pipeline.groups]
    sources += [(f"{task.path}.", task.options) for task in pipeline.tasks]
    for prefix, options in sources:
        params, path = options.get("params"), f"{prefix}params"
        if isinstance(params, Mapping) and path in pipeline.places:
            for name, value in params.items():
                if is_schema(value):
                    assert isinstance(value, Mapping)
                    _check_param(f"{path}.{name}", value, checking)
                elif isinstance(value, NewObject):
                    _check_object(f"{path}.{name}", value, checking)


def _check_object(path: str, made: NewObject, checking: Checking) -> None:
    """Check an object, and the schema of one of Airflow's own class."""
    check_plain_objects(made, path, checking)
    if made.path not in _CLASSES or len(made.args) > 2 or any(True for _ in markers_in(made, path)):
        return
    written = {**dict(zip(("default", "description"), made.args, strict=False)), **made.kwargs}
    schema = written.pop("schema", None)
    if schema is not None:
        written = {key: written[key] for key in ("default", "description") if key in written}
        written |= schema if isinstance(schema, Mapping) else {}
    if not any(True for _ in objects_in(written, path)):
        _check_param(path, {key: value for key, value in written.items() if key != "source"}, checking)


#: names of Airflow's class of params
_CLASSES: Final = ("airflow.sdk.Param", "airflow.sdk.definitions.param.Param", "airflow.models.param.Param")


def _check_param(path: str, written: Mapping[str, Value], checking: Checking) -> None:
    import jsonschema  # type: ignore[import-untyped]  # slow to import, and few pipelines have schemas

    if _refers(written):
        sentence = "the schema of a param cannot refer to another one by $ref"
        checking.problem(path, sentence, "write it out", Code.PARAM_SCHEMA)
        return
    schema = {key: _plain(value) for key, value in written.items() if key not in ("default", "description")}
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
        if "default" in written and any(map(_may_take_long, _patterns(schema))):
            if wrong := _tried(schema, _plain(written["default"]), checking.installed):
                checking.problem(path, wrong, code=Code.PARAM_DEFAULT)
        elif "default" in written:
            jsonschema.validate(_plain(written["default"]), schema, format_checker=jsonschema.FormatChecker())
    except jsonschema.SchemaError as error:
        checking.problem(path, f"the schema of the param is wrong: {error.message}", code=Code.PARAM_SCHEMA)
    except jsonschema.ValidationError as error:
        if _runs_by_itself(checking) or written["default"] is not None:
            sentence = f"the default does not fit the param's own schema: {error.message}"
            checking.problem(path, sentence, code=Code.PARAM_DEFAULT)
    else:
        if "default" not in written and _runs_by_itself(checking):
            hint = "a scheduled run has nobody to ask; write a default, or schedule: null"
            sentence = "the param has no default, but the Dag has a schedule"
            checking.problem(path, sentence, hint, Code.PARAM_DEFAULT)


def _patterns(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from ([value["pattern"]] if isinstance(value.get("pattern"), str) else [])
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _patterns(item)


#: a group that repeats, in which something repeats or is one of several
_REPEATED_GROUP: Final = re.compile(r"[+*?}|][^()]*\)+[+*{]")


#: to look through a longer one takes long itself
_LONGEST_PATTERN: Final = 1000


def _may_take_long(pattern: str) -> bool:
    """Tell whether Python's regular expressions may go back exponentially often.

    >>> _may_take_long("^(a+)+$"), _may_take_long("^[a-z]+-[0-9]{4}$")
    (True, False)
    """
    return len(pattern) > _LONGEST_PATTERN or _REPEATED_GROUP.search(pattern) is not None


_MOST_SECONDS: Final = 2
_VALIDATION: Final = f"""
import json, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, ({_MOST_SECONDS}, {_MOST_SECONDS}))
import jsonschema
schema, value = json.load(sys.stdin)
try:
    jsonschema.validate(value, schema, format_checker=jsonschema.FormatChecker())
except jsonschema.ValidationError as error:
    print(error.message)
"""


#: So many patterns of one file may take too long; the others are not tried then.
_MOST_TOO_LONG: Final = 3
_TOO_LONG: Final = "the pattern takes too long for its default: what it repeats has repeats itself"


def _tried(schema: object, value: object, installed: Installed) -> str | None:
    """Describe the fault of a default; of a file, only so many trials may last."""
    if installed.slow_patterns >= _MOST_TOO_LONG:
        return f"the pattern was not tried, for {_MOST_TOO_LONG} others of this file take too long"
    wrong = _misfit_elsewhere(json.dumps([schema, value], default=str))
    installed.slow_patterns += wrong == _TOO_LONG
    return wrong


@functools.lru_cache(maxsize=256)
def _misfit_elsewhere(given: str) -> str | None:
    """Describe the fault of a default, in a process that ends after so much time of the processor."""
    done = subprocess.run([sys.executable, "-c", _VALIDATION], input=given, text=True, capture_output=True, check=False)
    if done.returncode < 0:
        return _TOO_LONG
    return f"the default does not fit the param's own schema: {done.stdout.strip()}" if done.stdout else None


def _refers(value: object) -> bool:
    """Tell whether a schema would be looked for elsewhere, on the network even."""
    if isinstance(value, Mapping):
        return any(str(key).startswith("$") or _refers(item) for key, item in value.items())
    return isinstance(value, tuple) and any(_refers(item) for item in value)


def _runs_by_itself(checking: Checking) -> bool:
    schedule = checking.pipeline.schedule
    return schedule is not None and not (isinstance(schedule, Timetable) and is_never(schedule))


def doubtful(params: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    """Give each param that is nearly a schema, with the key for which it is taken as a mapping."""
    for name, value in params.items():
        if isinstance(value, Mapping) and len(value.keys() & _KEYS) > 1 and value.keys() & _TELLING:
            yield from ((name, key) for key in _foreign(value)[:1])


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (tuple, list)) else value
