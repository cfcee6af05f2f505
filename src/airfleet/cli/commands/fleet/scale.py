"""``airfleet scale``: more or fewer workers or api-servers on a host, or other slots, while the fleet runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import click

from airfleet.agent.control import ComponentStatus, HostStatus
from airfleet.agent.supervisor.overrides import API_SERVER
from airfleet.cli import options
from airfleet.cli.output import terminal
from airfleet.client import overrides
from airfleet.client.project import find
from airfleet.errors import FleetError, did_you_mean
from airfleet.fleet.config.spec import LOCAL

_SIZE = re.compile(r"(?P<worker>[^=]+)=(?P<count>[1-9]\d{0,2})?(?:x(?P<slots>[1-9]\d{0,3}))?")
RESET = "fleet"


@click.command(
    epilog="\b\nExamples:\n  airfleet scale worker=2                  # two workers of this name\n"
    "  airfleet scale worker=x16                # 16 slots for each\n"
    "  airfleet scale light=2x8 --host work-1   # both, on another host\n"
    "  airfleet scale api-server=3              # three api-servers; nginx and tasks are told\n"
    "  airfleet scale worker=fleet              # as fleet.yaml says"
)
@click.argument("sizes", metavar="WORKER=COUNT|xSLOTS|COUNTxSLOTS", nargs=-1, required=True)
@options.option("--host", envvar="AIRFLEET_HOST", metavar="NAME", help="The host that runs it; without it, this one.")
@options.project
def command(project: Path | None, sizes: tuple[str, ...], host: str | None) -> None:
    """Change how many workers or api-servers a host has.

    A worker that gets other slots is replaced: a new one takes tasks at once, the old one finishes what it runs.
    Earlier sizes of other workers, and the other number of this one, still hold. Sizes outlive the agent in a fleet
    with hosts, and last as long as it in one without.
    """
    wanted = [_size(size) for size in sizes]
    here = find(project)
    snapshot = overrides.require(here, host) if host else overrides.running(here)
    name = host or snapshot.host or LOCAL
    there = next((one for one in snapshot.hosts if one.host == name), None)
    known = list(dict.fromkeys(_scaled((there or snapshot).components)))
    for worker, size in wanted:
        if worker == API_SERVER and size and "slots" in size:
            raise click.UsageError("an api-server has no slots; write api-server=2")
        if worker not in known:
            hint = did_you_mean(worker, known) or f"it has: {', '.join(known) or 'nothing to scale'}"
            raise FleetError(f"host '{name}' has no worker '{worker}'", hint=hint)
    scale = together((there or snapshot).orders.get("scale") or {}, wanted)

    def done(one: HostStatus) -> bool:
        return (one.orders.get("scale") or {}) == scale

    overrides.tell(here, {"do": "order", "host": host or "", "orders": {"scale": scale}}, name, done)
    terminal.put(f"host '{name}': {', '.join(sizes)}")


def together(
    before: Mapping[str, Mapping[str, int]], wanted: Iterable[tuple[str, Mapping[str, int] | None]]
) -> dict[str, dict[str, int]]:
    """Return the sizes that hold after an order: of each worker what was said last of its count, and of its slots.

    >>> together({"light": {"count": 2}, "heavy": {"count": 3}}, [("light", {"slots": 8}), ("heavy", None)])
    {'light': {'count': 2, 'slots': 8}}
    """
    sizes = {worker: dict(size) for worker, size in before.items()}
    for worker, size in wanted:
        if size is None:
            sizes.pop(worker, None)
        else:
            sizes[worker] = {**sizes.get(worker, {}), **size}
    return sizes


def _scaled(components: Iterable[ComponentStatus]) -> Iterator[str]:
    """Yield the names that can be given: a worker that is there several times has its name of fleet.yaml."""
    for component in components:
        if component.kind == "worker":
            yield component.group or component.name
        elif component.name == API_SERVER:
            yield component.name


def _size(text: str) -> tuple[str, dict[str, int] | None]:
    """Return ``light=2x8`` as a name and a size; None is that of fleet.yaml.

    >>> _size("light=2x8")
    ('light', {'count': 2, 'slots': 8})
    """
    worker, _, rest = text.partition("=")
    if worker and rest == RESET:
        return worker, None
    found = _SIZE.fullmatch(text)
    sizes = {key: int(value) for key in ("count", "slots") if found and (value := found[key])}
    if not found or not sizes:
        raise click.UsageError(f"'{text}' is not a size; write worker=2, worker=x16 or worker=2x16")
    return worker, sizes
