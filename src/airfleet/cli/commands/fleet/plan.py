"""``airfleet plan``: what each host would run, and what would change against what runs now.

How much is known of a host depends on where its agent runs. On this machine: what it was told lies here, so settings
are compared too. Elsewhere: an agent of this machine has read in the database what components it runs, and how they
are. With no agent here nothing is known of any host.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airfleet.agent.states import HostState
from airfleet.cli import options
from airfleet.cli.commands.fleet import status
from airfleet.cli.diagnosis import code_carriage
from airfleet.cli.output import tables, terminal
from airfleet.client import agent_client, host_plan
from airfleet.client.project import Project, find
from airfleet.errors import FileProblems, FleetError, did_you_mean
from airfleet.fleet.config.spec import LOCAL, Fleet, Host
from airfleet.fleet.names import TAKEN
from airfleet.fleet.planning import paths as fleet_paths
from airfleet.fleet.planning.paths import HOST, Paths

if TYPE_CHECKING:
    from airfleet.agent.control import ComponentStatus, HostStatus, Snapshot
    from airfleet.agent.supervisor.overrides import HostOverrides
    from airfleet.fleet.planning.plan_diff import Change
    from airfleet.fleet.planning.plan_record import Described, Description
    from airfleet.fleet.preview import Machine
    from airfleet.fleet.servers.own_servers import ServerProgram

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


class PlannedState(StrEnum):
    """The states of a host of which no agent here has read."""

    #: nothing is known of it
    UNKNOWN = ""
    #: it was not up yet, though others are known
    NOT_YET = "new"


#: what decided the number of a worker's slots, where that was not fleet.yaml or an order
_WHY_SO_MANY = {"default": "the default", "cores": "one per core", "memory": "as its memory allows"}
#: the states of hosts that run something
_RUN = (HostState.UP, HostState.LATE)
#: and of those that do not
_AWAY = (HostState.GONE, HostState.LEFT, PlannedState.NOT_YET)
#: kinds of components; whatever else an agent tells of (a disk, a clock) is the host's own
_KINDS = frozenset({*TAKEN, "worker"}) - {"agent"}


@dataclass(frozen=True)
class Planned:
    """One host: what it would run, and what that changes."""

    host: Host
    now: Now
    changes: tuple[Change, ...]
    #: whether ``fleet.yaml`` has it
    named: bool = True
    #: the size of machine that it is set up for, and why
    profile: str = ""

    @property
    def would_change(self) -> bool:
        """Whether anything of it would not be as it is."""
        return any(change.sign for change in self.changes)


@dataclass(frozen=True)
class Now:
    """A host as it is known here."""

    #: where its agent keeps its things, if it runs on this machine
    paths: Paths
    #: what that was told to run
    before: Description | None = None
    #: what that says
    snapshot: Snapshot | None = None
    #: what an agent of this machine has read of it
    row: HostStatus | None = None
    #: whether that agent has read of any host
    others_are_known: bool = False

    @property
    def state(self) -> HostState | PlannedState:
        """The state of the host, as far as it is known here."""
        if self.snapshot is not None:
            return HostState.UP
        if self.row is None:
            return PlannedState.NOT_YET if self.others_are_known else PlannedState.UNKNOWN
        is_told = bool(self.row.components) or self.row.state is not HostState.UP
        return self.row.state if is_told else PlannedState.UNKNOWN

    @property
    def components(self) -> tuple[ComponentStatus, ...]:
        """Components that run there, or are to run: no disk, no clock."""
        told: tuple[ComponentStatus, ...] = ()
        if self.snapshot is not None:
            told = self.snapshot.components
        elif self.row is not None and self.row.state in _RUN:
            told = self.row.components
        return tuple(one for one in told if one.kind in _KINDS)

    @property
    def orders(self) -> HostOverrides:
        """Its overrides of ``fleet.yaml``, which the database keeps for its next start."""
        from airfleet.agent.supervisor.overrides import HostOverrides

        return HostOverrides.read(self.row.orders if self.row else {})


@click.command(
    epilog="\b\nExamples:\n  airfleet plan\n  airfleet plan --host work-2 --env prod\n  airfleet plan -o json"
)
@options.option("--host", metavar="NAME", help="Only this host of the fleet.")
@options.env
@options.output()
@options.project
def command(project: Path | None, host: str | None, env: str | None, output: str) -> None:
    """Show what each host would run, and what would change.

    + starts, - stops, ~ is started anew. While an agent runs on this machine, components of every host are
    compared; settings are compared for hosts whose agents run here. Starts nothing, changes nothing,
    imports no Airflow.
    """
    here = find(project, env)
    named, sure = read(here)
    fleet = host_plan.as_played(named, here)
    plays = fleet is not named
    chosen = _chosen(fleet, host)
    known, strangers = look(fleet, here)
    planned = [plan_host(one, fleet, here, known[one.name], sure=sure, plays=plays) for one in chosen]
    planned += [end_host(stranger, here) for stranger in strangers if host is None]
    several = len(fleet.hosts) > 1 or bool(strangers)
    rows = [row(one.host, change, several=several) for one in planned for change in one.changes]
    tables.put_rows(rows, output, COLUMNS, whole={"fleet": fleet.name, "hosts": [as_data(one) for one in planned]})
    if output == "table":
        again = f"airfleet up --hosts {len(fleet.hosts)}" if plays else "airfleet up"
        is_awake = bool(strangers) or any(now.snapshot for now in known.values())
        alone = 0 if is_awake else agent_client.running_alone(here)
        terminal.say(f"\n{summary(planned, again, is_awake=is_awake, alone=alone)}")
        for line in profiles(planned):
            terminal.say(line)
        if host is None:
            terminal.warn(code_carriage.warnings(named, here.fleet_file, here.environ))
        if not sure:
            terminal.say("secrets of this fleet are not here: whatever depends on them was not compared")


def read(here: Project) -> tuple[Fleet, bool]:
    """Read the fleet, and whether its secrets are here. Raises FileProblems when it is wrong in any other way."""
    from airfleet.fleet.config import reader

    try:
        return reader.read_file(here.fleet_file, here.environ), True
    except FileProblems as wrong:
        try:
            return reader.read_file(here.fleet_file, here.environ, lenient=True), False
        except FileProblems:
            raise wrong from None


def look(fleet: Fleet, here: Project) -> tuple[dict[str, Now], tuple[HostStatus, ...]]:
    """Look at each host of the fleet, and at hosts that run and that it does not have (any more)."""
    found = {host.name: _now(host, here) for host in fleet.hosts}
    snapshots = [*(now.snapshot for now in found.values()), agent_client.snapshot(here.root, here.paths)]
    rows = next((snapshot.hosts for snapshot in snapshots if snapshot and snapshot.hosts), ())
    known = {row.host: row for row in rows}
    told = {name: replace(now, row=known.get(name), others_are_known=bool(known)) for name, now in found.items()}
    return told, tuple(row for name, row in known.items() if name not in found and row.state in _RUN)


def plan_host(host: Host, fleet: Fleet, here: Project, now: Now, *, sure: bool, plays: bool = False) -> Planned:
    """Compare what a host would run with what it runs; ``plays``: this machine is all hosts."""
    from airfleet.fleet import planner, preview
    from airfleet.fleet.planning import local_hosts, plan_record
    from airfleet.fleet.planning import plan_diff as changes
    from airfleet.fleet.servers import secrets

    kept = secrets.load(now.paths.secrets)
    told = kept or secrets.generate()
    if plays:
        fleet = local_hosts.seen_from(host.name, fleet, here.on(fleet.hosts[0].name).paths, told)
    is_here = plays or now.snapshot is not None or host.name == LOCAL
    machine = _this_machine(fleet, here, now, plays=plays) if is_here else _other_machine(now)
    planned = planner.plan(preview.as_an_agent(fleet, host.name, now.paths, told, machine))
    wanted = _as_ordered(plan_record.describe(planned, told.fingerprint_key), now.orders)
    before = now.before and _as_ordered(now.before, now.orders)
    running, notes = _standing(now, wanted)
    found = changes.compare(wanted, before, running, sure=sure and kept is not None, notes=notes)
    profile = planned.profile
    return Planned(host, now, found, profile=str(profile) if profile and profile.is_worth_saying else "")


def end_host(row: HostStatus, here: Project) -> Planned:
    """Return a host that runs, and that the fleet does not have any more."""
    from airfleet.fleet.planning.plan_diff import Change
    from airfleet.fleet.planning.plan_record import Described

    now = Now(here.paths, row=row, others_are_known=True)
    running, _ = _running(now, ())
    ended = (Change(Described(one.name, one.kind, one.address), "-") for one in now.components if one.name in running)
    return Planned(Host(row.host, row.address), now, tuple(ended), named=False)


def _as_ordered(what: Description, orders: HostOverrides) -> Description:
    from airfleet.fleet.planning import plan_record

    counts = {name: size.count for name, size in orders.scale.items() if size.count is not None}
    slots = {name: size.slots for name, size in orders.scale.items() if size.slots is not None}
    return plan_record.scaled(what, counts, slots)


def _standing(now: Now, wanted: Description) -> tuple[list[str], dict[str, str]]:
    """List the names of what runs, or will without anybody's doing, and how it is where that is not as it should be.

    Workers of a drained host are as they should be: they stay stopped, also when it starts again.
    """
    running, notes = _running(now, [one.name for one in wanted.components])
    if now.orders.drained:
        drained = [one.name for one in wanted.components if one.kind == "worker" and one.name not in running]
        return [*running, *drained], {**dict.fromkeys(drained, "stopped: drained"), **notes}
    return running, notes


def _running(now: Now, wanted: Collection[str]) -> tuple[list[str], dict[str, str]]:
    from airfleet.agent.states import ALIVE, LABELS, State

    lasting = ALIVE | {State.WAITING, State.BACKOFF, State.SLEEPING}  # these are started without anybody's doing
    plain = (State.STARTING, State.READY, State.DEGRADED, State.DONE, State.SLEEPING)
    done = {one.name for one in now.components if one.state is State.DONE and one.name in wanted}
    running = [one.name for one in now.components if one.state in lasting or one.name in done]
    unwell = (one for one in now.components if one.state not in plain)
    return running, {one.name: ": ".join(filter(None, (LABELS[one.state], one.reason))) for one in unwell}


def _this_machine(fleet: Fleet, here: Project, now: Now, *, plays: bool) -> Machine:
    from airfleet.agent.host import machine_memory
    from airfleet.agent.servers import nginx
    from airfleet.fleet.preview import Machine

    cores, has_nginx = len(os.sched_getaffinity(0)), nginx.find(here.environ) is not None
    memory_bytes = machine_memory.usable_bytes(now.snapshot.pid if now.snapshot else None)
    return Machine(cores, has_nginx, plays, memory_bytes, *_own_servers(fleet, now.paths, here))


def _own_servers(fleet: Fleet, paths: Paths, here: Project) -> tuple[ServerProgram | None, ServerProgram | None]:
    """Find the programs of embedded servers; where a start would be refused for want of one, say so."""
    from airfleet.agent.servers import embedded_servers

    try:
        return embedded_servers.look(paths, fleet, here.environ)
    except FleetError as refused:
        terminal.warn((str(refused),))
        return None, None


def _other_machine(now: Now) -> Machine:
    """Drop nginx where it only helps and the host runs without it: the plan would start it for ever."""
    from airfleet.fleet.preview import Machine

    return Machine(has_nginx=now.state not in _RUN or any(one.kind == "nginx" for one in now.components))


def _chosen(fleet: Fleet, name: str | None) -> Sequence[Host]:
    if name is None:
        return fleet.hosts
    try:
        return (fleet.host(name),)
    except KeyError:
        known = [host.name for host in fleet.hosts]
        hint = did_you_mean(name, known) or f"the hosts are: {', '.join(known)}"
        raise FleetError(f"fleet '{fleet.name}' has no host '{name}'", hint=hint) from None


def _now(host: Host, here: Project) -> Now:
    own, *shared = (fleet_paths.of(here.root, environ) for environ in _environs(host, here))
    last: Paths | None = None
    for paths in (own, *shared):
        before, snapshot = _before(paths), agent_client.snapshot(here.root, paths)
        if snapshot and _whose(before, snapshot, paths, host) == host.name:
            return Now(paths, before, snapshot)
        if last is None and before and before.host == host.name:
            last = paths
    return Now(last or own)


def _environs(host: Host, here: Project) -> Iterator[dict[str, str]]:
    """List the environments that a host's agent may have: with its name, or without where the machine says it."""
    others = {name: value for name, value in here.environ.items() if name != HOST}
    if host.name != LOCAL:
        yield {**others, HOST: host.name}
    yield others


