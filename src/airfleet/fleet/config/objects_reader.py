"""The connections, variables and pools of ``fleet.yaml``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TypeVar

from airfleet.fleet.config.keys import CONNECTION, POOL, VARIABLE
from airfleet.fleet.config.objects import Connection, Objects, SlotPool, Variable
from airfleet.fleet.config.section_reader import FleetReading, Section, joined, whole
from airfleet.metadata import column_limits
from airfleet.yaml import nodes

#: what Airflow takes in the name of a connection, beside letters and digits, and finds again: tasks ask for it by a
#: URL, which would end at ``/`` and ``#``
_SIGNS = r"_.-:\!()"
_ID = re.compile(rf"[A-Za-z0-9{re.escape(_SIGNS)}]+")
#: what a URL would be cut at, or have changed, in the name of a variable
_LOST_IN_URL = re.compile(r"[?#]|%[0-9A-Fa-f]{2}|(?:^|/)\.{1,2}(?=/|$)")


def objects(top: Section) -> Objects:
    """Read all objects that Airflow gets at the start."""
    reading = top.reading
    return Objects(
        connections=tuple(
            _fitting(reading, _connection(reading, *named), *named) for named in _named(top, "connections")
        ),
        variables=tuple(_fitting(reading, _variable(reading, *named), *named) for named in _named(top, "variables")),
        pools=tuple(_fitting(reading, _pool(reading, *named), *named) for named in _named(top, "pools")),
    )


#: attribute of a connection, variable or pool -> the column that it ends in
_COLUMNS: Final[dict[type, dict[str, str]]] = {
    Connection: {
        "id": "connection.conn_id",
        "type": "connection.conn_type",
        "description": "connection.description",
        "host": "connection.host",
        "schema": "connection.schema",
        "login": "connection.login",
    },
    Variable: {"key": "variable.key", "value": "variable.val", "description": "variable.description"},
    SlotPool: {"name": "slot_pool.pool", "description": "slot_pool.description"},
}
_One = TypeVar("_One", Connection, Variable, SlotPool)


def _fitting(reading: FleetReading, one: _One, name: str, path: str, node: nodes.Node) -> _One:
    """Check objects against the columns of the database. No value is shown: it may be a secret."""
    for attribute, column in _COLUMNS[type(one)].items():
        value = getattr(one, attribute)
        if not reading.is_hidden(value) and (wrong := column_limits.misfit(column, value)):
            what = "the name" if value == name else f"'{attribute}'"
            reading.problem(node, path, f"{what} {wrong}")
    return one


def _named(top: Section, key: str) -> Iterator[tuple[str, str, nodes.Node]]:
    """Name, path and value of each."""
    node = top.get(key)
    for name, value in top.reading.entries(node, key) if node is not None else ():
        path = joined(key, name.text)
        if not name.text.strip():
            top.reading.problem(name, path, "has no name")
        yield name.text, path, value


def _connection(reading: FleetReading, id: str, path: str, node: nodes.Node) -> Connection:
    if id in (".", "..") or (id.strip() and not _ID.fullmatch(id)):
        reading.problem(node, path, f"'{id}' may only have letters, digits and {' '.join(_SIGNS)}")
    if isinstance(node, nodes.Scalar) and node.value is not None:
        return Connection(id, uri=_uri(reading, path, node))
    keys = reading.section(node, path, CONNECTION)
    return Connection(
        id,
        type=keys.text("type", ""),
        description=keys.text("description", ""),
        host=keys.text("host", ""),
        port=keys.integer("port"),
        schema=keys.text("schema", ""),
        login=keys.text("login", ""),
        password=keys.text("password", ""),
        extra=_extra(keys),
    )


def _uri(reading: FleetReading, path: str, node: nodes.Scalar) -> str:
    uri = reading.resolved(node, path) or ""
    if uri and "://" not in uri and not reading.is_hidden(uri):
        reading.problem(node, path, "must be a URI, as in postgres://user@host/database, or a mapping")
    return uri


def _extra(keys: Section) -> dict[str, object]:
    node, path = keys.get("extra"), keys.at("extra")
    entries = keys.reading.entries(node, path) if node is not None else ()
    return {key.text: _value(keys.reading, value, joined(path, key.text), key.text) for key, value in entries}


def _value(reading: FleetReading, node: nodes.Node, path: str, key: str) -> object:
    """Write a value as Airflow's JSON has it, with references resolved and its kind kept."""
    if isinstance(node, nodes.Sequence):
        return [_value(reading, item, f"{path}[{i}]", key) for i, item in enumerate(node.items)]
    if isinstance(node, nodes.Mapping):
        return {k.text: _value(reading, v, joined(path, k.text), k.text) for k, v in node.entries}
    if node.value is None:
        return None
    found = reading.value(node, path, key)
    # JSON has no dates: those are text.
    return node.value if isinstance(node.value, bool | int | float) else found


def _variable(reading: FleetReading, key: str, path: str, node: nodes.Node) -> Variable:
    if lost := _LOST_IN_URL.search(key):
        sentence = f"'{lost[0].strip('/')}' in the name of a variable is lost: tasks ask for it by a URL"
        reading.problem(node, path, sentence)
    if key == "keys":
        reading.problem(node, path, "'keys' cannot be read by tasks: Airflow's list of keys is asked there")
    if not isinstance(node, nodes.Mapping):
        return Variable(key, reading.value(node, path, key) or "")
    keys = reading.section(node, path, VARIABLE)
    value = keys.get("value")
    found = None if value is None else reading.value(value, keys.at("value"), key)
    return Variable(key, found or "", keys.text("description", ""))


def _pool(reading: FleetReading, name: str, path: str, node: nodes.Node) -> SlotPool:
    if isinstance(node, nodes.Scalar):
        slots = whole(node, POOL["slots"])
        if slots is None:
            reading.problem(node, path, "must be a number of slots (-1 is no limit), or a mapping")
        return SlotPool(name, slots or 0)
    keys = reading.section(node, path, POOL)
    return SlotPool(
        name,
        slots=keys.integer("slots", 0) or 0,
        description=keys.text("description", ""),
        include_deferred=keys.boolean("include_deferred", False),
    )
