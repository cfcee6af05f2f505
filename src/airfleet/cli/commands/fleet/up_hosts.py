"""``airfleet up --hosts N``: several hosts of one fleet on this machine, each with an agent of its own.

The first host has the servers, so it comes up first; then the others, all at once. Then the folder is pushed: as on
machines of their own, each host has its code by releases. In the foreground it stays, says every change on any host,
and ends all of them at last.
"""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from dataclasses import dataclass

from airfleet.agent import control
from airfleet.agent.control import AgentGone, Snapshot
from airfleet.cli.commands.fleet import agent_start, down
from airfleet.cli.output import component_view, progress, release_view, terminal
from airfleet.client.project import Project
from airfleet.errors import AirfleetError, FleetError
from airfleet.fleet.config import reader
from airfleet.fleet.planning import local_hosts
from airfleet.fleet.servers import secrets

#: between two looks for an agent that comes after one that has ended
AGAIN_SECONDS = 0.5


@dataclass(frozen=True)
class HostsStart:
    """The way in which hosts are started."""

    count: int
    #: whether each has a network namespace
    netns: bool
    #: whether they get the folder as a release
    push: bool
    detach: bool
    #: when they must be healthy, by the monotonic clock
    deadline: float
    #: the same, in seconds from the start
    timeout: float


def start(here: Project, how: HostsStart) -> None:
    """Bring all hosts up and, unless detached, stay until the person says so.

    Raises FleetError, FileProblems or WaitTimedOut; then nothing of them is left.
    """
    names = local_hosts.names(how.count)
    _require_that_none_runs(here)
    # What can be refused is, before anything is left that later commands go by.
    local_hosts.spread(reader.read_file(here.fleet_file, here.environ), how.count)
    down.remove_network(here)
    if how.netns:
        _make_network(here, how.count)
    hosts = [here.on(name) for name in names]
    with agent_start.signals_interrupt():
        try:
            secrets.write_private(here.played, str(how.count), mode=0o644)
            snapshot = _bring_up(hosts, how.deadline, how.timeout)
            if how.push:
                _push(hosts[0], how.timeout)
            terminal.say()
            terminal.put(agent_start.summary(snapshot, attached=not how.detach))
            if how.detach:
                return
            terminal.say()
            _say_changes(dict(zip(names, hosts, strict=True)))
        except KeyboardInterrupt:
            terminal.say("stopping all hosts")
            _end(here, hosts)
            raise
        except BaseException:
            _end(here, hosts)
            raise
        _end(here, hosts)


def _push(first: Project, timeout: float) -> None:
    """Make the folder live on all hosts, whatever check says of it. A folder that cannot travel is read as it is."""
    from airfleet.cli.commands.releases import pushing

    options = pushing.PushOptions("airfleet up --hosts", force=True, tests=False, quiet=True, timeout=timeout)
    try:
        done = pushing.push(first, options)
    except AirfleetError as refused:
        terminal.warn([f"the hosts read the folder that they share, for it was not pushed: {refused}"])
    else:
        terminal.say(f"every host has release {release_view.short(done.digest)}; 'airfleet push' brings what you edit")


def _require_that_none_runs(here: Project) -> None:
    """Require that no fleet of the folder runs: two would run the same pipelines twice. Raises FleetError."""
    if running := [name for name in here.hosts if _runs(here.on(name))]:
        raise FleetError(f"there run already: {', '.join(running)}", hint="airfleet down")
    if _runs(here.on("")):
        raise FleetError("the fleet of this folder runs already, on one host", hint="airfleet down")


def _runs(host: Project) -> bool:
    """Tell whether an agent answers; one that was killed leaves its socket behind."""
    try:
        control.status(host.paths.socket)
    except AgentGone:
        return False
    except OSError:  # somebody listens, and is late
        return True
    return True


def _make_network(here: Project, count: int) -> None:
    from airfleet.agent.host import netns

    network = netns.make(count, here.root)
    secrets.write_private(here.network, str(network.number), mode=0o644)
    terminal.say(f"each host has a network of its own; 'ip link set {network.link(count)} down' cuts host-{count} off")


def _bring_up(hosts: list[Project], deadline: float, timeout: float) -> Snapshot:
    first, *others = hosts
    agent_start.launch_agent(first)
    snapshot = agent_start.wait_until_ready(first, deadline, timeout)
    for host in others:
        agent_start.launch_agent(host)
    for host in others:
        agent_start.wait_until_ready(host, deadline, timeout)
    return snapshot


def _say_changes(hosts: dict[str, Project]) -> None:
    """Say every change on any host, also by an agent that comes after one that died, until there is none any more."""
    changes: queue.SimpleQueue[tuple[str, Snapshot | None]] = queue.SimpleQueue()
    over = threading.Event()
    for name, host in hosts.items():
        threading.Thread(target=_watch, args=(name, host, changes, over), name=f"watch {name}", daemon=True).start()
    try:
        _say_each(hosts, changes)
    finally:
        over.set()


def _say_each(hosts: dict[str, Project], changes: queue.SimpleQueue[tuple[str, Snapshot | None]]) -> None:
    views = {name: progress.ChangeLines(f"{name}: ") for name in hosts}
    for name in hosts:
        with suppress(AgentGone, OSError):  # of one that is gone just now nothing was said
            views[name].remember(component_view.items(control.status(hosts[name].paths.socket)))
    there = set(hosts)
    while there:
        name, snapshot = _next(changes)
        if snapshot is None:
            there.discard(name)
            terminal.say(f"the agent of {name} has ended")
            continue
        if name not in there:
            there.add(name)
            terminal.say(f"{name} has an agent again")
        component_view.show(views[name], snapshot)


def _next(changes: queue.SimpleQueue[tuple[str, Snapshot | None]]) -> tuple[str, Snapshot | None]:
    while True:
        try:
            return changes.get(timeout=0.5)  # a wait without end would not hear Ctrl-C
        except queue.Empty:
            continue


def _watch(
    name: str, host: Project, changes: queue.SimpleQueue[tuple[str, Snapshot | None]], over: threading.Event
) -> None:
    """Yield snapshots of an agent and of its successors, whoever starts them, until ``over``; None when one ends.

    The first one has come up: one that is not there has ended.
    """
    heard = True
    while not over.is_set():
        with suppress(AgentGone, OSError):
            for snapshot in control.watch(host.paths.socket):
                heard = True
                changes.put((name, snapshot))
        if heard:
            changes.put((name, None))
        heard = False
        over.wait(AGAIN_SECONDS)


def _end(here: Project, hosts: list[Project]) -> None:
    for host in reversed(hosts):
        down.end(host, down.PATIENCE_SECONDS)
    down.remove_network(here)
    here.played.unlink(missing_ok=True)  # no host is played any more: one of this name may be a real one