def _whose(before: Description | None, snapshot: Snapshot, paths: Paths, host: Host) -> str:
    """Return the host whose agent runs there; an older agent may not say it, but has a home of that name."""
    return before.host if before else snapshot.host or (host.name if paths.shared else LOCAL)


def _before(paths: Paths) -> Description | None:
    """Read what the agent was told to run, if one ever was."""
    from airfleet.fleet.planning.plan_record import Description

    try:
        return Description.from_json(paths.plan.read_text("utf-8"))
    except (OSError, ValueError, KeyError, TypeError):  # none yet, or written by another version of airfleet
        return None


def row(host: Host, change: Change, *, several: bool) -> dict[str, Any]:
    """Return one component for the table."""
    from airfleet.yaml.sizes import size_text

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
    """Describe one component in a few words."""
    if queues := component.options.get("queues"):
        yield f"queues {queues.replace(',', ', ')}" if "," in queues else f"queue {queues}"
    if slots := component.options.get("slots"):
        yield _slots(slots, component.slots_by)
    if program := component.options.get("program") or component.options.get("server"):
        yield program


def _slots(number: str, by: str) -> str:
    """Say how many slots a worker has, and why.

    >>> _slots("4", "memory"), _slots("1", "fleet.yaml"), _slots("0", "unknown")
    ('4 slots (as its memory allows)', '1 slot', '16 slots, or what its memory allows')
    """
    if number == "0":
        return "16 slots, or what its memory allows"
    why = f" ({_WHY_SO_MANY[by]})" if by in _WHY_SO_MANY else ""
    return f"{number} {'slot' if number == '1' else 'slots'}{why}"


