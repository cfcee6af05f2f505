"""Values of a pipeline as they are written in its file, short enough for a sentence."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
from collections.abc import Mapping
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
