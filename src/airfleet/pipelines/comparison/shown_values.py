"""Values of a pipeline as they are written in its file, short enough for a sentence."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
from collections.abc import Iterator, Mapping
from typing import Final

from airfleet.pipelines.language.spec import (
    Asset,
    AssetAlias,
    AssetReference,
    CallableRef,
    Callback,
    Const,
    FileText,
    GroupItem,
    JinjaText,
    NewObject,
    OperatorRef,
    Timetable,
    XCom,
)
from airfleet.yaml.durations import seconds_text

#: characters of a value in a sentence
LONGEST: Final = 80


def shown(value: object) -> str:
    """Write a value into a sentence; of a long one, its beginning.

    >>> shown("@daily"), shown(None), shown((1, XCom("load")))
    ("'@daily'", 'nothing', '[1, {$x: load}]')
    """
    text = written(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def as_text(value: object) -> str:
    r"""Write a value to be compared line by line: a text as it is, and each value of a list or mapping on its own.

    >>> as_text({"sql": ("select 1", JinjaText("b")), "rows": 1})
    'sql[0]: select 1\nsql[1]: b\nrows: 1'
    """
    return "\n".join(f"{path}: {text}" if path else text for path, text in _texts(value, ""))


def has_lines(value: object) -> bool:
    """Tell whether a text in a value has several lines."""
    return any("\n" in text for _, text in _texts(value, ""))


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, JinjaText):
        value = value.text
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _texts(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (tuple, list)) and value:
        for index, item in enumerate(value):
            yield from _texts(item, f"{path}[{index}]")
    else:
        yield path, value if isinstance(value, str) else written(value)


def written(value: object) -> str:
    """Write a value whole."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str():
            return repr(value)
        case dt.timedelta():
            return seconds_text(value.total_seconds())
        case dt.datetime():
            return value.isoformat(sep=" ")
        case dt.date():
            return value.isoformat()
        case enum.Enum():
            return str(value.value)
        case Mapping():
            return "{" + ", ".join(f"{key}: {written(item)}" for key, item in value.items()) + "}"
        case tuple() | list() | frozenset():
            return "[" + ", ".join(map(written, value)) + "]"
        case _:
            return _of_the_language(value)


def _of_the_language(value: object) -> str:
    match value:
        case OperatorRef() | CallableRef():
            return value.written
        case Callback(uses=uses, args=args):
            return f"{{uses: {uses.written}, with: {written(args)}}}" if args else uses.written
        case XCom(task=task, key="return_value"):
            return f"{{$x: {task}}}"
        case XCom(task=task, key=key):
            return f"{{$x: {{task: {task}, key: {key}}}}}"
        case JinjaText(text=text):
            return f"{{$t: {written(text)}}}"
        case FileText(path=path):
            return f"{{$f: {path}}}"
        case GroupItem(name=name):
            return f"{{$item: {name}}}"
        case Const(value=inner):
            return f"{{$const: {json.dumps(inner, default=str)}}}"
        case NewObject(path=path):
            return f"{{$new: {path}, …}}"
        case Asset(name=name, uri=uri, is_short=True):
            return uri or name
        case Asset(name=name, uri=uri):
            return f"{{name: {name}, uri: {uri}}}"
        case AssetAlias(name=name):
            return f"{{alias: {name}}}"
        case AssetReference(written=text):
            return f"{{ref: {text}}}"
        case Timetable(path=path, args=args):
            return f"{path} with {written(args)}" if args else path
    if dataclasses.is_dataclass(value):
        said = (one for one in dataclasses.fields(value) if one.compare and getattr(value, one.name) != one.default)
        parts = (f"{one.name}: {written(getattr(value, one.name))}" for one in said)
        return f"{type(value).__name__}({', '.join(parts)})"
    return str(value)
