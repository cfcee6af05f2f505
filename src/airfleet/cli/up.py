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
no agent lives long (see :mod:`airfleet.cli.keeping`). With ``--detach`` the fleet stays, also when it
was not ready in time, so that its logs can be read.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from airfleet import versions
from airfleet.agent import control
from airfleet.agent.control import AlreadyRuns, Snapshot
from airfleet.agent.database_finding import MAY_MIGRATE, Verdict
from airfleet.agent.states import State
from airfleet.cli import asking, components, down, down_lock, keeping, options, progress, status, telling, terminal
from airfleet.cli.following import follow
from airfleet.cli.project import Project, find
from airfleet.errors import FileProblems, FleetError, Unhealthy, WaitTimedOut
from airfleet.fleet import local_hosts, paths
from airfleet.tailing import last_lines

LAST_LINES = 20
#: between two looks whether a fleet has ended
PAUSE_SECONDS = 0.2
#: the kind of a broker that is not the fleet's own
BROKER = "broker"
_BROKER_HINT = "it is not started by the fleet; 'broker:' in fleet.yaml says where it is and who we are there"
_DATABASE_HINT = "'database:' in fleet.yaml says where it is; 'airfleet up' waits for it until --timeout"
_REFUSED_HINT = (
    "make it the same on all hosts; where it changes, end the fleet on all of them ('airfleet down') before one starts"
)
_DEAD = (State.GAVE_UP, State.BACKOFF)
_TELLING = {state: rank for rank, state in enumerate((*_DEAD, State.DEGRADED, State.STARTING))}


@click.command(
    epilog="\b\nExamples:\n  airfleet up                   # stay, show changes; Ctrl-C stops the fleet\n"
    "  airfleet up -d --timeout 5m   # return when everything is healthy\n"
    "  airfleet up -d --host work-1  # this machine is the host work-1 of fleet.yaml\n"
    "  airfleet up --hosts 3         # play a fleet of three hosts on this machine\n"
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
    help="Play so many hosts on this machine, an agent for each, to watch what happens when one dies.",
)
@options.option(
    "--netns", is_flag=True, help="With --hosts: each in a network namespace, to be cut off alive; needs root and 'ip'."
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
    detach: bool,
    wait: bool,
    timeout: float,
    migrate: bool,
    unchecked: bool,
) -> None:
    """Start the fleet, or the part of it that this machine runs."""
    if netns and not hosts:
        raise click.UsageError("--netns is for the hosts of --hosts")
    if host and hosts:
        raise click.UsageError("--hosts starts all of them, --host one")
    here = find(project, env, host)
    asking.require_own(here.paths)
    if not detach:
        keep_to_itself(here)
    if unchecked:
        here = here.told(versions.UNCHECKED, "1")
    if migrate:
        here = here.told(MAY_MIGRATE, "1")

    def start(here: Project) -> None:
        deadline = time.monotonic() + timeout
        if hosts:
            from airfleet.cli import up_hosts

            up_hosts.start(here, hosts, netns=netns, detach=detach, deadline=deadline, timeout=timeout)
        elif detach:
            start_detached(here, wait=wait, deadline=deadline, timeout=timeout)
        else:
            stay(here, deadline=deadline, timeout=timeout)

    try:
        try:
            start(here)
        except NeedsMigration as needed:
            if not terminal.agrees(f"{needed.sentence}\nIs there a backup, and shall it be migrated?"):
                raise
            start(here.told(MAY_MIGRATE, "1"))
    except ToldToEnd:
        if detach:  # what was to stay did not come up
            raise


def keep_to_itself(here: Project) -> None:
    """Hide from the fleet's tasks, which may read ``/proc``, what fleet.yaml takes from this command's environment.

    Raises FileProblems when fleet.yaml is no YAML.
    """
    from airfleet.agent import environment
    from airfleet.fleet import reader

    environment.clear_first(reader.taken_variables(here.fleet_file, here.environ).for_the_fleet)


