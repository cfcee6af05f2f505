"""``airfleet plan``: what each host would run, and what would change against what runs now."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airfleet.cli import asking, options, tables, terminal
from airfleet.cli.project import Project, find
from airfleet.errors import FileProblems, FleetError, did_you_mean
from airfleet.fleet import paths as fleet_paths
from airfleet.fleet.paths import HOST, Paths
from airfleet.fleet.spec import LOCAL, Fleet, Host

if TYPE_CHECKING:
    from airfleet.agent.control import Snapshot
    from airfleet.fleet.changes import Change
    from airfleet.fleet.description import Described, Description
    from airfleet.fleet.preview import Machine

COLUMNS = {
    "change": "",
    "host": "host",
    "component": "component",
    "runs": "runs",
    "memory": "memory",
    "address": "address",
    "why": "why",
}
WORDS = {"+": "start", "-": "stop", "~": "restart", "": "keep"}


@dataclass(frozen=True)
class Planned:
    """One host: what it would run, and what that changes."""

    host: Host
    #: whether its agent runs here, so that there is something to compare with
    running: bool
    changes: tuple[Change, ...]


@click.command(
    epilog="\b\nExamples:\n  airfleet plan\n  airfleet plan --host work-2 --env prod\n  airfleet plan -o json"
)
@options.option("--host", metavar="NAME", help="Only this host of the fleet.")
@options.env
@options.output()
@options.project
def command(project: Path | None, host: str | None, env: str | None, output: str) -> None:
    """Show what each host would run, and what would change.

    + starts, - stops, ~ is started anew. What runs now is known for the host whose agent runs on this
    machine. Starts nothing, changes nothing, imports no Airflow.
    """
    here = find(project, env)
    named, sure = read(here)
    fleet = as_played(named, here)
    plays = fleet is not named
    planned = [plan_host(one, fleet, here, sure=sure, plays=plays) for one in _chosen(fleet, host)]
    rows = [row(one.host, change, several=len(fleet.hosts) > 1) for one in planned for change in one.changes]
    tables.put_rows(rows, output, COLUMNS, whole={"fleet": fleet.name, "hosts": [as_data(one) for one in planned]})
    if output == "table":
        again = f"airfleet up --hosts {len(fleet.hosts)}" if plays else "airfleet up"
        terminal.say(f"\n{summary(planned, again)}")
        if not sure:
            terminal.say("secrets of this fleet are not here: whatever depends on them was not compared")


def read(here: Project) -> tuple[Fleet, bool]:
    """The fleet, and whether its secrets are here. Raises FileProblems when it is wrong in any other way."""
    from airfleet.fleet import reader

    try:
        return reader.read_file(here.fleet_file, here.environ), True
    except FileProblems as wrong:
        try:
            return reader.read_file(here.fleet_file, here.environ, lenient=True), False
        except FileProblems:
            raise wrong from None


def as_played(fleet: Fleet, here: Project) -> Fleet:
    """The fleet on the hosts that this machine plays, while one of them runs and the folder's own fleet does not."""
    from airfleet.fleet import local_hosts

    def runs(one: Project) -> bool:
        return asking.snapshot(one.root, one.paths) is not None

    if local_hosts.is_named(fleet) or runs(here.on("")):
        return fleet
    environs = (one.environment for name in here.hosts if runs(one := here.on(name)))
    return local_hosts.of(fleet, next(environs, {}))


def plan_host(host: Host, fleet: Fleet, here: Project, *, sure: bool, plays: bool = False) -> Planned:
    """What a host would run, compared with what runs if it is this machine; ``plays``: this machine is all hosts."""
    from airfleet.fleet import changes, description, local_hosts, planning, preview, secrets

    now = _now(host, here)
    kept = secrets.load(now.paths.secrets)
    told = kept or secrets.generate()
    if plays:
        fleet = local_hosts.seen_from(host.name, fleet, here.on(fleet.hosts[0].name).paths, told)
    is_here = plays or now.snapshot is not None or host.name == LOCAL
    machine = _this_machine(here, plays=plays) if is_here else preview.Machine()
    planned = planning.plan(preview.context(fleet, host.name, now.paths, told, machine))
    found = changes.compare(
        description.describe(planned, told.jwt_secret), now.before, now.running, sure=sure and kept is not None
    )
    return Planned(host, now.snapshot is not None, found)


