"""A real fleet of one or several hosts on this machine, for tests: an agent for each, and hosts that lose their power.

::

    with HostsUnderTest.of("name: shop", 3) as fleet:
        fleet.start()
        fleet.power_off("host-2")
        assert fleet.host("host-2").state == "gone"

It is asked as its first host is, which has the API.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from airfleet.agent.control import HostStatus, Snapshot
from airfleet.agent.host import netns
from airfleet.drill.waiting import wait_until
from airfleet.fleet.planning import local_hosts
from airfleet.fleet.planning.local_hosts import NAMESPACE, Network
from airfleet.fleet.planning.paths import HOST, fleet_id
from airfleet.system import process_tree
from airfleet.testing.fleet import START_SECONDS, FleetUnderTest
from faultlab.systems.simulated_hosts import SimulatedHosts


@dataclass
class HostsUnderTest(FleetUnderTest, SimulatedHosts):
    """The fleet whose ``fleet.yaml`` lies in ``root``, on ``count`` hosts."""

    count: int = 1
    #: whether each host of several has a network of its own; needs root's rights
    netns: bool = False
    #: whether the start brings the folder to its hosts as a release
    pushes: bool = False
    #: the network of hosts that ``fleet.yaml`` names, which somebody else makes and removes
    given: Network | None = None

    @classmethod
    def of(
        cls,
        fleet_yaml: str,
        count: int,
        files: Mapping[str, str] | None = None,
        *,
        netns: bool = False,
        given: Network | None = None,
    ) -> Self:
        """Make a project in a new folder, of ``fleet.yaml`` and ``files`` (path -> text)."""
        made = FleetUnderTest.make(fleet_yaml, files)
        first = {HOST: local_hosts.names(count)[0]} if count > 1 else {}
        return cls(made.root, {**made.environ, **first}, made.temporary, count=count, netns=netns, given=given)

    @property
    def names(self) -> tuple[str, ...]:
        """Name all hosts."""
        return local_hosts.names(self.count)

    @property
    def network(self) -> Network:
        """Give the bridge between the hosts."""
        return self.given or Network(int(self.project.network.read_text()))

    def on(self, host: str) -> FleetUnderTest:
        """Give one host of it."""
        if self.count == 1:
            return self
        inside = {NAMESPACE: self.given.namespace(self.number(host))} if self.given else {}
        return self.with_environment(**{HOST: host, **inside})

    # --- all hosts ---------------------------------------------------------------------------------

    def start(self) -> Snapshot:
        """Bring all hosts up and wait until they are healthy."""
        if self.count == 1:
            return super().start()
        if self.given is not None:
            return self._start_named()
        apart, ways = ["--netns"] if self.netns else [], [] if self.pushes else ["--no-push"]
        words = ("up", "--hosts", self.count, *apart, *ways, "--detach")
        result = self._everything.airfleet(*words, "--timeout", f"{START_SECONDS:.0f}s", seconds=START_SECONDS + 60)
        assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
        return self.snapshot()

    def _start_named(self) -> Snapshot:
        """Bring the first host up, which makes the secrets and the tables, and then the others."""
        first, *others = map(self.on, self.names)
        first.start()
        for host in others:
            host.boot()
        for host in others:
            host.start()
        return self.snapshot()

    def stop(self) -> None:
        """End all hosts."""
        result = self._everything.airfleet("down")
        assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"

    def remove(self) -> None:
        """End every process and remove every file of it."""
        for host in reversed(self.names[1:]):
            self.on(host).remove()
        if self.project.network.exists():
            netns.remove(self.network)
        super().remove()

    @property
    def _everything(self) -> FleetUnderTest:
        """Give the fleet for commands that are about no single host."""
        return self.with_environment(**{HOST: ""}) if self.count > 1 else self.with_environment()

    # --- one host ----------------------------------------------------------------------------------

    def start_again(self, host: str) -> None:
        """Bring one host up again."""
        self.on(host).start()

    def shut_down(self, host: str) -> None:
        """End one host as for an upgrade."""
        self.on(host).stop()

    def power_off(self, host: str) -> None:
        """End every process of a host at once, its agent among them, so that none sees the others die."""
        one = self.on(host)
        written_down, mark = process_tree.read_down(one.paths.processes), fleet_id(one.paths.home)
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in process_tree.find(mark, written_down):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
        wait_until(lambda: not process_tree.find(mark, written_down), 20, f"no process of {host} is left", 0.02)

    def host(self, name: str) -> HostStatus:
        """Give a host as the first one sees it. Raises StopIteration when it sees none of that name."""
        return next(host for host in self.snapshot().hosts if host.host == name)

    def wait_for_host(self, name: str, state: str, seconds: float) -> HostStatus:
        """Wait until a host is in a state."""

        def found() -> HostStatus | None:
            return next((one for one in self.snapshot().hosts if one.host == name and one.state == state), None)

        status = wait_until(found, seconds, f"{name} is {state}")
        assert status is not None
        return status

    def log_of(self, host: str, component: str = "agent") -> Path:
        """Give the log of a component on a host."""
        return self.on(host).paths.log(component)
