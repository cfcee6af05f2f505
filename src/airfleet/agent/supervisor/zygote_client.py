"""The agent's side of the zygote (:mod:`airfleet.zygote.main`): orders to fork, and what it answers."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from airfleet.agent.context import AgentContext
from airfleet.agent.states import State
from airfleet.agent.supervisor import process
from airfleet.agent.supervisor.components import ZYGOTE, Components
from airfleet.agent.supervisor.process import Running
from airfleet.agent.supervisor.reasons import ZygoteDied
from airfleet.fleet.planning.plan import Fork

#: seconds for which a full socket may hold up the agent
ORDER_TIMEOUT_SECONDS = 1.0


class Zygotes:
    """The zygotes of this host, one at a time. ``forked`` is called with a component and its new process;
    ``refuses`` tells whether this incarnation of the host ends, and no fork is wanted."""

    def __init__(
        self,
        context: AgentContext,
        components: Components,
        selector: selectors.BaseSelector,
        forked: Callable[[Running, int], None],
        refuses: Callable[[], bool],
    ) -> None:
        self._clock = context.clock
        self._surprises = context.surprises
        self._components = components
        self._selector = selector
        self._forked = forked
        self._refuses = refuses
        self.link: ZygoteLink | None = None

    def open(self) -> ZygoteLink:
        """Make the link for a zygote that is about to start."""
        link = self.link = ZygoteLink()
        self._selector.register(link.socket, selectors.EVENT_READ, lambda _: self.hear(link))
        return link

    def hear(self, link: ZygoteLink) -> None:
        """Act upon what a zygote has said; let a closed link go."""
        messages = link.read()
        self._take(messages or ())
        if messages is None:
            self._let_go(link)

    def may_have_forked(self, pid: int) -> bool:
        """Tell whether a dead child may be a component that was just forked: those lead a session of their own."""
        if self.link is None or not self.link.unanswered:
            return False
        self.hear(self.link)
        with contextlib.suppress(ProcessLookupError):
            return self._components.by_pid(pid) is not None or os.getsid(pid) == pid
        return False

    def died(self) -> None:
        """Hear the last words of a zygote that died; the next one gets its unanswered orders."""
        if self.link is not None:
            while messages := self.link.read():  # before it died it may have obeyed some
                self._take(messages)
            self._let_go(self.link)
        now = self._clock()
        for running in self._components.unforked():
            running.move_to(State.BACKOFF, now, ZygoteDied())

    def said(self, message: Mapping[str, Any]) -> None:
        """Act upon one message."""
        if message["said"] == "ready":
            zygote = next(self._components.of_kind(ZYGOTE))
            if zygote.state == State.STARTING:
                zygote.move_to(State.READY, self._clock())
            return
        running = self._components.get(message["name"])
        # The end of this incarnation, or of all, may have come while it was being forked; or the order is an old one.
        if running is None or self._refuses() or running.state != State.STARTING or running.pid is not None:
            _kill_fresh(message["pid"])
            return
        self._forked(running, message["pid"])

    def _take(self, messages: Iterable[Mapping[str, Any]]) -> None:
        for message in messages:
            with self._surprises.borne():  # the next one tells of another process
                self.said(message)

    def _let_go(self, link: ZygoteLink) -> None:
        self._selector.unregister(link.socket)
        link.close()
        if link is self.link:
            self.link = None


class ZygoteLink:
    """Orders to one zygote, and its answers. A new zygote gets a new link."""

    def __init__(self) -> None:
        self.socket, self._theirs = socket.socketpair()
        self.socket.setblocking(False)
        self._half_line = b""
        #: names of components that were ordered and have no known pid yet
        self.unanswered: set[str] = set()

    @contextlib.contextmanager
    def their_end(self) -> Iterator[int]:
        """Yield the descriptor for the zygote to inherit; this process's copy is closed afterwards."""
        with self._theirs:
            yield self._theirs.fileno()

    def order(self, name: str, start: Fork, log: Path, listener: int | None = None) -> None:
        """Have a component forked. The order waits in the socket while the zygote is busy, and is lost if it is full.

        Its settings go in a file without a name that only the forked process reads: what the zygote had read would
        stay in the memory of whatever it forks later. The component inherits ``listener``, a socket's descriptor.

        A zygote that has not read for so long stalls, and is killed for it
        (:mod:`airfleet.agent.supervisor.health_policy`).
        """
        message = {
            "name": name,
            "entry": start.entry,
            "options": dict(start.options),
            "log": str(log),
            "listens": listener is not None,
        }
        line = json.dumps(message).encode() + b"\n"
        self.unanswered.add(name)
        self.socket.settimeout(ORDER_TIMEOUT_SECONDS)
        # A zygote that has died, or will have to, is seen to elsewhere, and the order is given to the next one.
        with contextlib.suppress(OSError), _unnamed_file(json.dumps(start.settings)) as settings:
            descriptors = [settings] if listener is None else [settings, listener]
            sent = socket.send_fds(self.socket, [line], descriptors)
            self.socket.sendall(line[sent:])
        self.socket.setblocking(False)

    def read(self) -> tuple[Mapping[str, Any], ...] | None:
        """Return the messages since the last call; None when the zygote has closed its end."""
        try:
            received = self.socket.recv(65536)
        except BlockingIOError:
            return ()
        except OSError:
            return None
        if not received:
            return None
        *lines, self._half_line = (self._half_line + received).split(b"\n")
        messages = tuple(json.loads(line) for line in lines)
        self.unanswered -= {message["name"] for message in messages if message["said"] == "forked"}
        return messages

    def close(self) -> None:
        """End the conversation; a living zygote ends with it."""
        self.socket.close()


@contextlib.contextmanager
def _unnamed_file(text: str) -> Iterator[int]:
    with os.fdopen(os.memfd_create("settings"), "w+") as file:
        file.write(text)
        file.seek(0)
        yield file.fileno()


def _kill_fresh(pid: int) -> None:
    """Kill a component that was just forked, and perhaps has no session of its own yet."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    process.signal_group(pid, signal.SIGKILL)
