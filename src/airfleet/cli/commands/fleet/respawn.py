"""A foreground ``up`` keeps its agent: when that dies, another one is started and goes on with what runs.

::

    say every change ──> the agent has gone ──┬─ it was asked to stop, or 'down' is at work or was: the end
         ^                                    ├─ it stops, and nobody asked it to: a failure, exit 4
         │                                    ├─ another one runs, or is about to: that one
         └────────────────────────────────────┴─ none: start one; not again and again, then leave all as it is

Tasks do not need an agent, so what runs is left alone when no agent lives long: whoever starts one goes on with it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

from airfleet.agent import control
from airfleet.agent.control import AgentGone, AlreadyRuns, Snapshot
from airfleet.agent.supervisor import restarts
from airfleet.cli.output import component_view, progress, terminal
from airfleet.client import shutdown_lock
from airfleet.client.project import Project
from airfleet.client.snapshot_stream import follow
from airfleet.errors import AirfleetError, Unhealthy

#: so many agents are started within so many seconds
MOST, WINDOW_SECONDS = 4, 120.0
#: between two looks for an agent that somebody else starts
PAUSE_SECONDS = 0.5
#: states of a fleet that somebody ends
ENDING = ("stopping", "stopped")

#: starts an agent; its pid
Start: TypeAlias = Callable[[Project], int]


class EndedByOthers(Unhealthy):
    """The agent ended in good order, but nobody called ``airfleet down``: a service manager may start it again."""


class NotKept(Unhealthy):
    """Agents of the fleet keep dying; what they had started was left alone."""


def keep(
    here: Project, ready: Snapshot, start: Start | None = None, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Say every change until the fleet is stopped, and start its agent again whenever that dies.

    Raises NotKept, or EndedByOthers.
    """
    lines = progress.ChangeLines()
    lines.remember(component_view.items(ready))
    starts: list[float] = []
    found: Snapshot | None = ready
    while found is not None:
        began = shutdown_lock.began(here.paths)
        last = _shown(here, lines, found)
        if last.state in ENDING:
            _require_purpose(last)
        found = None if last.state in ENDING else _next(here, last, began, starts, start or _start, sleep)
    terminal.say("the fleet was stopped")


def _require_purpose(last: Snapshot) -> None:
    """Raise EndedByOthers when nobody asked the agent to end."""
    if not last.asked_to_end:
        sentence = f"the agent (process {last.pid}) was told to end, and not by 'airfleet down': the fleet has stopped"
        raise EndedByOthers(sentence, hint="a signal to that process does that; 'airfleet up' starts the fleet again")


def _shown(here: Project, lines: progress.ChangeLines, last: Snapshot) -> Snapshot:
    """Say what an agent says until it has gone; the last of it."""
    for snapshot in follow(control.watch(here.paths.socket)):
        component_view.show(lines, snapshot)
        last = snapshot or last
    return last


def _next(
    here: Project, gone: Snapshot, began: int, starts: list[float], start: Start, sleep: Callable[[float], None]
) -> Snapshot | None:
    """Return the agent after one that has gone, whoever started it; None when somebody ends the fleet.

    ``began``: when somebody last began to end it, as of when the agent that has gone was there.
    """
    why, own = "", 0
    with suppress(ChildProcessError):  # whoever started it has to bury it
        os.waitpid(gone.pid, os.WNOHANG)
    while not shutdown_lock.is_at_work(here.paths):
        if found := _running(here):
            _say_who(gone, found, own)
            return found
        if shutdown_lock.began(here.paths) != began:
            return None
        _require_patience(here, starts, why)
        sleep(restarts.wait_before_start(1 + _recent(starts)))
        if shutdown_lock.began(here.paths) != began:  # meanwhile
            continue
        try:
            own = start(here)
        except AlreadyRuns:  # it does not answer yet
            sleep(PAUSE_SECONDS)
            continue
        except AirfleetError as refused:
            why = str(refused)
        starts.append(time.monotonic())
    return None


def _say_who(gone: Snapshot, found: Snapshot, own: int) -> None:
    if found.pid == gone.pid:  # it only hung up on us, who were too slow to follow
        return
    whose = "goes on with what runs" if found.pid == own else "was started meanwhile, and goes on with what runs"
    terminal.say(f"the agent (process {gone.pid}) has died; another one (process {found.pid}) {whose}")


def _require_patience(here: Project, starts: list[float], why: str) -> None:
    if _recent(starts) < MOST:
        return
    sentence = f"agents of the fleet in {here.root} keep dying; what they started was left alone, without one"
    hint = f"{here.paths.log('agent')} says why; 'airfleet up' goes on with what runs, 'airfleet down' ends it"
    raise NotKept(f"{sentence}\n{why}" if why else sentence, hint=hint)


def _recent(starts: list[float]) -> int:
    return sum(time.monotonic() - moment <= WINDOW_SECONDS for moment in starts)


def _running(here: Project) -> Snapshot | None:
    try:
        return control.status(here.paths.socket)
    except (AgentGone, TimeoutError):
        return None


def _start(here: Project) -> int:
    from airfleet.agent import launch

    return launch.start(here.root, environ=here.environment)
