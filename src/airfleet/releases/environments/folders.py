"""The folders of environments on a host, and who may change them: one process at a time for each environment."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from airfleet.releases.environments import layout
from airfleet.releases.places import Places


@contextmanager
def alone(places: Places, digest: str) -> Iterator[None]:
    """Keep others away from an environment; the kernel lets them in when this process dies."""
    places.building.mkdir(parents=True, exist_ok=True)
    with open(places.environment_lock(digest), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def scratch(places: Places, digest: str) -> Iterator[Path]:
    """Give a place for an environment in work; whoever has locked it out removes what killed builders have left.

    Each has a place of its own: a program that a killed builder had started may still write into that of the builder.
    """
    for left in places.building.glob(f"{digest}.work-*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{digest}.work-", dir=places.building))
    folder.chmod(0o755)
    try:
        yield folder / digest
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove(places: Places, digest: str) -> None:
    """Remove an environment: at once for those who look for it, then its files."""
    with scratch(places, digest) as aside:
        if places.environment(digest).exists():
            os.rename(places.environment(digest), aside)


def collect(places: Places) -> tuple[str, ...]:
    """Remove the environments that no release on this host names; return their digests."""
    if not places.environments.is_dir():
        return ()
    trees = places.trees.iterdir() if places.trees.is_dir() else ()
    named = {digest for tree in trees for digest in layout.table(tree).values()}
    gone = tuple(sorted(one.name for one in places.environments.iterdir() if one.name not in named))
    for digest in gone:
        with alone(places, digest):
            remove(places, digest)
    return gone