def as_data(planned: Planned) -> dict[str, Any]:
    """Return one host for programs; ``state`` is ``up``, ``late``, ``gone``, ``left`` or ``new``, None when unknown."""
    return {
        "host": planned.host.name,
        "address": planned.host.address,
        "running": planned.now.state is HostState.UP,
        "state": planned.now.state,
        "profile": planned.profile,
        "settings_compared": planned.now.before is not None,
        "components": [
            {
                "name": change.component.name,
                "kind": change.component.kind,
                "change": WORDS[change.sign],
                "why": list(change.why),
                "address": change.component.address,
                "memory_bytes": change.component.memory_bytes,
                "options": dict(change.component.options),
                "slots_by": change.component.slots_by or None,
            }
            for change in planned.changes
        ],
    }


def summary(planned: Sequence[Planned], again: str, *, is_awake: bool, alone: int = 0) -> str:
    """Say what would happen, and by what; ``again`` is the command that starts the fleet.

    ``is_awake``: an agent answers here, of these hosts or another one. ``alone``: so many components run without one.
    """
    signs = [change.sign for one in planned for change in one.changes]
    counts = ", ".join(f"{signs.count(sign)} to {word}" for sign, word in WORDS.items() if sign and sign in signs)
    if counts and not is_awake:
        runs = f"the agent has died ('airfleet up' goes on with what runs, {alone})" if alone else "nothing runs here"
        return f"{runs}: {counts}"
    changing = [one.now.snapshot is not None for one in planned if one.would_change]
    here = " here" if False in changing else ""
    does_it = f"; 'airfleet down', then '{again}', makes it so{here}" if True in changing else ""
    elsewhere = [one for one in planned if one.now.snapshot is None] if is_awake else []
    remarks = (*(remark for one in elsewhere for remark in _elsewhere(one)), *_not_compared(elsewhere))
    return "\n".join((f"{counts or 'nothing would change'}{does_it}", *remarks))


