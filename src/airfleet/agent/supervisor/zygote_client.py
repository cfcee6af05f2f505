"""The agent's end of its conversation with the template (see :mod:`airfleet.zygote.main`)."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from airfleet.fleet.planning.plan import Fork

#: how long a full socket may hold up the agent
ORDER_SECONDS = 1.0


class TemplateLink:
    """Orders to one template, and what it answers. A new template gets a new link."""

    def __init__(self) -> None:
        self.socket, self._theirs = socket.socketpair()
        self.socket.setblocking(False)
        self._half_line = b""
        #: names of components that were ordered and of which no pid is known yet
        self.unanswered: set[str] = set()

    @contextlib.contextmanager
    def their_end(self) -> Iterator[int]:
        """The descriptor for the template to inherit; ours is closed afterwards."""
        with self._theirs:
            yield self._theirs.fileno()

    def order(self, name: str, start: Fork, log: Path) -> None:
        """Have a component forked. The order waits in the socket while the template is busy, and is lost if it is full.

        Its settings go in a file without a name that only the forked process reads: what the template had read would
        stay in the memory of whatever it forks later.

        One that has not read for so long stands still, and is ended for it
        (:mod:`airfleet.agent.supervisor.health_policy`).
        """
        message = {
            "name": name,
            "entry": start.entry,
            "options": dict(start.options),
            "log": str(log),
        }
        line = json.dumps(message).encode() + b"\n"
        self.unanswered.add(name)
        self.socket.settimeout(ORDER_SECONDS)
        # A template that has died, or will have to, is seen to elsewhere, and the order is given to the next one.
        with contextlib.suppress(OSError), _unnamed_file(json.dumps(start.settings)) as settings:
            sent = socket.send_fds(self.socket, [line], [settings])
            self.socket.sendall(line[sent:])
        self.socket.setblocking(False)

    def read(self) -> tuple[Mapping[str, Any], ...] | None:
        """What it has said since the last time; None when it has closed its end."""
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
        """End the conversation; a living template ends with it."""
        self.socket.close()


@contextlib.contextmanager
def _unnamed_file(text: str) -> Iterator[int]:
    with os.fdopen(os.memfd_create("settings"), "w+") as file:
        file.write(text)
        file.seek(0)
        yield file.fileno()
