"""Scaling: as many workers and api-servers, of the size, that the overrides of a host ask for.

A worker of another size replaces the one before at once, which finishes its tasks; so does a worker that is too many.
The workers of a drained host stop at once, and their processes end when their tasks have. Wanted again, others start
beside those that still have tasks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from airfleet.agent.context import AgentContext
from airfleet.agent.states import State
from airfleet.agent.supervisor.components import Components
from airfleet.agent.supervisor.overrides import API_SERVER, HostOverrides, api_servers, workers
from airfleet.agent.supervisor.process import Running
from airfleet.agent.supervisor.reasons import Drained, Resized
from airfleet.events import Event
from airfleet.fleet.planning.ports import SEARCH_RANGE, is_free


@dataclass
class Scaling:
    """Adds, replaces and removes components of a host."""

    context: AgentContext
    components: Components
    _overrides: HostOverrides = field(default_factory=HostOverrides)
    #: ports of api-servers beyond the plan
    _more_ports: dict[str, int] = field(default_factory=dict)
    #: workers whose size changed while they were being forked
    _outgrown: set[str] = field(default_factory=set)
    #: the processes of drained workers, by name
    _finishing: dict[str, int] = field(default_factory=dict)

    def apply(self, overrides: HostOverrides) -> bool:
        """Apply the overrides; tell whether there are other components than before."""
        scaled = overrides.scale != self._overrides.scale
        if scaled:
            self._scale(overrides)
        if overrides.drained and not self._overrides.drained:
            self.context.log(Event.WORKERS_DRAIN)
        self._overrides = overrides
        for running in self.components:
            if running.component.kind == "worker":
                self._drain(running) if overrides.drained else self._take_up_again(running)
        return scaled

    def forked(self, running: Running) -> None:
        """Note that its process runs; replace it, if its size has changed meanwhile."""
        if running.name in self._outgrown:
            self._outgrown.discard(running.name)
            self._give_way(running)

    def _scale(self, overrides: HostOverrides) -> None:
        planned = self.context.plan.components
        wanted = {component.name: component for component in workers(planned, overrides)}
        wanted |= {component.name: component for component in api_servers(planned, overrides, self._free_port)}
        for name, component in wanted.items():
            running = self.components.get(name)
            if running is None:
                self.components.add(component, self.context.paths.log(name), self.context.clock())
            elif running.component != component:
                running.component = component
                self._give_way(running)
        scaled = ("worker", API_SERVER)
        for running in [r for r in self.components if r.component.kind in scaled and r.name not in wanted]:
            self._give_way(self.components.by_name.pop(running.name))

    def _free_port(self, name: str, usual: int) -> int:
        """Find a port for one more api-server, which it keeps."""
        if name not in self._more_ports:
            taken = set(self._more_ports.values())
            free = (port for port in range(usual, usual + SEARCH_RANGE) if port not in taken and is_free(port))
            self._more_ports[name] = next(free, usual)
        return self._more_ports[name]

    def _give_way(self, running: Running) -> None:
        """Have a worker finish its tasks; another one takes its place at once."""
        if running.pid is not None:
            self.components.drain.add(running.pid)
            running.pid = None
            running.wait_until = self.context.clock()
            running.move_to(State.BACKOFF, self.context.clock(), Resized())
        elif running.state == State.STARTING and self.components.get(running.name) is running:
            self._outgrown.add(running.name)

    def _drain(self, running: Running) -> None:
        """Stop a worker; one that is being forked has its turn when it runs."""
        now = self.context.clock()
        if running.state in (State.STARTING, State.READY, State.DEGRADED) and running.pid is not None:
            # Not STOPPING until its last task has ended: it may be wanted again, or have another size, before that.
            self._finishing[running.name] = running.pid
            self.components.drain.add(running.pid)
            running.pid = None
            running.move_to(State.STOPPED, now, Drained(finishing=True))
        elif running.state in (State.WAITING, State.BACKOFF, State.GAVE_UP):
            running.move_to(State.STOPPED, now, Drained())
        elif running.reason == Drained(finishing=True) and self._has_finished(running):
            running.reason = Drained()
            self.components.changed(running)

    def _has_finished(self, running: Running) -> bool:
        return self._finishing.get(running.name) not in self.components.drain.pids

    def _take_up_again(self, running: Running) -> None:
        self._finishing.pop(running.name, None)
        if running.state == State.STOPPED:
            running.deaths.clear()
            running.move_to(State.WAITING, self.context.clock())
