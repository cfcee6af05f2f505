"""The figures of ``results/capacity.json`` as Markdown, for the page about capacity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from measuring import origin, table

HEAD = (
    "component",
    "memory at rest, MB",
    "tasks in all slots, MB",
    "busy, MB",
    "connections at rest",
    "connections, most",
)


def markdown(results: Mapping[str, Any]) -> str:
    """What stands between the marks of the page."""
    return "\n".join(_page(results)) + "\n"


def _page(results: Mapping[str, Any]) -> Iterator[str]:
    slots, components = results["slots"], results["components"]
    for host, about in (("front", "A host that decides and serves"), ("back", "A host that works")):
        rows = [_row(one) for one in components if one["name"].startswith(f"{host}/")]
        whole = [one for one in components if one["name"].startswith(f"{host}/")]
        yield f"\n**{about}**\n\n{table(HEAD, [*rows, _sum(whole)])}"
    yield (
        f"\n{slots} slots on {origin('capacity', results)}. Memory is PSS with all processes of a component; "
        f"a task that does nothing adds {results['task_mb']:.0f} MB to its worker. *Busy*: {results['tasks']} small "
        f"tasks one after the other in all slots, while {results['clients']} clients read lists of runs without a "
        "pause. PostgreSQL and Valkey are servers beside the fleet."
    )


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    mb = (f"{one[key]:.0f}" for key in ("rest_mb", "tasks_mb", "busy_mb"))
    return one["name"].partition("/")[2], *mb, str(one["rest_connections"]), str(one["busy_connections"])


def _sum(components: list[Mapping[str, Any]]) -> tuple[str, ...]:
    def of(key: str) -> float:
        return sum(float(one[key]) for one in components)

    mb = (f"{of(key):.0f}" for key in ("rest_mb", "tasks_mb", "busy_mb"))
    return "*together*", *mb, f"{of('rest_connections'):.0f}", f"{of('busy_connections'):.0f}"
