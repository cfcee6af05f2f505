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


_TREES: Final = "trees"


@dataclass(frozen=True)
class Places:
    """Every place of the releases of one host, below ``root``."""

    root: Path

    @classmethod
    def around(cls, tree: Path) -> Places | None:
        """Give the places among which a tree is; None for a folder that lies elsewhere, or is no release."""
        is_ours = tree.parent.name == _TREES and (tree / MANIFEST).is_file()
        return cls(tree.parent.parent) if is_ours else None

    @property
    def objects(self) -> Path:
        """The contents of files, each once."""
        return self.root / "objects"

    @property
    def partial(self) -> Path:
        """Files that are not complete yet."""
        return self.root / "partial"

    @property
    def trees(self) -> Path:
        """The folders of all releases."""
        return self.root / _TREES

    @property
    def live(self) -> Path:
        """The link to the tree that is live."""
        return self.root / LIVE

    @property
    def live_draft(self) -> Path:
        """The place where this process makes that link before it renames it."""
        return self.root / f".{LIVE}-{os.getpid()}"

    @property
    def environments(self) -> Path:
        """The Python environments of releases, each whole."""
        return self.root / "environments"

    @property
    def building(self) -> Path:
        """Environments that are not whole, or not there any more, and their locks."""
        return self.root / "building"

    @property
    def cache(self) -> Path:
        """The cache of uv, beside the environments, so that their files are links to it."""
        return self.root / "uv"

    def object(self, digest: str, *, executable: bool = False) -> Path:
        """Name the file with this content."""
        return self.objects / digest[:2] / (digest + (".x" if executable else ""))

    def tree(self, digest: str) -> Path:
        """Name the folder of a release."""
        return self.trees / digest

    def live_target(self, digest: str) -> Path:
        """Name the folder of a release as the link of the live one does: from the link, so that all can be moved."""
        return self.tree(digest).relative_to(self.root)

    def removed(self, digest: str) -> Path:
        """Name the folder of a release that is being deleted."""
        return self.partial / f"{digest}.gone"

    def environment(self, digest: str) -> Path:
        """Name the folder of a Python environment."""
        return self.environments / digest

    def environment_lock(self, digest: str) -> Path:
        """Name the file that whoever changes an environment has locked."""
        return self.building / f"{digest}.lock"

    def live_digest(self) -> str | None:
        """Read which release is live on this host; None while there is none."""
        try:
            return os.path.basename(os.readlink(self.live))
        except OSError:
            return None
