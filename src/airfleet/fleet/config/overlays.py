"""``fleet.prod.yaml`` over ``fleet.yaml``: one tree of nodes, each with the place in the file it came from.

Mappings are merged, and so are lists of things with names, by name, unless there are none in the one above; other
lists, and single values, are replaced.
``null`` takes away what the file below says.
"""

from __future__ import annotations

from collections.abc import Mapping

from airfleet.yaml import nodes
from airfleet.yaml.nodes import is_null


def merged(below: nodes.Node, over: nodes.Node) -> nodes.Node:
    """Lay ``over`` over ``below``."""
    if isinstance(below, nodes.Mapping) and isinstance(over, nodes.Mapping):
        return _mappings(below, over)
    if isinstance(below, nodes.Sequence) and isinstance(over, nodes.Sequence):
        return _lists(below, over)
    return _without_nulls(over)


def _without_nulls(over: nodes.Node) -> nodes.Node:
    """Lay a value over nothing: there ``null`` removes nothing, and has no value either."""
    if isinstance(over, nodes.Mapping):
        kept = tuple((key, _without_nulls(value)) for key, value in over.entries if not is_null(value))
        return nodes.Mapping(kept, over.place)
    if isinstance(over, nodes.Sequence):
        return nodes.Sequence(tuple(map(_without_nulls, over.items)), over.place)
    return over


def _mappings(below: nodes.Mapping, over: nodes.Mapping) -> nodes.Mapping:
    entries = {key.text: (key, value) for key, value in below.entries}
    for key, value in over.entries:
        if is_null(value):
            entries.pop(key.text, None)
        elif key.text in entries:
            entries[key.text] = key, merged(entries[key.text][1], value)
        else:
            entries[key.text] = key, _without_nulls(value)
    return nodes.Mapping(tuple(entries.values()), over.place)


def _lists(below: nodes.Sequence, over: nodes.Sequence) -> nodes.Node:
    named, more = _by_name(below), _by_name(over)
    if named is None or more is None or not over.items:
        return _without_nulls(over)
    items = {name: merged(item, more[name]) if name in more else item for name, item in named.items()}
    new = {name: _without_nulls(item) for name, item in more.items() if name not in items}
    return nodes.Sequence((*items.values(), *new.values()), over.place)


def _by_name(items: nodes.Sequence) -> Mapping[str, nodes.Node] | None:
    """Map items by their names; None when one has none, or two have the same."""
    named = {name: item for item in items.items if (name := _name(item)) is not None}
    return named if len(named) == len(items.items) else None


def _name(node: nodes.Node) -> str | None:
    if isinstance(node, nodes.Mapping):
        for key, value in node.entries:
            if key.text == "name" and isinstance(value, nodes.Scalar):
                return value.text
    return None
