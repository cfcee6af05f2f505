"""The launcher: starts a component as a program, as a fork of the zygote, or not at all where it is only watched."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from airfleet.agent.cluster.member import ClusterRole
from airfleet.agent.context import AgentContext
from airfleet.agent.states import Reason, State
from airfleet.agent.supervisor import process
from airfleet.agent.supervisor.components import ZYGOTE
from airfleet.agent.supervisor.process import ZYGOTE_DESCRIPTOR, Running
from airfleet.agent.supervisor.reasons import NotStarted
from airfleet.agent.supervisor.zygote_client import Zygotes
from airfleet.fleet.planning.plan import Exec, Fork, Watch
from airfleet.system import host_name, process_tree


@dataclass(frozen=True)
class Environments:
    """Environments of children: of the zygote, and so of Airflow's components and tasks; and of all other programs."""

    zygote: Mapping[str, str]
    others: Mapping[str, str]


@dataclass
class Launcher:
    """Starts components; ``began`` is called with each new process, ``died`` when the kernel refuses one.

    ``listener`` gives the descriptor of the socket that a component inherits, if it has one.
    """

    context: AgentContext
    zygotes: Zygotes
    cluster: ClusterRole
    environments: Environments
    listener: Callable[[str], int | None]
    began: Callable[[Running, int], None]
    died: Callable[[Running, Reason], None]

    def start(self, running: Running) -> None:
        """Start a component that waits."""
        now, start = self.context.clock(), running.component.start
        running.log_offset = running.log.stat().st_size if running.log.exists() else 0
        if isinstance(start, Exec):
            running.move_to(State.STARTING, now)
            self._execute(running, start)
            return
        running.ordered(now, time.time())
        running.move_to(State.STARTING, now)
        if isinstance(start, Fork):
            assert self.zygotes.link is not None, "the supervisor waits for it"
            listener = self.listener(running.name)
            self.zygotes.link.order(running.name, start, running.log, listener)
        else:
            assert isinstance(start, Watch)

    def _execute(self, running: Running, start: Exec) -> None:
        try:
            pid = self._spawn(running, start)
        except OSError as refused:
            self.died(running, NotStarted(str(refused.strerror), str(refused.filename or start.argv[0])))
            return
        self.began(running, pid)

    def _spawn(self, running: Running, start: Exec) -> int:
        mark, root = {process_tree.MARK: self.context.fleet_id}, self.context.plan.root
        if running.component.kind != ZYGOTE:
            return process.spawn(start, running.log, {**self.environments.others, **mark}, root)
        with self.zygotes.open().their_end() as descriptor:
            environment = {**self.environments.zygote, **mark, **self.context.plan.environment}
            environment[ZYGOTE_DESCRIPTOR] = str(descriptor)
            if self.cluster.is_clustered:
                environment[host_name.HOST] = self.cluster.hostname
            return process.spawn(start, running.log, environment, root, fds=[descriptor])