def start_detached(here: Project, *, wait: bool, deadline: float, timeout: float) -> None:
    """Start the fleet, or find it running, and leave it running."""
    wait_for_the_end(here, deadline, timeout)
    running = asking.snapshot(here.root, here.paths)
    if running is None:
        running = _launched_or_found(here)
    elif any(component.state is State.GAVE_UP for component in running.components):
        control.tell(here.paths.socket, {"do": "restart", "name": ""})
    if wait:
        with _nothing_left_behind(here) if running is None else _as_it_is():
            snapshot = wait_until_ready(here, deadline, timeout)
    else:
        snapshot = telling.running(here)
    terminal.say()
    if running is not None:
        terminal.put(f"fleet '{snapshot.fleet}' was already up (agent {snapshot.pid})")
    terminal.put(summary(snapshot, attached=False))
    if running is not None:
        require_in_force(here, snapshot)


def _launched_or_found(here: Project) -> Snapshot | None:
    """Start the agent; the fleet, when another command was faster. Raises FleetError or FileProblems."""
    try:
        launch_agent(here)
    except AlreadyRuns:
        if (found := asking.snapshot(here.root, here.paths)) is None:
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
    """Whether 'down' is at work, or the agent was told to end otherwise."""
    if down_lock.is_at_work(here.paths):
        return True
    found = asking.snapshot(here.root, here.paths)
    return found is not None and found.state in keeping.ENDING


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


def stay(here: Project, *, deadline: float, timeout: float) -> None:
    """Start the fleet, keep it, and end it when the person says so."""
    with signals_interrupt():
        wait_for_the_end(here, deadline, timeout)
        launch_agent(here)
        with _ended_at_last(here):
            snapshot = wait_until_ready(here, deadline, timeout)
            terminal.say()
            terminal.put(summary(snapshot, attached=True))
            terminal.say()
            keeping.keep(here, snapshot)


def wait_until_ready(here: Project, deadline: float, timeout: float) -> Snapshot:
    """Show the components until all are ready.

    Raises:
        FleetError: one failed, or the agent went away.
        WaitTimedOut: the deadline passed.
    """
    last: Snapshot | None = None
    view = progress.view(live=terminal.is_live())
    try:
        for snapshot in follow(control.watch(here.paths.socket)):
            components.show(view, snapshot)
            last = snapshot or last
            if last is not None and last.healthy:
                return last
            if last is not None and (last.problem or last.state == "failed"):
                break
            if time.monotonic() > deadline:
                raise too_late(last, timeout)
    finally:
        view.close()
    raise failure(here, last)


def failure(here: Project, last: Snapshot | None) -> FleetError:
    """Why the fleet did not come up: the component, the reason, the last lines of its log."""
    if last is not None and last.database and last.database["verdict"] != Verdict.WAIT:
        return _database_failure(last.database)
    if last is not None and last.host in last.refused:
        return FleetError(last.problem, hint=_REFUSED_HINT)
    failed = [c for c in last.components if c.state is State.GAVE_UP] if last is not None else []
    if not failed:
        sentence = (last.problem if last is not None else "") or "the agent ended while the fleet was starting"
        log = here.paths.log("agent")
        return FleetError("\n".join([sentence, *_quoted(_tail(log))]), hint=f"the agent's log is {log}")
    worst = failed[0]
    if worst.kind == BROKER:
        return FleetError(f"the broker {worst.address} {worst.reason}", hint=_BROKER_HINT)
    lines = worst.last_lines or _tail(Path(worst.log)) if worst.log else worst.last_lines
    sentence = f"{worst.name} did not start: {worst.reason or 'it ended at once'}"
    hint = f"the whole log is {worst.log}" if worst.log else f"airfleet logs {worst.name}"
    return FleetError("\n".join([sentence, *_quoted(lines)]), hint=hint)


class NeedsMigration(FleetError):
    """The database has the schema of an older Airflow, and nobody has agreed to change it."""


def _database_failure(found: Mapping[str, str]) -> FleetError:
    kind = NeedsMigration if found["verdict"] == Verdict.MIGRATION else FleetError
    return kind(found["sentence"], found["hint"] or None)


