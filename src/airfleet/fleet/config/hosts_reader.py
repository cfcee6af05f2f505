"""The hosts of ``fleet.yaml``, and what each of them runs."""

from __future__ import annotations

import ipaddress
import re

from airfleet.fleet import names
from airfleet.fleet.config.keys import API_SERVER, COMPONENTS, HOST, INSTANCES, MOST, SLEEPERS, WORKER, Key, Table
from airfleet.fleet.config.section_reader import FleetReading, Section, whole
from airfleet.fleet.config.spec import LOCAL, LOOPBACK, NONE, ApiServer, Host, Instances, Worker, local_host
from airfleet.yaml import nodes
from airfleet.yaml.nodes import is_null

_HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
#: what is a number can be no name
_IP = re.compile(r"[\d.]+|.*:.*", re.DOTALL)
ADDRESS_RULE = "is not an address: a host name or an IP address, without a port"

#: workers are told their queues as one text, with ',' between them
QUEUE = re.compile(r"[^\s,]+")
QUEUE_RULE = "cannot be the name of a queue: it has at least one character, and no ',' or space"

_COUNT = Key("integer", "", 0, MOST)


def hosts(top: Section) -> tuple[Host, ...]:
    """Read every host; without ``hosts:``, the one that runs everything."""
    node = top.get("hosts")
    if node is None or is_null(node):
        return (_local(top),)
    for key in COMPONENTS:
        if key in top:
            hint = f"write '{key}' below a host; what is in another file, '{key}: null' takes away"
            top.wrong(key, "stands beside 'hosts', which says what each host runs", hint)
    items = tuple(top.reading.items(node, "hosts"))
    found = tuple(_host(top.reading, item, path) for path, item in items)
    if isinstance(node, nodes.Sequence) and not items:
        top.wrong("hosts", "must name at least one host")
    _named_once(top.reading, items, found)
    return found or (_local(top),)


def _local(top: Section) -> Host:
    return local_host(
        scheduler=_instances(top, "scheduler", Instances()),
        api_server=_api_server(top, ApiServer()),
        dag_processor=_instances(top, "dag_processor", Instances(), SLEEPERS),
        triggerer=_instances(top, "triggerer", Instances(), SLEEPERS),
        workers=_workers(top) if "workers" in top else (Worker(),),
    )


def _host(reading: FleetReading, node: nodes.Node, path: str) -> Host:
    keys = reading.section(node, path, HOST)
    return Host(
        name=keys.name("name", ""),
        address=address(keys, "address", LOOPBACK),
        scheduler=_instances(keys, "scheduler", NONE),
        api_server=_api_server(keys, ApiServer(count=0)),
        dag_processor=_instances(keys, "dag_processor", NONE, SLEEPERS),
        triggerer=_instances(keys, "triggerer", NONE, SLEEPERS),
        workers=_workers(keys),
        ssh=destination(keys, "ssh"),
    )


def destination(keys: Section, key: str) -> str:
    """Read where to log in: one word, which ``ssh`` takes for no option."""
    found = keys.text(key, "")
    if (found.startswith("-") or re.search(r"\s", found)) and not keys.reading.is_hidden(found):
        keys.wrong(key, f"'{found}' is not a destination of ssh: user@host, a host, or ssh://user@host:port")
        return ""
    return found


def address(keys: Section, key: str, default: str) -> str:
    """Read a host name or an IP address."""
    found = keys.text(key, default)
    if found != default and not _is_address(found) and not keys.reading.is_hidden(found):
        keys.wrong(key, f"'{found}' {ADDRESS_RULE}")
        return default
    return found


def _is_address(text: str) -> bool:
    if not _IP.fullmatch(text):
        return bool(_HOST_NAME.fullmatch(text))
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # nginx takes no zone


def _instances(keys: Section, key: str, default: Instances, table: Table = INSTANCES) -> Instances:
    count, node = _how_many(keys, key, default.count)
    if node is None:
        return Instances(count)
    more = keys.reading.section(node, keys.at(key), table)
    return Instances(_count(more), more.size("memory"), "awake" in table and more.boolean("awake", False))


def _api_server(keys: Section, default: ApiServer) -> ApiServer:
    count, node = _how_many(keys, "api_server", default.count)
    if node is None:
        return ApiServer(count=count)
    more = keys.reading.section(node, keys.at("api_server"), API_SERVER)
    listens = address(more, "address", "") or None
    made = ApiServer(listens, more.integer("port"), _count(more), more.size("memory"))
    if made.port and made.port + made.count > 65536:
        more.wrong("port", f"leaves too few ports for {made.count} api-servers: 65535 is the last one")
    return made


def _how_many(keys: Section, key: str, default: int) -> tuple[int, nodes.Node | None]:
    """Read a number of instances, or the mapping with it."""
    node = keys.get(key)
    if node is None:
        return default, None
    if isinstance(node, nodes.Mapping):
        return default, node
    if isinstance(node, nodes.Scalar) and isinstance(node.value, bool):
        return int(node.value), None
    count = whole(node, _COUNT)
    if count is None:
        keys.wrong(key, f"must be true, false, a whole number from 0 to {MOST}, or a mapping")
    return default if count is None else count, None


def _count(keys: Section) -> int:
    found = keys.integer("count", 1)
    assert found is not None  # its default is a number
    return found


def _workers(keys: Section) -> tuple[Worker, ...]:
    node, path = keys.get("workers"), keys.at("workers")
    found = [(_worker(keys.reading, item, at), at, item) for at, item in keys.reading.items(node, path)]
    taken: dict[str, str] = dict.fromkeys(names.TAKEN, "")
    for worker, at, item in found:
        if isinstance(item, nodes.Mapping):
            _worker_named_once(keys.reading, worker, at, item, taken)
    return tuple(worker for worker, _, _ in found)


def _worker_named_once(reading: FleetReading, worker: Worker, at: str, item: nodes.Node, taken: dict[str, str]) -> None:
    for name in names.numbered(worker.name, worker.count):
        if taken.get(name) == "":
            reading.problem(item, f"{at}.name", f"'{name}' is the name of another component")
        elif name in taken:
            where = "" if name == worker.name else f" (one of the {worker.count} of '{worker.name}')"
            reading.problem(item, f"{at}.name", f"there are two workers named '{name}'{where}")
        taken.setdefault(name, at)


def _worker(reading: FleetReading, node: nodes.Node, path: str) -> Worker:
    if is_null(node):
        reading.problem(node, path, "is an empty entry", "take the '-' away, or write '- {}' for a usual worker")
    keys = reading.section(node, path, WORKER)
    return Worker(
        name=keys.name("name", "worker"),
        queues=_queues(keys),
        slots=keys.integer("slots"),
        memory_bytes=keys.size("memory"),
        count=_count(keys),
    )


def _queues(keys: Section) -> tuple[str, ...]:
    node = keys.get("queues")
    if isinstance(node, nodes.Sequence) and not node.items:
        keys.wrong("queues", "must name at least one queue", "leave it out for 'default'")
    return keys.names("queues", ("default",), QUEUE, QUEUE_RULE)


def _named_once(reading: FleetReading, items: tuple[tuple[str, nodes.Node], ...], found: tuple[Host, ...]) -> None:
    seen: set[str] = set()
    for host, (path, item) in zip(found, items, strict=True):
        if host.name == LOCAL:
            hint = "any other will do"
            reading.problem(item, f"{path}.name", f"'{LOCAL}' is the name of a host without one", hint)
        if host.name in seen:
            reading.problem(item, f"{path}.name", f"there are two hosts named '{host.name}'")
        seen |= {host.name} - {""}