def profiles(planned: Sequence[Planned]) -> Iterator[str]:
    """Say why hosts are not set up as most are: for a small machine, or by fleet.yaml."""
    hosts: dict[str, list[str]] = {}
    for one in planned:
        if one.profile:
            hosts.setdefault(one.profile, []).append(one.host.name)
    for profile, names in hosts.items():
        where = "" if names == [LOCAL] else f" on {_hosts(names)}"
        yield f"profile{where}: {profile}"


def _elsewhere(one: Planned) -> Iterator[str]:
    """Say how a host is that has no agent here, and what brings it to what is planned."""
    name, state, row = one.host.name, one.now.state, one.now.row
    up = "airfleet up" if name == LOCAL else f"airfleet up --host {name}"
    if not one.named:
        yield f"fleet.yaml has no host '{name}', which runs: 'airfleet down' there ends it"
    elif state is HostState.LATE and row is not None:
        yield f"host '{name}' is not seen for {terminal.seconds(row.age)}: what it runs is what it said last"
    elif state in _AWAY:
        how = f"is {agent_client.about(row)}" if row else status.NOT_YET
        yield f"host '{name}' {how}: '{up}' there starts it"
    elif state is HostState.UP and one.would_change:
        yield f"on host '{name}', 'airfleet down', then 'airfleet up', makes it so"


def _not_compared(elsewhere: Sequence[Planned]) -> Iterator[str]:
    unknown = [one.host.name for one in elsewhere if one.now.state is PlannedState.UNKNOWN]
    by_name = [one.host.name for one in elsewhere if one.now.state in _RUN and one.named]
    if unknown:
        yield f"what {_hosts(unknown)} {'runs' if len(unknown) == 1 else 'run'} is not known here"
    if by_name:
        yield f"settings of {_hosts(by_name)} are not known here: 'airfleet plan' there compares them"


def _hosts(names: Sequence[str]) -> str:
    *most, last = (f"'{name}'" for name in names)
    return f"hosts {', '.join(most)} and {last}" if most else f"host {last}"
