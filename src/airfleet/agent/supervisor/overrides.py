"""Overrides of a host beyond ``fleet.yaml``: drained, or more or fewer workers or api-servers. Pure.

Overrides stand in the host's row of the database, so they outlive its agent; where a fleet has no such rows, they last
as long as the agent. ``{"drained": true, "scale": {"light": {"count": 2, "slots": 16}}}``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from airfleet.fleet.names import numbered
from airfleet.fleet.planning.plan import Component, FileBeats, Fork, HttpAnswers

#: the kind, and the name, of components that a host may have more of beside its workers
API_SERVER = "api-server"


@dataclass(frozen=True)
class ScaledSize:
    """The number of components of a name, and of tasks that a worker runs at once; None is as in ``fleet.yaml``."""

    count: int | None = None
    slots: int | None = None


@dataclass(frozen=True)
class HostOverrides:
    """All overrides of one host."""

    drained: bool = False
    #: name of a worker in ``fleet.yaml``, or ``api-server`` -> its size
    scale: Mapping[str, ScaledSize] = field(default_factory=dict)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> HostOverrides:
        """Read overrides from their JSON; keys and values that are not understood are left out."""
        scale = data.get("scale")
        sizes = {
            str(name): ScaledSize(_number(size.get("count")), _number(size.get("slots")))
            for name, size in (scale.items() if isinstance(scale, dict) else ())
            if isinstance(size, dict)
        }
        return cls(data.get("drained") is True, sizes)


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def workers(planned: Sequence[Component], overrides: HostOverrides) -> Iterator[Component]:
    """Yield the workers that a host has to run, from those of its plan."""
    groups: dict[str, list[Component]] = {}
    for component in planned:
        if component.kind == "worker":
            groups.setdefault(component.group, []).append(component)
    for group, members in groups.items():
        size = overrides.scale.get(group, ScaledSize())
        for name in numbered(group, size.count or len(members)):
            yield _worker(members[0], name, size.slots)


def api_servers(
    planned: Sequence[Component], overrides: HostOverrides, port: Callable[[str, int], int]
) -> Iterator[Component]:
    """Yield the api-servers that a host has to run; ``port(name, first)`` finds a free port beyond the plan."""
    members = [component for component in planned if component.kind == API_SERVER]
    count = overrides.scale.get(API_SERVER, ScaledSize()).count or len(members)
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
