"""Hosts that one machine plays, whoever runs on them: each is on a bridge, can be cut off, and can lose its power."""

from __future__ import annotations

import os
import subprocess
from abc import ABC, abstractmethod

from airfleet.agent.host import netns
from airfleet.fleet.planning.local_hosts import NAMESPACE, Network

#: how often the kernel repeats what a process that is gone had still to send: its default, and as good as never
_DEFAULT_RETRIES, _ONE_RETRY = 0, 1
_ORPHANS = "/proc/sys/net/ipv4/tcp_orphan_retries"


def can_have_networks() -> bool:
    """Whether hosts on this machine can have networks of their own: that needs root's rights."""
    return os.geteuid() == 0


class PlayedHosts(ABC):
    """What several hosts have in common."""

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """All hosts."""

    @property
    @abstractmethod
    def network(self) -> Network:
        """The bridge between them, where they have networks of their own."""

    @abstractmethod
    def pids_on(self, host: str) -> tuple[int, ...]:
        """Every process of a host."""

    @abstractmethod
    def pid_of(self, host: str, component: str) -> int:
        """The first process of a component. Raises AssertionError when it does not run."""

    @abstractmethod
    def power_off(self, host: str) -> None:
        """End every process of a host at once, and let none begin."""

    @abstractmethod
    def shut_down(self, host: str) -> None:
        """End everything on a host in good order, and let nothing begin."""

    @abstractmethod
    def start_again(self, host: str) -> None:
        """Start what belongs on a host, after one of the two."""

    def number(self, host: str) -> int:
        """Which of them it is; they count from 1."""
        return self.names.index(host) + 1

    def address(self, host: str) -> str:
        """Where it is on the bridge."""
        return f"{self.network.prefix}.{self.number(host)}"

    def cut(self, host: str) -> None:
        """Let nothing through between a host and the others."""
        netns.cut(self.network, self.number(host))

    def vanish(self, host: str) -> None:
        """Let nothing through, and forget what it still had to send, as a machine does whose power goes off.

        The kernel would say good-bye for a process that has ended, as soon as the link is back.
        """
        self.cut(host)
        self._repeat_for_the_dead(host, _ONE_RETRY)

    def mend(self, host: str) -> None:
        """Let everything through again."""
        netns.mend(self.network, self.number(host))
        self._repeat_for_the_dead(host, _DEFAULT_RETRIES)

    def _repeat_for_the_dead(self, host: str, retries: int) -> None:
        words = ["sh", "-c", f"echo {retries} > {_ORPHANS}"]
        subprocess.run(netns.within(words, {NAMESPACE: self.network.namespace(self.number(host))}), check=True)
