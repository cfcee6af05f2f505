"""The states of all components, as the agent reports them while a part is broken."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from airfleet.agent import control
from airfleet.agent.control import AgentGone, Snapshot
from airfleet.agent.states import FINE, LABELS, State
from airfleet.client import agent_client

_LOOK_SECONDS = 0.1


class AgentStates:
    """Follows the agent in a thread, also over its death."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._latest: Snapshot | None = None
        self._told: dict[str, State] = {}
        #: whether anything was seen to be ill
        self.hurt = False
        self._lock = threading.Lock()
        self._lines: list[str] = []
        threading.Thread(target=self._follow, name="states", daemon=True).start()

    @property
    def well(self) -> bool:
        """Tell whether all is well now."""
        with self._lock:
            return self._latest is not None and agent_client.is_healthy(self._latest)

    def changes(self) -> list[str]:
        """Give the changes since the last call, as sentences."""
        with self._lock:
            lines, self._lines = self._lines, []
        return lines

    def _follow(self) -> None:
        while True:
            try:
                for snapshot in control.watch(self._socket):
                    self._see(snapshot)
            except (AgentGone, OSError):
                pass
            with self._lock:
                self._latest, self.hurt = None, True
            time.sleep(_LOOK_SECONDS)

    def _see(self, snapshot: Snapshot) -> None:
        with self._lock:
            self._latest = snapshot
            for one in snapshot.components:
                self.hurt = self.hurt or one.state not in FINE
                if one.state != State.WAITING and self._told.get(one.name, one.state) != one.state:
                    why = f": {one.reason}" if one.reason and one.state not in FINE else ""
                    self._lines.append(f"{one.name} is {LABELS[one.state]}{why}")
                self._told[one.name] = one.state
