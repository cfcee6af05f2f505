"""The place of a drill's pipeline among those of a fleet, for the time of the drill."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class PipelinePlace(Protocol):
    """A place for one pipeline. Both methods may raise FleetError and OSError."""

    def put(self, text: str) -> None:
        """Have the fleet read the pipeline."""

    def take_away(self) -> None:
        """Have the fleet read it no more; a second time does nothing."""

    def left(self) -> str:
        """Name the rest of it, for people; empty when nothing is left."""


@dataclass(frozen=True)
class PipelineFile:
    """A file in the folder of pipelines, which the dag-processors of this machine read."""

    path: Path

    def put(self, text: str) -> None:
        """Write the file."""
        self.path.write_text(text)

    def take_away(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)

    def left(self) -> str:
        """Name the file while it is there."""
        return str(self.path) if self.path.exists() else ""
