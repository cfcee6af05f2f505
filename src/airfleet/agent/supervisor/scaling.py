"""Has a host run as many workers and api-servers as it was told to, of the size that it was told.

A worker of another size takes the place of the one before at once, which finishes what it has begun; so does one that
is too many. A drained host's workers are stopped at once, and their processes end when their tasks have; when they are
wanted again others start beside those that still have some.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from airfleet.agent.states import State
from airfleet.agent.supervisor.overrides import API_SERVER, DRAINED, Orders, api_servers, workers
from airfleet.agent.supervisor.process import Running
from airfleet.agent.supervisor.worker_drain import Draining
from airfleet.events import Event, Log
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.planning.plan import Plan
from airfleet.fleet.planning.ports import SEARCH_RANGE, is_free

#: why a worker is stopped whose process still has tasks
FINISHES = f"{DRAINED}, finishes what it runs"


@dataclass
class Scaling:
    """Changes ``running``, the agent's components by name. ``changed`` is told of each change of one of them."""

    plan: Plan
    paths: Paths
    running: dict[str, Running]
    draining: Draining
    changed: Callable[[Running], None]
    log: Log
    clock: Callable[[], float]
    _orders: Orders = field(default_factory=Orders)
    #: ports of api-servers that were ordered beyond the plan
    _more_ports: dict[str, int] = field(default_factory=dict)
    #: workers that got another size while they were being forked
    _outgrown: set[str] = field(default_factory=set)
    #: the processes of drained workers, by name
    _finishing: dict[str, int] = field(default_factory=dict)

    def obey(self, orders: Orders) -> bool:
        """Do what is ordered now; whether there are other components than before."""
        scaled = orders.scale != self._orders.scale
        if scaled:
            self._scale(orders)
        if orders.drained and not self._orders.drained:
            self.log(Event.WORKERS_DRAIN)
        self._orders = orders
        for running in self.running.values():
            if running.component.kind == "worker":
                self._drain(running) if orders.drained else self._take_up_again(running)
        return scaled

    def forked(self, running: Running) -> None:
        """Its process runs now: it gives way, if it has another size by now."""
        if running.name in self._outgrown:
            self._outgrown.discard(running.name)
            self._give_way(running)

    def _scale(self, orders: Orders) -> None:
        planned = self.plan.components
        wanted = {component.name: component for component in workers(planned, orders)}
        wanted |= {component.name: component for component in api_servers(planned, orders, self._free_port)}
        for name, component in wanted.items():
            running = self.running.get(name)
            if running is None:
                log = self.paths.log(name)
                self.running[name] = Running(component, log, self.changed, since=self.clock())
            elif running.component != component:
                running.component = component
                self._give_way(running)
        scaled = ("worker", API_SERVER)
        for name in [name for name, r in self.running.items() if r.component.kind in scaled and name not in wanted]:
            self._give_way(self.running.pop(name))

    def _free_port(self, name: str, usual: int) -> int:
        """A port for one more api-server, which it keeps."""
        if name not in self._more_ports:
            taken = set(self._more_ports.values())
            free = (port for port in range(usual, usual + SEARCH_RANGE) if port not in taken and is_free(port))
            self._more_ports[name] = next(free, usual)
        return self._more_ports[name]

    def _give_way(self, running: Running) -> None:
        """Have it finish what it runs; another one takes its place at once."""
        if running.pid is not None:
            self.draining.add(running.pid)
            running.pid = None
            running.wait_until = self.clock()
            running.move_to(State.BACKOFF, self.clock(), "has another size now")
        elif running.state == State.STARTING and self.running.get(running.name) is running:
            self._outgrown.add(running.name)

    def _drain(self, running: Running) -> None:
        """Stop it; one that is being forked has its turn when it runs."""
        now = self.clock()
        if running.state in (State.STARTING, State.READY, State.DEGRADED) and running.pid is not None:
            # Not STOPPING until its last task has ended: it may be wanted again, or have another size, before that.
            self._finishing[running.name] = running.pid
            self.draining.add(running.pid)
            running.pid = None
            running.move_to(State.STOPPED, now, FINISHES)
        elif running.state in (State.WAITING, State.BACKOFF, State.GAVE_UP):
            running.move_to(State.STOPPED, now, DRAINED)
        elif running.reason == FINISHES and self._finishing.get(running.name) not in self.draining.pids:
            running.reason = DRAINED
            self.changed(running)

    def _take_up_again(self, running: Running) -> None:
        self._finishing.pop(running.name, None)
        if running.state == State.STOPPED:
            running.deaths.clear()
            running.move_to(State.WAITING, self.clock())
