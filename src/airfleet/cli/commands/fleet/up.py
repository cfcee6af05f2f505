"""``airfleet up``: start the fleet of this machine and show how it comes up.

::

    start the agent ──> watch until ready ──> say where it is ──> keep it (foreground)
                              │                                        │
                              ├─ a component failed: say why, end all, exit 1
                              ├─ Ctrl-C: end all, exit 130  <──────────┤
                              ├─ SIGTERM: end all, exit 0  <───────────┤
                              └─ not ready in time: name what is not, exit 124
                                                                       └─ its agents keep dying: leave all, exit 4

A foreground ``up`` owns the fleet: however it ends, nothing is left running, but when it ends because
no agent lives long (see :mod:`airfleet.cli.commands.fleet.respawn`). With ``--detach`` the fleet stays, also when it
was not ready in time, so that its logs can be read.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from airfleet import versions
from airfleet.agent import control
from airfleet.agent.control import AlreadyRuns, Snapshot
from airfleet.agent.database.finding import MAY_MIGRATE
from airfleet.agent.states import State
from airfleet.cli import options
from airfleet.cli.commands.fleet import agent_start, down, respawn, status
from airfleet.cli.output import terminal
from airfleet.client import agent_client, overrides, shutdown_lock
from airfleet.client.project import Project, find
from airfleet.errors import FleetError, Unhealthy, WaitTimedOut
from airfleet.fleet.planning import local_hosts

#: between two looks whether a fleet has ended
PAUSE_SECONDS = 0.2


@click.command(
    epilog="\b\nExamples:\n  airfleet up                   # stay, show changes; Ctrl-C stops the fleet\n"
    "  airfleet up -d --timeout 5m   # return when everything is healthy\n"
    "  airfleet up -d --host work-1  # this machine is the host work-1 of fleet.yaml\n"
    "  airfleet up --hosts 3         # simulate a fleet of three hosts on this machine\n"
    "  airfleet up -d --migrate      # bring the database of an older Airflow to this one's schema"
)
@options.option("-d", "--detach", is_flag=True, help="Leave the fleet running and return.")
@options.option(
    "--wait/--no-wait", default=True, show_default=True, help="With --detach: return only when it is healthy."
)
@options.timeout("2m", "How long the fleet may take to become healthy.")
@options.host
@options.option(
    "--hosts",
    type=click.IntRange(2, local_hosts.MOST),
    metavar="N",
    help="Simulate so many hosts on this machine, an agent for each, to watch what happens when one dies.",
)
@options.option(
    "--netns", is_flag=True, help="With --hosts: each in a network namespace, to be cut off alive; needs root and 'ip'."
)
@options.option(
    "--push/--no-push",
    default=True,
    show_default=True,
    help="With --hosts: bring them the folder as a release, as to real hosts; without, they read the folder itself.",
)
@options.option(
    "--drain",
    type=options.duration,
    metavar="DURATION",
    help="Without --detach: how long running tasks may take to end when this command is told to (1m).",
)
@options.option(
    "--adopt", is_flag=True, help="Without --detach: keep a fleet that runs already, as after the end of another 'up'."
)
@options.option("--migrate", is_flag=True, help="Change the schema of a database that an older Airflow made.")
@options.option(
    "--unchecked",
    is_flag=True,
    envvar=versions.UNCHECKED,
    help="Start on versions of Airflow and its parts that airfleet was not made for.",
)
@options.env
@options.project
def command(
    project: Path | None,
    env: str | None,
    host: str | None,
    hosts: int | None,
    netns: bool,
    push: bool,
    detach: bool,
    wait: bool,
    timeout: float,
    drain: float | None,
    adopt: bool,
    migrate: bool,
    unchecked: bool,
) -> None:
    """Start the fleet, or the part of it that this machine runs."""
    if netns and not hosts:
        raise click.UsageError("--netns is for the hosts of --hosts")
    if not push and not hosts:
        raise click.UsageError("--no-push is for the hosts of --hosts")
    if host and hosts:
        raise click.UsageError("--hosts starts all of them, --host one")
    if drain is not None and (detach or hosts):
        raise click.UsageError("--drain is for one host and without --detach; 'airfleet down --timeout' has it too")
    here = find(project, env, host)
    agent_client.require_own(here.paths)
    if not detach:
        keep_to_itself(here)
    if unchecked:
        here = here.told(versions.UNCHECKED, "1")
    if migrate:
        here = here.told(MAY_MIGRATE, "1")
    start = FleetStart(
        hosts=hosts, netns=netns, push=push, detach=detach, wait=wait, timeout=timeout, drain=drain, adopt=adopt
    )
    try:
        start.migrating_if_agreed(here)
    except agent_start.ToldToEnd:
        if detach:  # what was to stay did not come up
            raise


@dataclass(frozen=True)
class FleetStart:
    """The way in which a fleet is started."""

    #: so many hosts are played on this machine, each in a network namespace with ``netns``
    hosts: int | None
    netns: bool
    #: whether these hosts get the folder as a release
    push: bool
    detach: bool
    wait: bool
    #: seconds until it is healthy
    timeout: float
    #: seconds that running tasks may take to end, where it stays; None is a minute
    drain: float | None = None
    #: whether it may stay with a fleet that runs already
    adopt: bool = False

    def migrating_if_agreed(self, here: Project) -> None:
        """Start the fleet; ask a person first where its database has the schema of an older Airflow."""
        try:
            self.now(here)
        except agent_start.NeedsMigration as needed:
            if not terminal.agrees(f"{needed.sentence}\nIs there a backup, and shall it be migrated?"):
                raise
            self.now(here.told(MAY_MIGRATE, "1"))

    def now(self, here: Project) -> None:
        """Start the fleet, and stay with it unless it is detached."""
        deadline = time.monotonic() + self.timeout
        if self.hosts:
            from airfleet.cli.commands.fleet import up_hosts

            how = up_hosts.HostsStart(self.hosts, self.netns, self.push, self.detach, deadline, self.timeout)
            up_hosts.start(here, how)
        elif self.detach:
            start_detached(here, wait=self.wait, deadline=deadline, timeout=self.timeout)
        else:
            drain = down.PATIENCE_SECONDS if self.drain is None else self.drain
            stay(here, deadline=deadline, timeout=self.timeout, drain=drain, adopt=self.adopt)


def keep_to_itself(here: Project) -> None:
    """Hide from the fleet's tasks, which may read ``/proc``, what fleet.yaml takes from this command's environment.

    Raises FileProblems when fleet.yaml is no YAML.
    """
    from airfleet.agent.host import environment
    from airfleet.fleet.config import reader

    environment.clear_first(reader.referenced_variables(here.fleet_file, here.environ).for_the_fleet)


def start_detached(here: Project, *, wait: bool, deadline: float, timeout: float) -> None:
    """Start the fleet, or find it running, and leave it running."""
    wait_for_the_end(here, deadline, timeout)
    running = agent_client.snapshot(here.root, here.paths)
    if running is None:
        running = _launched_or_found(here)
    elif any(component.state is State.GAVE_UP for component in running.components):
        control.tell(here.paths.socket, {"do": "restart", "name": ""})
    if wait:
        with _nothing_left_behind(here) if running is None else _as_it_is():
            snapshot = agent_start.wait_until_ready(here, deadline, timeout)
    else:
        snapshot = overrides.running(here)
    terminal.say()
    if running is not None:
        terminal.put(f"fleet '{snapshot.fleet}' was already up (agent {snapshot.pid})")
    terminal.put(agent_start.summary(snapshot, attached=False))
    terminal.warn(status.limits_not_kept(snapshot))
    if running is not None:
        require_in_force(here, snapshot)


def _launched_or_found(here: Project) -> Snapshot | None:
    """Start the agent; the fleet, when another command was faster. Raises FleetError or FileProblems."""
    try:
        agent_start.launch_agent(here)
    except AlreadyRuns:
        if (found := agent_client.snapshot(here.root, here.paths)) is None:
            raise
        return found
    return None


def wait_for_the_end(here: Project, deadline: float, timeout: float) -> None:
    """Wait while somebody ends the fleet: it is started after that. Raises WaitTimedOut."""
    if not _ends(here):
        return
    terminal.say(f"the fleet in {here.root} is being stopped; it is started when it has stopped")
    while _ends(here):
        if time.monotonic() > deadline:
            sentence = f"the fleet in {here.root} was still being stopped after {terminal.seconds(timeout)}"
            raise WaitTimedOut(f"{sentence}\nhint: airfleet status")
        time.sleep(PAUSE_SECONDS)


def _ends(here: Project) -> bool:
    """Tell whether 'down' is at work, or the agent was told to end otherwise."""
    if shutdown_lock.is_at_work(here.paths):
        return True
    found = agent_client.snapshot(here.root, here.paths)
    return found is not None and found.state in respawn.ENDING


def require_in_force(here: Project, snapshot: Snapshot) -> None:
    """Raise Unhealthy when a fleet that was up before runs something else than fleet.yaml says now."""
    wanted = here.environ.get("AIRFLEET_ENV", "")
    if wanted and wanted != snapshot.edited.overlay:
        runs = f"with fleet.{snapshot.edited.overlay}.yaml" if snapshot.edited.overlay else "without an overlay"
        raise Unhealthy(
            f"the fleet was started {runs}, and runs on so; fleet.{wanted}.yaml is not in force",
            hint="'airfleet down', then 'airfleet up', applies it",
        )
    if other := status.not_in_force(snapshot) or status.changed_libraries(snapshot):
        raise other


def stay(here: Project, *, deadline: float, timeout: float, drain: float, adopt: bool) -> None:
    """Start the fleet, keep it, and end it when the person says so; ``drain`` is in seconds."""
    with agent_start.signals_interrupt():
        wait_for_the_end(here, deadline, timeout)
        _launch(here, adopt=adopt)
        with _ended_at_last(here, drain):
            snapshot = agent_start.wait_until_ready(here, deadline, timeout)
            terminal.say()
            terminal.put(agent_start.summary(snapshot, attached=True))
            terminal.warn(status.limits_not_kept(snapshot))
            terminal.say()
            respawn.keep(here, snapshot)


def _launch(here: Project, *, adopt: bool) -> None:
    """Start the agent; with ``adopt``, take one that runs. Raises FleetError or FileProblems."""
    try:
        agent_start.launch_agent(here)
    except AlreadyRuns:
        if not adopt or agent_client.snapshot(here.root, here.paths) is None:
            raise
        terminal.say("it runs already, and is kept from now on")


@contextmanager
def _nothing_left_behind(here: Project) -> Iterator[None]:
    """End the fleet when it could not come up or the person gave up; keep it when it is only slow."""
    try:
        yield
    except (FleetError, KeyboardInterrupt):
        down.end(here, down.PATIENCE_SECONDS)
        raise


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


@contextmanager
def _ended_at_last(here: Project, drain: float) -> Iterator[None]:
    """End the fleet when the block ends, whatever ended it but a keeper that gave up: tasks go on for the next one."""
    try:
        yield
    except respawn.NotKept:
        raise
    except BaseException as ended:
        if isinstance(ended, KeyboardInterrupt):
            terminal.say("stopping the fleet; Ctrl-C again ends it at once")
        down.end(here, drain)
        raise
    down.end(here, drain)
