"""The places of releases on a host: pure paths, which agents write and Airflow's processes read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: in the root of each tree: its manifest, which also makes the tree a project
MANIFEST: Final = ".airfleet-release.json"

#: the name of the link to the tree that is live
LIVE: Final = "live"


@dataclass(frozen=True)
class Places:
    """Every place of the releases of one host, below ``root``."""

    root: Path

    @property
    def objects(self) -> Path:
        """The contents of files, each once."""
        return self.root / "objects"

    @property
    def partial(self) -> Path:
        """Files that are not complete yet."""
        return self.root / "partial"

    @property
    def live(self) -> Path:
        """The link to the tree that is live."""
        return self.root / LIVE

    def object(self, digest: str, *, executable: bool = False) -> Path:
        """Name the file with this content."""
        return self.objects / digest[:2] / (digest + (".x" if executable else ""))

    def tree(self, digest: str) -> Path:
        """Name the folder of a release."""
        return self.root / "trees" / digest

    def environment(self, digest: str) -> Path:
        """Name the folder of a Python environment."""
        return self.root / "environments" / digest

    def live_digest(self) -> str | None:
        """Read which release is live on this host; None while there is none."""
        try:
            return os.path.basename(os.readlink(self.live))
        except OSError:
            return None