def too_late(last: Snapshot | None, timeout: float) -> WaitTimedOut:
    """Which component is not ready, and where to look."""
    if last is not None and last.database:
        sentence = f"not healthy within {terminal.seconds(timeout)}: {last.database['sentence']}"
        return WaitTimedOut("\n".join([sentence, f"hint: {last.database['hint'] or _DATABASE_HINT}"]))
    late = components.not_fine(last) if last is not None else ()
    if not late:
        return WaitTimedOut(f"the fleet was not healthy within {terminal.seconds(timeout)}\nhint: airfleet status")
    names = ", ".join(f"{c.name} ({components.describe(c)})" for c in late)
    # What is waiting waits for what is starting, and that perhaps for what dies again and again.
    first = min(late, key=lambda component: _TELLING.get(component.state, len(_TELLING)))
    lines = (first.last_lines or _tail(Path(first.log))) if first.log and first.state in _DEAD else ()
    verb = "is" if len(late) == 1 else "are"
    sentence = f"not healthy within {terminal.seconds(timeout)}: {names} {verb} not ready"
    said = [sentence, f"the end of {first.name}'s log:", *_quoted(lines)] if lines else [sentence]
    hint = _BROKER_HINT if first.kind == BROKER else f"airfleet logs {first.name}"
    return WaitTimedOut("\n".join([*said, f"hint: {hint}"]))


def summary(snapshot: Snapshot, *, attached: bool) -> str:
    """Where the fleet is, who may enter, and what to do next."""
    ready = f"healthy after {terminal.seconds(snapshot.ready_after)}" if snapshot.healthy else snapshot.state
    lines = [
        f"fleet '{snapshot.fleet}' is {ready}",
        f"  URL       {snapshot.url}",
        f"  user      {snapshot.user}",
        f"  password  in {snapshot.password_file}",
        "",
        "next:",
        "  airfleet trigger DAG_ID --wait   run a pipeline and watch it",
        "  airfleet why DAG_ID              what failed or waits, and why",
        "  airfleet down                    stop the fleet" + (" (so does Ctrl-C here)" if attached else ""),
    ]
    return "\n".join(lines)


def _tasks_as_root(here: Project) -> str | None:
    """What root should know before its fleet starts; None when there is nothing, or fleet.yaml is wrong."""
    from airfleet.agent import task_account
    from airfleet.cli import plan

    try:
        return task_account.warning(plan.read(here)[0], os.geteuid()) if os.geteuid() == 0 else None
    except (FileProblems, FleetError):  # the agent will say so
        return None


def launch_agent(here: Project) -> None:
    """Start the agent; end what it began when the person gives up meanwhile. Raises FleetError or FileProblems."""
    from airfleet.agent import launch

    host = here.environ.get(paths.HOST)
    what = f"host '{host}' of the fleet" if host else "the fleet"
    terminal.say(f"starting {what} in {here.root}")
    if warning := _tasks_as_root(here):
        terminal.say(warning)
    if other := asking.elsewhere(here):
        home = "its usual home" if other.is_usual else "another home"
        terminal.say(f"a fleet of this project with {home} runs, too (agent {other.pid}), and the same pipelines")
    if names := launch.left_out(here.environ):
        terminal.say(left_out(names))
    try:
        launch.start(here.root, environ=here.environment)
    except KeyboardInterrupt:
        down.end(here, down.PATIENCE_SECONDS)
        raise


def left_out(names: tuple[str, ...]) -> str:
    """That settings in the environment set nothing."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    sentence = f"not used: {', '.join(names[:3])}{more} of this environment"
    return f"{sentence}; Airflow's settings have their place under 'airflow:' in fleet.yaml"


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
def _ended_at_last(here: Project) -> Iterator[None]:
    """End the fleet when the block ends, whatever ended it but a keeper that gave up: tasks go on for the next one."""
    try:
        yield
    except keeping.NotKept:
        raise
    except BaseException as ended:
        if isinstance(ended, KeyboardInterrupt):
            terminal.say("stopping the fleet; Ctrl-C again ends it at once")
        down.end(here, down.PATIENCE_SECONDS)
        raise
    down.end(here, down.PATIENCE_SECONDS)


class ToldToEnd(KeyboardInterrupt):
    """SIGTERM: a service manager wants an end, which is nothing that went wrong."""


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Let SIGTERM (``ToldToEnd``) and a closed terminal end a command as Ctrl-C does."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        raise ToldToEnd if number == signal.SIGTERM else KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _quoted(lines: tuple[str, ...]) -> list[str]:
    return [f"    {line}" for line in lines[-LAST_LINES:]]


def _tail(path: Path) -> tuple[str, ...]:
    return tuple(last_lines(path, LAST_LINES))
