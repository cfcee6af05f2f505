"""Retries of components that were given up: the cause may be gone.

After one minute, then two, then every five; at once when a file with pipelines has changed since, or another release
is live, and when a person says ``up``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from airfleet.agent.cluster.local_facts import pipeline_files
from airfleet.agent.supervisor.process import Running
from airfleet.backoff import UNTIL_MENDED

#: seconds between two looks at the files
LOOK_SECONDS = 2.0


@dataclass
class Retries:
    """Remembers when components were given up; ``folder`` gives that of the pipelines."""

    folder: Callable[[], Path | None]
    clock: Callable[[], float]
    _looked_at: float = float("-inf")
    _now: int = 0
    #: what the files looked like when a component was given up
    _then: dict[str, int] = field(default_factory=dict)

    def gave_up(self, running: Running) -> None:
        """Note that a component was given up."""
        running.given_up += 1
        running.wait_until = self.clock() + UNTIL_MENDED.delay(running.given_up)
        self._then[running.name] = self._look(now=True)

    def is_due(self, running: Running) -> bool:
        """Tell whether a component is due for a retry."""
        return self.clock() >= running.wait_until or self._then.get(running.name) != self._look()

    def _look(self, now: bool = False) -> int:
        if now or self.clock() - self._looked_at >= LOOK_SECONDS:
            self._looked_at, folder = self.clock(), self.folder()
            self._now = 0 if folder is None else hash(tuple(pipeline_files(folder)))
        return self._now
