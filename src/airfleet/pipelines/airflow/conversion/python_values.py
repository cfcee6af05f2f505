"""Values of a Dag in Python as values of ours, and notes on those that there are none for."""

from __future__ import annotations

import datetime as dt
import enum
import inspect
import re
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from airflow.sdk import Asset, AssetAlias, AssetAll, AssetAny, Param, XComArg
from airflow.sdk.definitions._internal.expandinput import MappedArgument
from airflow.sdk.definitions.param import ParamsDict

from airfleet.pipelines.dialects.dag_factory.objects import duration_text

_JINJA: Final = re.compile(r"\{\{|\{%|\{#")
#: module of the functions of a file with Dags: the file's name and this
STEPS: Final = "_steps"


class Values:
    """The values of one file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.notes: list[tuple[str, str]] = []
        #: functions of the file itself that tasks use
        self.functions: set[str] = set()
        #: what is converted, for notes
        self.path = ""
        #: ids of tasks whose output is used so far
        self.used: set[str] = set()
        #: the zone of the Dag
        self.zone: dt.tzinfo | None = None
        self._endings: tuple[str, ...] = ()

    def note(self, sentence: str) -> None:
        """Note something that is not carried over."""
        self.notes.append((self.path, sentence))

    def begin(self, cls: type) -> None:
        """Begin with the arguments of an operator."""
        endings = getattr(cls, "template_ext", ())
        self._endings = tuple(endings) if isinstance(endings, (list, tuple)) else ()

    def option(self, name: str, value: Any) -> Any:
        """Give an argument of a Dag, or of every task."""
        if name.startswith("on_") and name.endswith("_callback"):
            return self._callbacks(value)
        if name == "params":
            return {key: _param(value, key) for key in value}
        return self.argument(value, rendered=False)

    def argument(self, value: Any, *, rendered: bool) -> Any:
        """Give an argument; one that cannot be written is noted, and is null."""
        if isinstance(value, enum.Enum):
            value = value.value
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, str):
            return self._text(value, rendered=rendered)
        if isinstance(value, dt.timedelta):
            return duration_text(value)
        if isinstance(value, dt.date):
            return self._date(value)
        if isinstance(value, XComArg):
            return self._output(value)
        if isinstance(value, MappedArgument):
            return {"$item": value._key}
        if isinstance(value, (Asset, AssetAlias, AssetAll, AssetAny)):
            return asset(value)
        if isinstance(value, Mapping):
            return {str(key): self.argument(one, rendered=rendered) for key, one in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            listed = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
            return [self.argument(one, rendered=rendered) for one in listed]
        if isinstance(value, (types.FunctionType, type)):
            return self.function(value)
        self.note(f"an object of the class {type(value).__module__}.{type(value).__qualname__} is left out")
        return None

    def _date(self, value: dt.date) -> str:
        """Write a date in the zone of its Dag."""
        if not isinstance(value, dt.datetime):
            return value.isoformat()
        if value.tzinfo is not None and self.zone is not None:
            value = value.astimezone(self.zone).replace(tzinfo=None)
        return value.date().isoformat() if value.time() == dt.time() and value.tzinfo is None else value.isoformat()

    def function(self, value: Any) -> str | None:
        """Give ``module:function``; functions of the file go into a module beside it."""
        name = getattr(value, "__qualname__", "")
        if "<locals>" in name and _needs_nothing_around(value):
            name = name.rpartition(".")[2]
        if not name.isidentifier():
            what = "a lambda" if "<lambda>" in name else f"'{name}'"
            self.note(f"{what} is no function at the top of a module, and is left out")
            return None
        if getattr(value, "__module__", "").endswith(self.file.stem) and _is_of(value, self.file):
            self.functions.add(name)
            return f"{self.file.stem}{STEPS}:{name}"
        return f"{value.__module__}:{name}"

    def _text(self, value: str, *, rendered: bool) -> Any:
        if rendered and self._endings and value.endswith(self._endings):
            return {"$t": "{% include '" + value + "' %}"}
        return {"$t": value} if rendered and _JINJA.search(value) else value

    def _output(self, value: XComArg) -> Any:
        operator = getattr(value, "operator", None)
        if operator is None:
            self.note("an output that is mapped, zipped or joined is left out")
            return None
        self.used.add(operator.task_id)
        key = getattr(value, "key", "return_value")
        return {"$x": operator.task_id if key == "return_value" else {"task": operator.task_id, "key": key}}

    def _callbacks(self, value: Any) -> Any:
        found = [self._callback(one) for one in (value if isinstance(value, (list, tuple)) else [value])]
        good = [one for one in found if one is not None]
        return good[0] if len(good) == 1 else good

    def _callback(self, value: Any) -> Any:
        if isinstance(value, types.FunctionType):
            return self.function(value)
        self.note(f"a callback of the class {type(value).__qualname__} is left out")
        return None


def _needs_nothing_around(value: Any) -> bool:
    """Tell whether a function inside of another one uses nothing of it."""
    code = getattr(value, "__code__", None)
    return code is not None and not code.co_freevars


def _is_of(value: Any, file: Path) -> bool:
    code = getattr(value, "__code__", None)
    return code is None or Path(code.co_filename).name == file.name


def _param(params: Any, key: str) -> Any:
    found = params.get_param(key) if isinstance(params, ParamsDict) else params[key]
    if not isinstance(found, Param):
        return found
    described = {"description": found.description} if found.description else {}
    default = found.value if found.has_value else None
    return {**found.schema, **described, "default": default} if found.schema or described else default


def asset(value: Any) -> Any:
    """Give an asset, an alias, or several of them."""
    if isinstance(value, AssetAlias):
        return {"alias": value.name}
    if isinstance(value, (AssetAll, AssetAny)):
        return {"all" if isinstance(value, AssetAll) else "any": [asset(one) for one in value.objects]}
    found = {"name": value.name, "uri": value.uri, **({"extra": value.extra} if value.extra else {})}
    return value.uri if found == {"name": value.uri, "uri": value.uri} else found


def schedule(value: Any, values: Values) -> Any:
    """Give a schedule."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dt.timedelta):
        return {"every": duration_text(value)}
    if isinstance(value, (list, tuple)):
        return {"assets": [asset(one) for one in value]}
    if isinstance(value, (AssetAll, AssetAny)):
        found: Mapping[str, Any] = asset(value)
        return found
    if isinstance(value, (Asset, AssetAlias)):
        return {"assets": [asset(value)]}
    return _timetable(value, values)


def _timetable(value: Any, values: Values) -> Any:
    """Give a timetable with the arguments that it was made with, as far as its class keeps them by their names."""
    cls = type(value)
    given = {}
    for name, parameter in inspect.signature(cls.__init__).parameters.items():
        if name == "self" or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        kept = next(
            (getattr(value, one) for one in (name, f"_{name}", *_KEPT_AS.get(name, ())) if hasattr(value, one)), None
        )
        if kept is not None and kept != parameter.default:
            given[name] = getattr(kept, "name", None) or values.argument(kept, rendered=False)
    return {"uses": f"{cls.__module__}.{cls.__qualname__}", "with": given}


#: argument of a timetable of Airflow → the attributes that keep it
_KEPT_AS: Final = {"cron": ("expression", "_expression"), "timezone": ("_timezone",)}
