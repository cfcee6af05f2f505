"""A witness outside the fleet: a file to which tasks append a line that is on disk before they go on.

A line in it has happened, whatever the fleet's own database says about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ledger:
    """One such file."""

    path: Path

    def command(self, words: str) -> str:
        """Give a shell command that appends ``words`` as one line; the words may hold ``$variables``."""
        return f'echo "{words}" >> "{self.path}" && sync "{self.path}"'

    def lines(self) -> tuple[str, ...]:
        """Read the lines so far, without a last one that is still being written."""
        try:
            return tuple(self.path.read_text().split("\n")[:-1])
        except FileNotFoundError:
            return ()
