"""``default:`` of a file, and ``defaults.yml`` above it: what a Dag has unless it says otherwise."""

from __future__ import annotations

from typing import Final

from airfleet.pipelines.dialects.node_building import entries, items, mapping, sequence, written_text
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence

#: lists whose items have a name, and merge by it
NAMED: Final = {"tasks": "task_id", "task_groups": "group_name"}


def merged(own: Mapping, default: Mapping) -> Mapping:
    """Merge two Dags: mappings key by key, and lists of tasks and groups entry by entry; else ``own`` wins."""
    found = dict(entries(default))
    for key, value in own.entries:
        below = found.get(key.text)
        found[key.text] = (key, _merged(value, below[1], key.text) if below is not None else value)
    return mapping(found.values(), own.place)


def _merged(own: Node, default: Node, name: str) -> Node:
    if name in NAMED and (isinstance(own, Sequence) or isinstance(default, Sequence)):
        return _merged_by_name(own, default, name)
    if isinstance(own, Mapping) and isinstance(default, Mapping) and not _is_object(own):
        return merged(own, default)
    return own


def _is_object(node: Mapping) -> bool:
    return any(key.text.startswith("__") for key, _ in node.entries)


def _merged_by_name(own: Node, default: Node, name: str) -> Node:
    """Merge lists of tasks or groups. The order is that of the default, then what is new."""
    known = by_name(default, name)
    new = by_name(own, name)
    if known is None or new is None:
        return own
    for key, value in new.items():
        below = known.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        known[key] = merged(value, below) if both else value  # type: ignore[arg-type]
    return sequence(known.values(), own.place)


def by_name(node: Node, name: str) -> dict[str, Node] | None:
    """Give the entries of a list or mapping of tasks by their ids; None when one has no id, or two the same."""
    found: dict[str, Node] = {}
    if isinstance(node, Mapping):
        for key, value in node.entries:
            found[key.text] = _with_name(value, NAMED[name], key)
        return found
    for item in items(node):
        written = written_text(item.get(NAMED[name])) if isinstance(item, Mapping) else None
        if written is None or written in found:
            return None
        found[written] = item
    return found


def _with_name(node: Node, name: str, key: Scalar) -> Node:
    """Write the key of an entry into it, as lists have it; the key is right where both are there."""
    if isinstance(node, Scalar) and node.value is None:
        node = mapping([], node.place)
    if not isinstance(node, Mapping):
        return node
    rest = [entry for entry in node.entries if entry[0].text != name]
    return mapping([(name, Scalar(key.text, key.text, key.place, quoted=True)), *rest], node.place)


def shallowly_merged(near: Mapping, far: Mapping) -> Mapping:
    """Merge the defaults of two folders: tags are put together, ``default_args`` key by key; else the near one wins."""
    found = dict(entries(far))
    for key, value in near.entries:
        below = found[key.text][1] if key.text in found else None
        if key.text == "tags" and below is not None:
            tags = {written_text(item) or "": item for item in (*items(below), *items(value))}
            value = sequence((tags[name] for name in sorted(tags)), value.place)
        elif key.text == "default_args" and isinstance(below, Mapping) and isinstance(value, Mapping):
            value = mapping({**entries(below), **entries(value)}.values(), value.place)
        found[key.text] = (key, value)
    return mapping(found.values(), near.place)
