"""What people tell a host beyond ``fleet.yaml``: to be drained, or to run more or fewer workers or api-servers. Pure.

Orders stand in the host's row of the database, so they outlive its agent; where a fleet has no such rows, they last as
long as the agent. ``{"drained": true, "scale": {"light": {"count": 2, "slots": 16}}}``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from airfleet.fleet.names import numbered
from airfleet.fleet.planning.plan import Component, FileBeats, Fork, HttpAnswers

#: why a worker is stopped that nobody has to worry about
DRAINED = "drained"
#: the kind, and the name, of what a host may have more of beside its workers
API_SERVER = "api-server"


@dataclass(frozen=True)
class Size:
    """How many components of a name, and how many tasks each worker runs at once; None is as in ``fleet.yaml``."""

    count: int | None = None
    slots: int | None = None


@dataclass(frozen=True)
class Orders:
    """All orders to one host."""

    drained: bool = False
    #: name of a worker in ``fleet.yaml``, or ``api-server`` -> its size
    scale: Mapping[str, Size] = field(default_factory=dict)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Orders:
        """Of their JSON; what is not understood was not ordered."""
        scale = data.get("scale")
        sizes = {
            str(name): Size(_number(size.get("count")), _number(size.get("slots")))
            for name, size in (scale.items() if isinstance(scale, dict) else ())
            if isinstance(size, dict)
        }
        return cls(data.get("drained") is True, sizes)


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def workers(planned: Sequence[Component], orders: Orders) -> Iterator[Component]:
    """The workers that a host has to run, which has these planned."""
    groups: dict[str, list[Component]] = {}
    for component in planned:
        if component.kind == "worker":
            groups.setdefault(component.group, []).append(component)
    for group, members in groups.items():
        size = orders.scale.get(group, Size())
        for name in numbered(group, size.count or len(members)):
            yield _worker(members[0], name, size.slots)


def api_servers(planned: Sequence[Component], orders: Orders, port: Callable[[str, int], int]) -> Iterator[Component]:
    """The api-servers that a host has to run; ``port(name, first)`` is a free one for one that is not planned."""
    members = [component for component in planned if component.kind == API_SERVER]
    count = orders.scale.get(API_SERVER, Size()).count or len(members)
    yield from members[:count]
    for name in list(numbered(API_SERVER, count))[len(members) :] if members else ():
        yield _api_server(members[0], name, port(name, _port(members[-1]) + 1))


def _api_server(like: Component, name: str, port: int) -> Component:
    before, start, probe = str(_port(like)), like.start, like.probe
    if isinstance(start, Fork):
        start = replace(start, options={**start.options, "port": str(port)})
    if isinstance(probe, HttpAnswers):
        probe = HttpAnswers(tuple(url.replace(f":{before}/", f":{port}/", 1) for url in probe.urls))
    address = f"{like.address.rpartition(':')[0]}:{port}"
    return replace(like, name=name, start=start, probe=probe, address=address)


def _port(component: Component) -> int:
    return int(component.address.rpartition(":")[2])


def _worker(like: Component, name: str, slots: int | None) -> Component:
    start, probe = like.start, like.probe
    if isinstance(start, Fork):
        options = {**start.options, "name": name}
        if slots is not None:
            options["slots"] = str(slots)
        if "beat" in options:
            options["beat"] = str(Path(options["beat"]).with_name(f"{name}.beat"))
        start = replace(start, options=options)
    if isinstance(probe, FileBeats):
        probe = replace(probe, path=str(Path(probe.path).with_name(f"{name}.beat")))
    return replace(like, name=name, start=start, probe=probe)
