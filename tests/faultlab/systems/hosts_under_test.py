"""A real fleet of several hosts on this machine, for tests: an agent for each, and hosts whose power goes off.

::

    with HostsUnderTest.of("name: shop", 3) as fleet:
        fleet.start()
        fleet.power_off("host-2")
        assert fleet.host("host-2").state == "gone"

It is asked as its first host is, which has the servers and the API.
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
from airfleet.fleet.planning.local_hosts import Network
from airfleet.fleet.planning.paths import HOST, fleet_id
from airfleet.system import process_tree
from airfleet.testing.fleet import START_SECONDS, FleetUnderTest
from faultlab.systems.simulated_hosts import PlayedHosts


@dataclass
class HostsUnderTest(FleetUnderTest, PlayedHosts):
    """The fleet whose ``fleet.yaml`` lies in ``root``, on ``count`` hosts."""

    count: int = 2
    #: whether each host has a network of its own; needs root
    netns: bool = False

    @classmethod
    def of(cls, fleet_yaml: str, count: int, files: Mapping[str, str] | None = None, *, netns: bool = False) -> Self:
        """A project in a new folder, of ``fleet.yaml`` and ``files`` (path -> text)."""
        made = FleetUnderTest.make(fleet_yaml, files)
        first = local_hosts.names(count)[0]
        return cls(made.root, {**made.environ, HOST: first}, made.temporary, count=count, netns=netns)

    @property
    def names(self) -> tuple[str, ...]:
        """All hosts."""
        return local_hosts.names(self.count)

    def on(self, host: str) -> FleetUnderTest:
        """One host of it."""
        return FleetUnderTest(self.root, {**self.environ, HOST: host})

    def start(self) -> Snapshot:
        """Bring all hosts up and wait until they are healthy."""
        everything = self.with_environment(**{HOST: ""})
        words = ("up", "--hosts", self.count, *(["--netns"] if self.netns else []), "--detach")
        result = everything.airfleet(*words, "--timeout", f"{START_SECONDS:.0f}s", seconds=START_SECONDS + 60)
        assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
        return self.snapshot()

    def start_again(self, host: str) -> None:
        """Bring one host up again."""
        self.on(host).start()

    def shut_down(self, host: str) -> None:
        """End one host as for an upgrade."""
        self.on(host).stop()

    def pids_on(self, host: str) -> tuple[int, ...]:
        """Every process of a host, its agent among them."""
        return self.on(host).pids()

    def pid_of(self, host: str, component: str) -> int:
        """The process of a component of a host."""
        pid = self.on(host).component(component).pid
        assert pid is not None, f"no {component} runs on {host}"
        return pid

    def stop(self) -> None:
        """End all hosts."""
        result = self.with_environment(**{HOST: ""}).airfleet("down")
        assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"

    def remove(self) -> None:
        """End every process and remove every file of it."""
        for host in reversed(self.names[1:]):
            self.on(host).remove()
        if self.project.network.exists():
            netns.remove(self.network)
        super().remove()

    def host(self, name: str) -> HostStatus:
        """A host, as the first one knows of it. Raises StopIteration when it knows none of that name."""
        return next(host for host in self.snapshot().hosts if host.host == name)

    def wait_for_host(self, name: str, state: str, seconds: float) -> HostStatus:
        """A host as soon as it is in a state."""

        def found() -> HostStatus | None:
            return next((one for one in self.snapshot().hosts if one.host == name and one.state == state), None)

        status = wait_until(found, seconds, f"{name} is {state}")
        assert status is not None
        return status

    def power_off(self, host: str) -> None:
        """End every process of a host at once, its agent among them; nobody says good-bye."""
        one = self.on(host)
        written_down, mark = process_tree.read_down(one.paths.processes), fleet_id(one.paths.home)
        for number in (signal.SIGSTOP, signal.SIGKILL):  # whoever is last sees none of the others die
            for pid in process_tree.find(mark, written_down):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
        wait_until(lambda: not process_tree.find(mark, written_down), 20, f"nothing of {host} is left", 0.02)

    @property
    def network(self) -> Network:
        """The bridge between the hosts."""
        return Network(int(self.project.network.read_text()))

    def log_of(self, host: str, component: str = "agent") -> Path:
        """The log of a component on a host."""
        return self.on(host).paths.log(component)
