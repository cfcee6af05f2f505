"""Hosts that one machine simulates: each is on a bridge, and its link can be cut."""

from __future__ import annotations

import os
import subprocess
from abc import ABC, abstractmethod

from airfleet.agent.host import netns
from airfleet.fleet.planning.local_hosts import NAMESPACE, Network

#: how often the kernel repeats the unsent data of a process that is gone: its default, and as good as never
_DEFAULT_RETRIES, _ONE_RETRY = 0, 1
_ORPHANS = "/proc/sys/net/ipv4/tcp_orphan_retries"


def can_have_networks() -> bool:
    """Tell whether hosts on this machine can have networks of their own: that needs root's rights."""
    return os.geteuid() == 0


class SimulatedHosts(ABC):
    """One host or several, by name, and their links."""

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Name all hosts."""

    @property
    @abstractmethod
    def network(self) -> Network:
        """Give the bridge between hosts that have networks of their own."""

    def number(self, host: str) -> int:
        """Give the number of a host; they count from 1."""
        return self.names.index(host) + 1

    def address(self, host: str) -> str:
        """Give the address of a host on the bridge."""
        return f"{self.network.prefix}.{self.number(host)}"

    def cut(self, host: str) -> None:
        """Let nothing through between a host and the others."""
        netns.cut(self.network, self.number(host))

    def vanish(self, host: str) -> None:
        """Cut a host off and drop its unsent data, as a power failure does.

        Otherwise the kernel would close the connections of its dead processes as soon as the link is back.
        """
        self.cut(host)
        self._retry_orphans(host, _ONE_RETRY)

    def mend(self, host: str) -> None:
        """Let everything through again."""
        netns.mend(self.network, self.number(host))
        self._retry_orphans(host, _DEFAULT_RETRIES)

    def _retry_orphans(self, host: str, retries: int) -> None:
        words = ["sh", "-c", f"echo {retries} > {_ORPHANS}"]
        subprocess.run(netns.within(words, {NAMESPACE: self.network.namespace(self.number(host))}), check=True)
