"""``airfleet down``: stop the fleet of this machine and wait until nothing of it is left.

::

    ask the agent to stop ──> show it ──> the agent has gone ──> end what is left
          │                      │
          no socket              too slow, or Ctrl-C again: end everything by force
          ├─ an agent that has just started, or whose home was moved or deleted: ask it by a signal, wait
          └─ no agent

Every process of a fleet carries a mark in its environment, by which ``down`` finds the rest, also after the agent
was killed. While at work, ``down`` holds a lock whose file says when it began. So a foreground ``up`` does not take
the end of an agent without a socket for its death.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import click

from airfleet.agent import control
from airfleet.agent.control import AgentGone
from airfleet.agent.host import agent_search
from airfleet.cli import options
from airfleet.cli.output import component_view, progress, terminal
from airfleet.client import agent_client, shutdown_lock
from airfleet.client.project import Project, find
from airfleet.client.snapshot_stream import follow
from airfleet.fleet.planning import paths

#: how long running tasks may take to end; and all else after that
PATIENCE_SECONDS, REST_SECONDS = 60.0, 20.0


@click.command(epilog="\b\nExamples:\n  airfleet down --timeout 5m\n  airfleet down --host work-1")
@options.timeout("1m", "How long running tasks may take to end; then they are ended by force.")
@options.host
@options.project
def command(project: Path | None, host: str | None, timeout: float) -> None:
    """Stop what runs of the fleet on this machine."""
    here = find(project, host=host)
    said = [sentence for one in everything(here, host) if (sentence := end(one, timeout))]
    if not host:
        remove_network(here)
        with suppress(OSError):  # a disk that takes nothing; hosts that are named so in fleet.yaml may come next
            here.played.unlink()
    terminal.say("\n".join(said) or _nothing(here))


def _nothing(here: Project) -> str:
    if (other := agent_client.elsewhere(here)) is None:
        return "nothing is running"
    ends = f"{other.asked_by} airfleet down"
    return f"nothing is running here; a fleet with another home is (agent {other.pid}): {ends}"


def remove_network(here: Project) -> None:
    """Take away the network that the hosts of this machine had."""
    if here.network.exists():
        from airfleet.agent.host import netns
        from airfleet.fleet.planning.local_hosts import Network

        netns.remove(Network(int(here.network.read_text())))
        here.network.unlink()


def everything(here: Project, host: str | None = None) -> tuple[Project, ...]:
    """List what ``down`` ends: the host that is named, or all with a home here, the one with the servers last."""
    if host or here.environ.get("AIRFLEET_HOME"):
        return (here,)
    return (*(here.on(name) for name in reversed(here.hosts)), here.on(""))


def end(here: Project, patience_seconds: float) -> str:
    """Stop the fleet and end every process of it; what was done, or nothing, as a sentence."""
    agent_client.require_own(here.paths)
    name, in_time, unreachable = None, True, False
    with shutdown_lock.at_work(here.paths):
        try:
            name, in_time = _stop(here, patience_seconds)
        except AgentGone:
            unreachable, in_time = _end_unreachable(here, patience_seconds)
        except TimeoutError:
            in_time = False
            terminal.say("the agent does not answer; ending everything by force")
        except KeyboardInterrupt:
            in_time = False
            terminal.say("ending it at once")
        left = _end_leftovers(here)
        _remove_socket(here)
    if unreachable and in_time:
        return "the fleet is stopped"
    return _told(name, in_time, left, here.environ.get(paths.HOST))


def _stop(here: Project, patience_seconds: float) -> tuple[str, bool]:
    """Ask the agent to stop and show it; the fleet's name, and whether it was done in time."""
    snapshot = control.status(here.paths.socket)
    deadline = time.monotonic() + patience_seconds + REST_SECONDS
    view = progress.view(live=terminal.is_live())
    view.remember(component_view.items(snapshot))
    try:
        for change in follow(control.stop(here.paths.socket, patience_seconds)):
            component_view.show(view, change)
            if time.monotonic() > deadline:
                return snapshot.fleet, False
    finally:
        view.close()
    return snapshot.fleet, True


def _end_unreachable(here: Project, patience_seconds: float) -> tuple[bool, bool]:
    """End agents that live and have no socket where it should be; whether there were any, and have ended in time."""
    found = agent_search.lasting(here.paths.home)
    for pid in found:
        here_still = agent_search.holds(here.paths, pid)
        what = f"the agent (process {pid}) cannot be asked"
        moved = f"the home of the agent (process {pid}) was moved or deleted"
        terminal.say(f"{what if here_still else moved}; telling it to end by a signal")
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    left = agent_search.lasting(here.paths.home, patience_seconds + REST_SECONDS) if found else ()
    return bool(found), not left


def _end_leftovers(here: Project) -> tuple[int, ...]:
    from airfleet.agent import launch

    return launch.end_leftovers(here.paths)


def _remove_socket(here: Project) -> None:
    """Remove the socket of an agent that was killed: commands would take it for a fleet that runs in this home."""
    if not agent_search.find(here.paths.home):
        with suppress(OSError):
            here.paths.socket.unlink()


def _told(name: str | None, in_time: bool, left: tuple[int, ...], host: str | None) -> str:
    what = f"host '{host}' of fleet '{name}'" if host else f"fleet '{name}'"
    count = f"{len(left)} {'process' if len(left) == 1 else 'processes'}"
    if name is None and in_time:
        return f"no agent was running; ended {count} that it had left" if left else ""
    if name is None:
        return f"the agent did not answer; {count} had to be ended by force" if left else ""
    if not in_time:
        return f"{what} is stopped; {count} had to be ended by force"
    return f"{what} is stopped"