def _this_machine(here: Project, *, plays: bool) -> Machine:
    from airfleet.agent import nginx
    from airfleet.fleet.preview import Machine

    return Machine(len(os.sched_getaffinity(0)), nginx.find(here.environ) is not None, plays)


def _chosen(fleet: Fleet, name: str | None) -> Sequence[Host]:
    if name is None:
        return fleet.hosts
    try:
        return (fleet.host(name),)
    except KeyError:
        known = [host.name for host in fleet.hosts]
        hint = did_you_mean(name, known) or f"the hosts are: {', '.join(known)}"
        raise FleetError(f"fleet '{fleet.name}' has no host '{name}'", hint=hint) from None


@dataclass(frozen=True)
class _Now:
    """What is known here of a host: where its agent keeps its things, if it runs on this machine, and what it runs."""

    paths: Paths
    #: what its agent was told to run
    before: Description | None = None
    snapshot: Snapshot | None = None

    @property
    def running(self) -> list[str]:
        """The names of what runs now."""
        return [one.name for one in self.snapshot.components if one.kind != "agent"] if self.snapshot else []


def _now(host: Host, here: Project) -> _Now:
    own, *shared = (fleet_paths.of(here.root, environ) for environ in _environs(host, here))
    last: Paths | None = None
    for paths in (own, *shared):
        before, snapshot = _before(paths), asking.snapshot(here.root, paths)
        if snapshot and _whose(before, snapshot, paths, host) == host.name:
            return _Now(paths, before, snapshot)
        if last is None and before and before.host == host.name:
            last = paths
    return _Now(last or own)


def _environs(host: Host, here: Project) -> Iterator[dict[str, str]]:
    """What the agent of a host may have been started with: its name, or nothing where the machine says it."""
    others = {name: value for name, value in here.environ.items() if name != HOST}
    if host.name != LOCAL:
        yield {**others, HOST: host.name}
    yield others


def _whose(before: Description | None, snapshot: Snapshot, paths: Paths, host: Host) -> str:
    """The host whose agent runs there; an older one may not say it, but has a home of that name."""
    return before.host if before else snapshot.host or (host.name if paths.shared else LOCAL)


def _before(paths: Paths) -> Description | None:
    """What the agent was told to run, if one ever was."""
    from airfleet.fleet.description import Description

    try:
        return Description.from_json(paths.plan.read_text("utf-8"))
    except (OSError, ValueError, KeyError, TypeError):  # none yet, or written by another version of airfleet
        return None


def row(host: Host, change: Change, *, several: bool) -> dict[str, Any]:
    """One component for the table."""
    from airfleet.fleet.units import size_text

    component = change.component
    return {
        "change": change.sign,
        "host": host.name if several else "",
        "component": component.name,
        "runs": ", ".join(what(component)),
        "memory": size_text(component.memory_bytes) if component.memory_bytes else "",
        "address": component.address,
        "why": "; ".join(change.why),
    }


def what(component: Described) -> Iterator[str]:
    """What is to know about one component, in a few words."""
    if queues := component.options.get("queues"):
        yield f"queues {queues.replace(',', ', ')}" if "," in queues else f"queue {queues}"
    if slots := component.options.get("slots"):
        yield "a slot per core" if slots == "0" else f"{slots} slots" if slots != "1" else "1 slot"


def as_data(planned: Planned) -> dict[str, Any]:
    """One host, for programs."""
    return {
        "host": planned.host.name,
        "address": planned.host.address,
        "running": planned.running,
        "components": [
            {
                "name": change.component.name,
                "kind": change.component.kind,
                "change": WORDS[change.sign],
                "why": list(change.why),
                "address": change.component.address,
                "memory_bytes": change.component.memory_bytes,
                "options": dict(change.component.options),
            }
            for change in planned.changes
        ],
    }


def summary(planned: Sequence[Planned], again: str) -> str:
    """What would happen, in one line; ``again`` is the command that starts the fleet."""
    signs = [change.sign for one in planned for change in one.changes]
    counts = [f"{signs.count(sign)} to {word}" for sign, word in WORDS.items() if sign and sign in signs]
    if not counts:
        return "nothing would change"
    if not any(one.running for one in planned):
        return f"nothing runs here: {', '.join(counts)}"
    return f"{', '.join(counts)}; 'airfleet down', then '{again}', makes it so"
