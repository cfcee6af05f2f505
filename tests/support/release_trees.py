"""Trees of releases made by hand, as an agent's fetcher leaves them: hard links to objects, and a link that is live."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

from airfleet.releases.manifest import File, Manifest
from airfleet.releases.places import MANIFEST, Places


def make(places: Places, files: Mapping[str, str], pipelines: str = "pipelines") -> str:
    """Make the tree of a release with these files (path -> text); its digest."""
    contents = {path: text.encode() for path, text in files.items()}
    listed = (File(path, hashlib.sha256(content).hexdigest(), len(content)) for path, content in contents.items())
    manifest = Manifest(tuple(listed), pipelines)
    tree = places.tree(manifest.digest)
    for file in manifest.files:
        kept = places.object(file.digest)
        kept.parent.mkdir(parents=True, exist_ok=True)
        if not kept.exists():
            kept.write_bytes(contents[file.path])
        target = tree / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(kept, target)
    (tree / pipelines).mkdir(parents=True, exist_ok=True)
    (tree / MANIFEST).write_bytes(manifest.encode())
    return manifest.digest


def go_live(places: Places, digest: str) -> None:
    """Move the link of the live release, by a rename."""
    draft = places.root / ".live"
    os.symlink(places.tree(digest), draft)
    os.replace(draft, places.live)
