"""``schedule`` of dag-factory: cron, timetables, lengths of time, assets, and datasets as they were in Airflow 2."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from airfleet.errors import Place
from airfleet.pipelines.dialects.dag_factory import objects
from airfleet.pipelines.dialects.node_building import entries, items, literal, mapping, sequence, text, written_text
from airfleet.pipelines.dialects.translation import Translation
from airfleet.yaml import nodes
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence, is_null

_ASSETS: Final = ("Asset", "Dataset", "AssetAlias", "DatasetAlias", "AssetAny", "AssetAll", "DatasetAny", "DatasetAll")
_ASSET_OR_TIME: Final = ("AssetOrTimeSchedule", "DatasetOrTimeSchedule")
_DAYS: Final = {str(number): str(number - 1) for number in range(1, 8)}


def schedule(node: Node, path: str, translation: Translation) -> Node:
    """Give a schedule."""
    if isinstance(node, Scalar):
        return _written(node)
    if isinstance(node, Sequence):
        return _listed(node, path, translation)
    keys = entries(node)
    if "datasets" in keys or "assets" in keys:
        return _datasets(keys, node, path, translation)
    if "callable" in keys:  # of 0.x
        cls = text(written_text(keys["callable"][1]) or "", node.place)
        return _timetable(cls, (), entries(node.get("params")), path, translation)
    if any(name in keys for name in objects.JOINING):
        return objects.asset(node, path, translation)
    if objects.TYPE in keys:
        return _object(node, path, translation)
    return node


def _written(node: Scalar) -> Scalar:
    if is_null(node) or node.text.strip().lower() in ("none", ""):
        return literal(None, node.place)
    return text(_cron(node.value.strip()), node.place) if isinstance(node.value, str) else node


def _cron(written: str) -> str:
    """Write a cron expression of EventBridge, with '?' and years, as one of Airflow.

    >>> _cron("cron(0 6 ? * 2 *)"), _cron("0 6 * * *")
    ('0 6 * * 1', '0 6 * * *')
    """
    inside = re.fullmatch(r"cron\(([^()]*)\)", written)
    parts = (inside[1] if inside else written).split()
    if len(parts) != 6 or parts[5] != "*" or ("?" not in parts and not inside):
        return inside[1].strip() if inside else written
    parts = ["*" if part == "?" else part for part in parts[:5]]
    parts[4] = re.sub(r"(?<![/\d#L])[1-7](?![\d#L])", lambda match: _DAYS[match[0]], parts[4])
    return " ".join(parts)


def _listed(node: Sequence, path: str, translation: Translation) -> Node:
    written = [item.text.split() for item in node.items if isinstance(item, Scalar)]
    if written and len(written) == len(node.items) and all(len(words) == 5 for words in written):
        return node  # cron expressions, which are no addresses of assets
    found = objects.assets(node, path, translation)
    return _of_assets(sequence(found, node.place)) if found else literal(None, node.place)


def _of_assets(found: Node) -> Node:
    """Give the schedule of assets: of a list, all of them."""
    if isinstance(found, Mapping) and found.entries and found.entries[0][0].text in ("all", "any"):
        return found
    return mapping([("assets", found if isinstance(found, Sequence) else sequence([found], found.place))], found.place)


def _object(node: Mapping, path: str, translation: Translation) -> Node:
    cls = objects.type_of(node) or ""
    name = cls.rpartition(".")[2]
    by_place, by_name = objects.arguments_of(node)
    if (listed := objects.as_list(node)) is not None:
        return _listed(listed, path, translation)
    if (length := objects.timedelta_of(node)) is not None:
        return mapping([("every", text(objects.duration_text(length), node.place))], node.place)
    if cls == "dateutil.relativedelta.relativedelta" and (months := _calendar(by_name, node.place)) is not None:
        return mapping([("every", months)], node.place)
    if name in _ASSETS:
        return _of_assets(objects.asset(node, path, translation))
    if name in _ASSET_OR_TIME and "timetable" in by_name:
        assets = by_name.get("assets") or by_name.get("datasets")
        return _assets_or(assets[1] if assets else node, by_name["timetable"][1], path, translation)
    return _timetable(text(cls, (node.get(objects.TYPE) or node).place), by_place, by_name, path, translation)


def _timetable(
    cls: Scalar,
    by_place: tuple[Node, ...],
    by_name: dict[str, tuple[Scalar, Node]],
    path: str,
    translation: Translation,
) -> Node:
    args = [objects.value(one, objects.PLAIN, path, translation) for one in by_place]
    named = [(key, objects.value(one, objects.PLAIN, path, translation)) for key, one in by_name.values()]
    return mapping(
        [
            ("uses", text(objects.modern(cls.text), cls.place)),
            ("args", sequence(args, cls.place) if args else None),
            ("with", mapping(named, cls.place) if named else None),
        ],
        cls.place,
    )


_OF_DAYS: Final = {"years": "Y", "months": "M", "weeks": "W", "days": "D"}
_OF_TIME: Final = {"hours": "H", "minutes": "M", "seconds": "S"}


def _calendar(by_name: dict[str, tuple[Scalar, Node]], place: Place) -> Scalar | None:
    """Write a length of the calendar in whole units, as ISO 8601 does; None when it cannot."""
    amounts = {name: one.text for name, (_, one) in by_name.items() if isinstance(one, Scalar)}
    known = {*_OF_DAYS, *_OF_TIME}
    if not amounts or not amounts.keys() <= known or not all(map(str.isdecimal, amounts.values())):
        return None
    days, time = (
        "".join(f"{amounts[name]}{sign}" for name, sign in units.items() if name in amounts)
        for units in (_OF_DAYS, _OF_TIME)
    )
    return text(f"P{days}" + (f"T{time}" if time else ""), place)


# --- datasets


def _datasets(keys: dict[str, tuple[Scalar, Node]], node: Mapping, path: str, translation: Translation) -> Node:
    known = _in_file(keys.get("file"), path, translation)
    written = (keys.get("datasets") or keys["assets"])[1]
    found = _condition(written, known, f"{path}.datasets", translation)
    if "timetable" in keys:
        return _with_time(found, keys["timetable"][1], path, translation)
    return _of_assets(found)


def _assets_or(assets: Node, timetable: Node, path: str, translation: Translation) -> Node:
    return _with_time(objects.asset(assets, path, translation), timetable, path, translation)


def _with_time(assets: Node, timetable: Node, path: str, translation: Translation) -> Node:
    time = schedule(timetable, f"{path}.timetable", translation)
    return mapping([("assets", assets), ("or", time)], assets.place)


def outlets(node: Node, path: str, translation: Translation) -> Node:
    """Give ``inlets`` or ``outlets``: a list of assets, or the names of some in a file."""
    keys = entries(node)
    if "datasets" in keys:
        known = _in_file(keys.get("file"), path, translation)
        named = objects.as_list(keys["datasets"][1]) or sequence(items(keys["datasets"][1]), node.place)
        return sequence((_asset_named(item, known, path, translation) for item in named.items), node.place)
    return sequence(objects.assets(node, path, translation), node.place)


def _condition(node: Node, known: dict[str, Node], path: str, translation: Translation) -> Node:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return _Expression(node, known, path, translation).read()
    if (listed := objects.as_list(node)) is not None:
        return sequence((_condition(item, known, path, translation) for item in listed.items), node.place)
    keys = entries(node)
    for name, ours in (("__and__", "all"), ("__or__", "any"), ("and", "all"), ("or", "any")):
        if name in keys:
            inner = (_condition(item, known, path, translation) for item in items(keys[name][1]))
            return mapping([(ours, sequence(inner, node.place))], node.place)
    return objects.asset(node, path, translation)


def _asset_named(node: Node, known: dict[str, Node], path: str, translation: Translation) -> Node:
    if isinstance(node, Scalar) and node.text.strip() in known:
        return known[node.text.strip()]
    return objects.asset(node, path, translation)


def _in_file(entry: tuple[Scalar, Node] | None, path: str, translation: Translation) -> dict[str, Node]:
    """Read the assets of a file by their names: ``datasets: [{name: …, uri: …}]``."""
    if entry is None:
        return {}
    written = written_text(entry[1]) or ""
    found = translation.text_of(written)
    if found is None:
        translation.problem(entry[1], f"{path}.file", f"the project has no file '{written}'")
        return {}
    documents, _ = nodes.load(found, written)
    listed = items(documents[0].get("datasets")) if documents and isinstance(documents[0], Mapping) else ()
    known: dict[str, Node] = {}
    for one in listed:
        name, uri = entries(one).get("name"), entries(one).get("uri")
        if name is not None and uri is not None:
            place = entry[1].place
            uri_text = translation.environment.text(written_text(uri[1]) or "")
            known[written_text(name[1]) or ""] = text(uri_text, place)
    return known


class _Expression:
    """``((a & b) | c)``: names or addresses of assets, joined."""

    def __init__(self, node: Scalar, known: dict[str, Node], path: str, translation: Translation) -> None:
        self.node, self.known, self.path, self.translation = node, known, path, translation
        self.tokens = _TOKEN.findall(node.text)
        self.at = 0

    def read(self) -> Node:
        found = self.either(0)
        if self.at < len(self.tokens) or found is None:
            sentence = f"'{self.node.text}' is not a condition of assets"
            self.translation.problem(self.node, self.path, sentence, "write names with & and |, as in ((a & b) | c)")
            return self.node
        return found

    def either(self, depth: int) -> Node | None:
        return self.joined("|", "any", lambda: self.joined("&", "all", lambda: self.one(depth)))

    def joined(self, sign: str, ours: str, part: Callable[[], Node | None]) -> Node | None:
        found = [part()]
        while self.at < len(self.tokens) and self.tokens[self.at] == sign:
            self.at += 1
            found.append(part())
        good = [one for one in found if one is not None]
        if len(good) < len(found):
            return None
        return good[0] if len(good) == 1 else mapping([(ours, sequence(good, self.node.place))], self.node.place)

    def one(self, depth: int) -> Node | None:
        token = self.tokens[self.at] if self.at < len(self.tokens) else ")"
        self.at += 1
        if token == "(" and depth < nodes.MAX_DEPTH:
            inner = self.either(depth + 1)
            if self.at >= len(self.tokens) or self.tokens[self.at] != ")":
                return None
            self.at += 1
            return inner
        return None if token in "()&|" else self.known.get(token) or text(token, self.node.place)


_TOKEN: Final = re.compile(r"[()&|]|[^()&|\s]+")
