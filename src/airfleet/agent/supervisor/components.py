"""The components of a host as its agent has them now, and questions about all of them."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from airfleet.agent.context import AgentContext
from airfleet.agent.states import State
from airfleet.agent.supervisor import process
from airfleet.agent.supervisor.overrides import API_SERVER
from airfleet.agent.supervisor.process import Running
from airfleet.agent.supervisor.worker_drain import WorkerDrain
from airfleet.fleet.planning.plan import Component, Fork

ZYGOTE, WORKER, NGINX = "zygote", "worker", "nginx"
#: states that change soon by the agent's own doing
_BUSY = frozenset({State.STARTING, State.BACKOFF, State.WAITING})


@dataclass
class Components:
    """All components by name, with the workers that drain; ``listeners`` are told of each change of state."""

    by_name: dict[str, Running]
    drain: WorkerDrain
    listeners: list[Callable[[Running], None]] = field(default_factory=list)

    @classmethod
    def planned(cls, context: AgentContext, drain: WorkerDrain) -> Components:
        """Make the components of a plan, none of them started."""
        made, now = cls({}, drain), context.clock()
        for component in context.plan.components:
            made.add(component, context.paths.log(component.name), now)
        return made

    def add(self, component: Component, log: Path, now: float) -> None:
        """Add a component that waits for its start."""
        self.by_name[component.name] = Running(component, log, self.changed, since=now)

    def __iter__(self) -> Iterator[Running]:
        # A copy: the thread of the lease looks at them, too, while the loop adds and removes some.
        return iter(tuple(self.by_name.values()))

    def changed(self, running: Running) -> None:
        """Tell the listeners of a change."""
        for listener in self.listeners:
            listener(running)

    def get(self, name: str) -> Running | None:
        """Return a component; None for a name that the host does not have (any more)."""
        return self.by_name.get(name)

    def by_pid(self, pid: int) -> Running | None:
        """Return the component that a process is the leader of."""
        return next((running for running in self if running.pid == pid), None)

    def of_kind(self, kind: str) -> Iterator[Running]:
        """Yield the components of a kind."""
        return (running for running in self if running.component.kind == kind)

    def are_busy(self) -> bool:
        """Tell whether some component starts, or waits for its start."""
        return any(running.state in _BUSY for running in self)

    def unforked(self) -> tuple[Running, ...]:
        """Return the components that the zygote was told to fork, and has not."""
        waiting = (r for r in self if r.state == State.STARTING and r.pid is None)
        return tuple(r for r in waiting if isinstance(r.component.start, Fork))

    def api_addresses(self) -> list[str]:
        """Return the addresses of this host's api-servers."""
        return [running.component.address for running in self.of_kind(API_SERVER)]

    def pids(self) -> dict[int, str]:
        """Return the kind of each leader by its pid, draining workers among them."""
        kinds = {running.pid: running.component.kind for running in self if running.pid}
        return kinds | dict.fromkeys(self.drain.pids, WORKER)

    # --- for the cluster: see airfleet.agent.cluster.member.HostProcesses ----------------------------

    def have_workers(self) -> bool:
        """Tell whether a worker runs, a draining one too."""
        return any(running.pid for running in self.of_kind(WORKER)) or bool(self.drain)

    def pids_without_attempts(self) -> frozenset[int]:
        """Return the leaders below which no attempt runs."""
        return frozenset(r.pid for r in self if r.pid and r.component.kind != WORKER)

    def forgive_workers(self) -> None:
        """Forget the deaths of workers: those that follow are no fault of their own."""
        for running in self.of_kind(WORKER):
            running.deaths.clear()

    def kill_forked(self) -> None:
        """Kill the zygote and everything that a zygote forked, and count none of these deaths."""
        for running in self:
            if is_forked(running) and running.pid is not None:
                running.deaths.clear()
                process.signal_group(running.pid, signal.SIGKILL)

    def have_forked(self) -> bool:
        """Tell whether the zygote, or something that a zygote forked, has a process."""
        return any(running.pid for running in self if is_forked(running))


def is_forked(running: Running) -> bool:
    """Tell whether a component is the zygote, or is forked by it."""
    return isinstance(running.component.start, Fork) or running.component.kind == ZYGOTE
