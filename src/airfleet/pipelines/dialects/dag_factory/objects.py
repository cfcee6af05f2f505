"""Values of dag-factory: ``__type__`` makes objects, ``__join__`` texts, and any text may be a template."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final

from airfleet.errors import Place
from airfleet.pipelines.analysis import modules
from airfleet.pipelines.analysis.module_files import module_file
from airfleet.pipelines.analysis.modules import Definition
from airfleet.pipelines.dialects.node_building import entries, items, mapping, sequence, text, written_text
from airfleet.pipelines.dialects.translation import Translation
from airfleet.pipelines.upgrade import imports
from airfleet.pipelines.upgrade import names as moved_names
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence

TYPE: Final = "__type__"
ARGS: Final = "__args__"
#: what joins values, from strong to weak: where several stand in a mapping, the first counts
JOINING: Final = {"__and__": " & ", "__or__": " | ", "__join__": ""}
_LIST: Final = "builtins.list"
#: Jinja, and no expression of ours, which begins with a single dollar
_JINJA: Final = re.compile(r"(?:(?<!\$)|(?<=\$\$))\{\{|\{%|\{#")
_ASSETS: Final = ("Asset", "Dataset")


@dataclass(frozen=True)
class Rendering:
    """Which texts of an argument are templates."""

    #: whether Airflow renders the argument
    rendered: bool = False
    #: whether texts without braces are rendered as well, to numbers and lists
    native: bool = False
    #: endings of texts that are names of files to render
    endings: tuple[str, ...] = ()


PLAIN: Final = Rendering()


def value(node: Node, how: Rendering, path: str, translation: Translation) -> Node:
    """Give a value under ``with``."""
    if isinstance(node, Scalar):
        return _scalar(node, how)
    if isinstance(node, Sequence):
        found = (value(item, how, f"{path}[{index}]", translation) for index, item in enumerate(node.items))
        return sequence(found, node.place)
    keys = entries(node)
    for name, between in JOINING.items():
        if name in keys:
            return joined_texts(keys[name][1], between, how, f"{path}.{name}", translation)
    if TYPE in keys:
        return made(node, path, translation)
    if any(key.startswith("$") for key in keys):
        return _as_it_is(node, how, path, translation)
    inner = ((key, value(one, how, f"{path}.{key.text}", translation)) for key, one in node.entries)
    return mapping(inner, node.place)


def _scalar(node: Scalar, how: Rendering) -> Node:
    if not how.rendered or not isinstance(node.value, str):
        return node
    if how.endings and node.value.endswith(how.endings) and "\n" not in node.value:
        included = "{% include '" + node.value.replace("\\", "\\\\").replace("'", "\\'") + "' %}"
        return template(included, node.place)
    if _JINJA.search(node.value) or (how.native and node.value):
        return template(node.value, node.place)
    return node


def template(written: str, place: Place) -> Mapping:
    """Make ``{$t: text}``."""
    return mapping([("$t", text(written, place))], place)


def _as_it_is(node: Mapping, how: Rendering, path: str, translation: Translation) -> Node:
    """Give a mapping with keys such as ``$match``, which are no markers in their format."""
    if how.rendered and any(_JINJA.search(written) for written in _texts(node)):
        sentence = "a mapping with a key that begins with '$' cannot hold templates"
        translation.problem(node, path, sentence, "write the whole argument as JSON text")
    return mapping([("$const", node)], node.place)


def _texts(node: Node) -> list[str]:
    if isinstance(node, Scalar):
        return [node.text]
    inner = node.items if isinstance(node, Sequence) else [one for _, one in node.entries]
    return [written for one in inner for written in _texts(one)]


def joined_texts(node: Node, between: str, how: Rendering, path: str, translation: Translation) -> Node:
    """Join the texts of ``__join__``, and of ``__and__`` and ``__or__`` outside of schedules."""
    parts = []
    for index, item in enumerate(items(node)):
        inner = value(item, PLAIN, f"{path}[{index}]", translation)
        if isinstance(inner, Scalar):
            parts.append(inner.text if isinstance(inner.value, str) else str(inner.value))
        else:
            translation.problem(item, f"{path}[{index}]", "must be text or a number, to be joined with others")
    whole = between.join(parts)
    return _scalar(text(f"({whole})" if between else whole, node.place), how)


def type_of(node: Node | None) -> str | None:
    """Give the import path of an object, as it is in Airflow 3; None for a value that makes no object."""
    written = written_text(node.get(TYPE)) if isinstance(node, Mapping) else None
    return modern(written) if written is not None else None


def modern(path: str) -> str:
    """Give the import path that a name of Airflow 1.10 or 2 has in Airflow 3.

    >>> modern("airflow.operators.bash.BashOperator")
    'airflow.providers.standard.operators.bash.BashOperator'
    """
    module, _, name = path.rpartition(".")
    if not imports.is_airflow(module) or name not in moved_names.NOW:
        return path
    is_there = module_file(module) is not None and isinstance(modules.find(module, name, ()), Definition)
    return path if is_there and not imports.is_gone(module, name) else moved_names.NOW[name]


def arguments_of(node: Mapping) -> tuple[tuple[Node, ...], dict[str, tuple[Scalar, Node]]]:
    """Give what an object is made with: by place, and by name."""
    by_name = {name: entry for name, entry in entries(node).items() if name not in (TYPE, ARGS)}
    return items(node.get(ARGS)), by_name


def made(node: Mapping, path: str, translation: Translation) -> Node:
    """Give ``{$new: …}`` for ``__type__``; a list for a list, and what they have for plain values as these."""
    cls = type_of(node)
    if cls is None:
        translation.problem(node.get(TYPE) or node, f"{path}.{TYPE}", "must be the import path of a class")
        return node
    by_place, by_name = arguments_of(node)
    if cls == _LIST:
        found = by_name["items"][1] if "items" in by_name else sequence(by_place, node.place)
        return value(found, PLAIN, f"{path}.items", translation)
    args = [value(one, PLAIN, f"{path}.{ARGS}[{index}]", translation) for index, one in enumerate(by_place)]
    named = [(key, value(one, PLAIN, f"{path}.{name}", translation)) for name, (key, one) in by_name.items()]
    at = node.get(TYPE) or node
    return mapping(
        [
            ("$new", text(cls, at.place)),
            ("args", sequence(args, node.place) if args else None),
            ("with", mapping(named, node.place) if named else None),
        ],
        node.place,
    )


def as_list(node: Node) -> Sequence | None:
    """Give the items of a list, also of one that is written as an object; None for everything else."""
    if isinstance(node, Sequence):
        return node
    if isinstance(node, Mapping) and type_of(node) == _LIST and isinstance(found := node.get("items"), Sequence):
        return found
    return None


# --- lengths of time

_UNITS: Final = {"weeks": 604800, "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1, "milliseconds": 0.001}
#: of datetime.timedelta, by place
_ORDER: Final = ("days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks")
_SHORT: Final = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def duration(node: Node) -> Node:
    """Give a length of time as ``5m``, for ``datetime.timedelta``; everything else as it is."""
    length = timedelta_of(node)
    return node if length is None else text(duration_text(length), node.place)


def timedelta_of(node: Node) -> dt.timedelta | None:
    """Read ``{__type__: datetime.timedelta, …}`` with plain numbers; None for everything else."""
    if not isinstance(node, Mapping) or type_of(node) not in ("datetime.timedelta", "pendulum.duration"):
        return None
    by_place, by_name = arguments_of(node)
    units = dict(zip(_ORDER, by_place, strict=False))
    units.update((name, one) for name, (_, one) in by_name.items())
    numbers = {name: one.value for name, one in units.items() if isinstance(one, Scalar)}
    try:
        return dt.timedelta(**{name: float(str(number)) for name, number in numbers.items()})
    except (TypeError, ValueError, OverflowError):
        return None


def duration_text(length: dt.timedelta) -> str:
    """Write a length of time.

    >>> [duration_text(dt.timedelta(seconds=count)) for count in (300, 5400, 90061, 0, 1.5)]
    ['5m', '1h30m', '1d1h1m1s', '0s', '1.5s']
    """
    rest = length.total_seconds()
    if rest < 0 or rest != int(rest):
        return f"{rest:g}s"
    written = ""
    for unit, count in _SHORT.items():
        many, rest = divmod(rest, count)
        written += f"{many:.0f}{unit}" if many else ""
    return written or "0s"


# --- params


def param(node: Node, path: str, translation: Translation) -> Node:
    """Give the schema of a ``Param``; a plain default as it is."""
    if isinstance(node, Mapping) and type_of(node) in ("airflow.sdk.Param", "airflow.models.param.Param"):
        by_place, by_name = arguments_of(node)
        default = [(("default"), value(by_place[0], PLAIN, path, translation))] if by_place else []
        words = [(key, value(one, PLAIN, f"{path}.{name}", translation)) for name, (key, one) in by_name.items()]
        return mapping([*words, *default], node.place)
    return value(node, PLAIN, path, translation)


def params(node: Node, path: str, translation: Translation) -> Node:
    """Give the params of a Dag or a task."""
    if not isinstance(node, Mapping) or TYPE in entries(node):
        return node
    found = ((key, param(one, f"{path}.{key.text}", translation)) for key, one in node.entries)
    return mapping(found, node.place)


# --- assets


def asset(node: Node, path: str, translation: Translation) -> Node:
    """Give an asset, an alias, or several of them joined by ``__and__`` and ``__or__``."""
    if isinstance(node, Scalar):
        return text(node.text.strip(), node.place) if isinstance(node.value, str) else node
    if isinstance(node, Sequence):
        return sequence(assets(node, path, translation), node.place)
    keys = entries(node)
    for name, ours in (("__and__", "all"), ("__or__", "any")):
        if name in keys:
            return mapping([(ours, _all(keys[name][1], f"{path}.{name}", translation))], node.place)
    cls = (type_of(node) or "").rpartition(".")[2]
    if cls in ("AssetAll", "AssetAny", "DatasetAll", "DatasetAny"):
        ours = "all" if cls.endswith("All") else "any"
        return mapping([(ours, _all(node.get(ARGS) or node, f"{path}.{ARGS}", translation))], node.place)
    if cls in ("AssetAlias", "DatasetAlias"):
        by_place, by_name = arguments_of(node)
        alias = by_name["name"][1] if "name" in by_name else next(iter(by_place), node)
        return mapping([("alias", alias)], node.place)
    if cls in _ASSETS:
        return _one_asset(node, path, translation)
    return value(node, PLAIN, path, translation)


def assets(node: Node, path: str, translation: Translation) -> list[Node]:
    """Give the assets of a list, without what is empty in it."""
    found = as_list(node)
    listed = found.items if found is not None else items(node)
    return [
        asset(item, f"{path}[{index}]", translation)
        for index, item in enumerate(listed)
        if not (isinstance(item, Scalar) and not item.text.strip()) and not _is_none(item)
    ]


def _all(node: Node, path: str, translation: Translation) -> Sequence:
    return sequence(assets(node, path, translation), node.place)


def _is_none(node: Node) -> bool:
    return isinstance(node, Scalar) and (node.value is None or node.text.strip().lower() == "none")


def _one_asset(node: Mapping, path: str, translation: Translation) -> Node:
    by_place, by_name = arguments_of(node)
    written = written_text(node.get(TYPE)) or ""
    order = ("uri", "extra") if written.endswith("Dataset") else ("name", "uri")
    found: list[tuple[str | Scalar, Node | None]] = list(zip(order, by_place, strict=False))
    for name, (key, one) in by_name.items():
        read = _watchers if name == "watchers" else _plain
        found.append((key, read(one, f"{path}.{name}", translation)))
    if len(found) == 1 and found[0][1] is not None and isinstance(found[0][1], Scalar):
        return found[0][1]
    return mapping(found, node.place)


def _plain(node: Node, path: str, translation: Translation) -> Node:
    return value(node, PLAIN, path, translation)


def _watchers(node: Node, path: str, translation: Translation) -> Node:
    made_of: list[Node] = []
    for item in (as_list(node) or sequence(items(node), node.place)).items:
        if isinstance(item, Mapping) and TYPE in entries(item):
            _, by_name = arguments_of(item)
            made_of.append(
                mapping([(key, value(one, PLAIN, path, translation)) for key, one in by_name.values()], item.place)
            )
        else:
            made_of.append(item)
    return sequence(made_of, node.place)
