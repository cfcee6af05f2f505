"""The start of a host's agent: launched, watched until its components are ready, and why they are not."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from airfleet.agent import control
from airfleet.agent.control import Snapshot
from airfleet.agent.database.finding import DatabaseVerdict
from airfleet.agent.states import State
from airfleet.cli.commands.fleet import down
from airfleet.cli.output import component_view, progress, terminal
from airfleet.client import agent_client
from airfleet.client.project import Project
from airfleet.client.snapshot_stream import follow
from airfleet.errors import FileProblems, FleetError, WaitTimedOut
from airfleet.fleet.planning import paths
from airfleet.system.log_tail import last_lines

LAST_LINES = 20
#: the kind of a broker that is not the fleet's own
BROKER = "broker"
_BROKER_HINT = "it is not started by the fleet; 'broker:' in fleet.yaml says where it is and who we are there"
_DATABASE_HINT = "'database:' in fleet.yaml says where it is; 'airfleet up' waits for it until --timeout"
_REFUSED_HINT = (
    "make it the same on all hosts; where it changes, end the fleet on all of them ('airfleet down') before one starts"
)
_DEAD = (State.GAVE_UP, State.BACKOFF)
_TELLING = {state: rank for rank, state in enumerate((*_DEAD, State.DEGRADED, State.STARTING))}


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
            component_view.show(view, snapshot)
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
    """Explain why the fleet did not come up: the component, the reason, the last lines of its log."""
    if last is not None and last.database and last.database["verdict"] != DatabaseVerdict.WAIT:
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
    kind = NeedsMigration if found["verdict"] == DatabaseVerdict.MIGRATION else FleetError
    return kind(found["sentence"], found["hint"] or None)


def too_late(last: Snapshot | None, timeout: float) -> WaitTimedOut:
    """Say which component is not ready, and where to look."""
    if last is not None and last.database:
        sentence = f"not healthy within {terminal.seconds(timeout)}: {last.database['sentence']}"
        return WaitTimedOut("\n".join([sentence, f"hint: {last.database['hint'] or _DATABASE_HINT}"]))
    late = component_view.not_fine(last) if last is not None else ()
    if not late:
        return WaitTimedOut(f"the fleet was not healthy within {terminal.seconds(timeout)}\nhint: airfleet status")
    names = ", ".join(f"{c.name} ({component_view.describe(c)})" for c in late)
    # What is waiting waits for what is starting, and that perhaps for what dies again and again.
    first = min(late, key=lambda component: _TELLING.get(component.state, len(_TELLING)))
    lines = (first.last_lines or _tail(Path(first.log))) if first.log and first.state in _DEAD else ()
    verb = "is" if len(late) == 1 else "are"
    sentence = f"not healthy within {terminal.seconds(timeout)}: {names} {verb} not ready"
    said = [sentence, f"the end of {first.name}'s log:", *_quoted(lines)] if lines else [sentence]
    hint = _BROKER_HINT if first.kind == BROKER else f"airfleet logs {first.name}"
    return WaitTimedOut("\n".join([*said, f"hint: {hint}"]))


def summary(snapshot: Snapshot, *, attached: bool) -> str:
    """Say where the fleet is, who may enter, and what to do next."""
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
    """Warn root of tasks that run with its rights; None when there are none, or fleet.yaml is wrong."""
    from airfleet.agent.host import task_account
    from airfleet.cli.commands.fleet import plan

    try:
        return task_account.warning(plan.read(here)[0], os.geteuid()) if os.geteuid() == 0 else None
    except (FileProblems, FleetError):  # the agent will say so
        return None


def launch_agent(here: Project) -> None:
    """Start the agent; end what it began when the person gives up meanwhile. Raises FleetError or FileProblems."""
    from airfleet.agent import launch
    from airfleet.agent.host import environment

    host = here.environ.get(paths.HOST)
    what = f"host '{host}' of the fleet" if host else "the fleet"
    terminal.say(f"starting {what} in {here.root}")
    if warning := _tasks_as_root(here):
        terminal.say(warning)
    if other := agent_client.elsewhere(here):
        home = "its usual home" if other.is_usual else "another home"
        terminal.say(f"a fleet of this project with {home} runs, too (agent {other.pid}), and the same pipelines")
    if names := launch.left_out(here.environ):
        terminal.say(left_out(names))
    if unfit := environment.unfit(here.environ):
        terminal.say(f"not used: {', '.join(unfit)} of this environment, with which Airflow does not run")
    try:
        launch.start(here.root, environ=here.environment)
    except KeyboardInterrupt:
        down.end(here, down.PATIENCE_SECONDS)
        raise


def left_out(names: tuple[str, ...]) -> str:
    """Say that settings in the environment set nothing."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    sentence = f"not used: {', '.join(names[:3])}{more} of this environment"
    return f"{sentence}; Airflow's settings have their place under 'airflow:' in fleet.yaml"


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
