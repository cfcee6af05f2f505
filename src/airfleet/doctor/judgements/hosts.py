"""Judgements of agents, components, clocks, and what dead fleets left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from airfleet.agent.control import ComponentStatus, Snapshot, is_fine
from airfleet.agent.host_facts import FactKind
from airfleet.agent.states import LABELS, HostState, State
from airfleet.doctor.facts import AgentTrouble, Clocks, LeftProcess
from airfleet.doctor.finding import Seen, fine, seen_or, warning, wrong
from airfleet.errors import argument
from airfleet.system import clock_skew

#: parts of a snapshot that other checks judge
_JUDGED_ELSEWHERE = frozenset({"disk", "clock", "database"})
#: states on the way to health
_ON_THE_WAY = frozenset({State.WAITING, State.STARTING, State.STOPPING})
_MOST = 5


def agent(found: Snapshot | AgentTrouble) -> tuple[Seen, ...]:
    """Judge the agent and the components of this host."""
    if isinstance(found, AgentTrouble):
        return (wrong(found.sentence, found.next),)
    unwell = [one for one in found.components if not is_fine(one) and one.kind not in _JUDGED_ELSEWHERE]
    problem = [wrong(found.problem, "airfleet logs agent")] if found.problem and not unwell else []
    count = f"the agent and {len(found.components)} components are healthy"
    return seen_or([*problem, *(_component(one) for one in unwell)], count)


def _component(one: ComponentStatus) -> Seen:
    why = f": {one.reason}" if one.reason else ""
    sentence = f"{one.name} is {LABELS[one.state]}{why}"
    if one.state in _ON_THE_WAY:
        return warning(sentence, "airfleet status, in a moment")
    return wrong(sentence, f"airfleet logs {one.name}")


def hosts(snapshot: Snapshot) -> tuple[Seen, ...]:
    """Judge the other hosts of the fleet, as this one's agent knows them."""
    if not snapshot.hosts:
        return (fine("this fleet has one host"),)
    return seen_or(_of_hosts(snapshot), f"all {len(snapshot.hosts)} hosts are up and alike")


def _of_hosts(snapshot: Snapshot) -> Iterator[Seen]:
    for host in snapshot.hosts:
        if host.state is HostState.LATE:
            yield wrong(f"host '{host.host}' has not been seen for {host.age:.0f} s", "airfleet doctor, on that host")
        elif host.state is HostState.GONE:
            yield wrong(f"host '{host.host}' was taken over by '{host.ended_by}'", "airfleet up, on that host")
        elif host.state is HostState.LEFT:
            yield warning(f"host '{host.host}' is down", "airfleet up, on that host")
        elif host.host != snapshot.host:
            yield from (_of_another(host.host, one) for one in host.components if not is_fine(one))
    for name in snapshot.missing:
        yield warning(f"host '{name}' was not up yet", "airfleet up, on that host")
    for name, why in snapshot.refused.items():
        yield wrong(f"host '{name}' {why}", "airfleet status, on that host")
    for one in snapshot.differences:
        if one.subject is not FactKind.KEYS:
            yield wrong(str(one), "bring both hosts to the same state")


def _of_another(host: str, one: ComponentStatus) -> Seen:
    why = f": {one.reason}" if one.reason else ""
    sentence = f"{one.name} on host '{host}' is {LABELS[one.state]}{why}"
    return (warning if one.state in _ON_THE_WAY else wrong)(sentence, "airfleet doctor, on that host")


def clocks(found: Clocks) -> tuple[Seen, ...]:
    """Judge the clocks of hosts beside that of the database."""
    troubles = {"this host": clock_skew.trouble(found.ahead_seconds), **found.others}
    seen = (_clock(host, why, found.ahead_seconds) for host, why in troubles.items() if why)
    return seen_or(seen, f"the clocks differ by less than {clock_skew.WRONG_SECONDS:g} s from the database's")


def _clock(host: str, why: str, ahead: float) -> Seen:
    far = host != "this host" or abs(ahead) >= clock_skew.MAY_DIFFER_SECONDS / 2
    sentence = why if host == "this host" else f"of host '{host}': {why}"
    return (wrong if far else warning)(sentence, "timedatectl set-ntp true")


def left_processes(found: tuple[LeftProcess, ...]) -> tuple[Seen, ...]:
    """Judge processes of this fleet that no living agent has."""
    shown = [_process(one) for one in found[:_MOST]]
    if (more := len(found) - _MOST) > 0:
        shown.append(wrong(f"{more} more processes are left of an earlier life of this fleet", "airfleet down"))
    return seen_or(shown, "no process is left of an earlier life of this fleet")


def left_data(found: Mapping[str, str]) -> tuple[Seen, ...]:
    """Judge data of embedded servers whose fleet is gone."""
    return seen_or(
        (_folder(folder, home) for folder, home in found.items()), "no data are left of a fleet that is gone"
    )


def left_socket(found: str) -> tuple[Seen, ...]:
    """Judge the socket of an agent that does not live any more."""
    if not found:
        return (fine("no socket is left of an agent that is gone"),)
    return (warning(f"{found} is the socket of an agent that is gone", f"rm {argument(found)}"),)


def _folder(folder: str, home: str) -> Seen:
    sentence = f"{folder} has data of a fleet whose home {home} is gone"
    return warning(sentence, f"rm -r {argument(folder)}, if nobody needs them")


def _process(one: LeftProcess) -> Seen:
    sentence = f"process {one.pid} ({one.command}) is left of an earlier life of this fleet"
    return wrong(sentence, f"kill {one.pid}")
