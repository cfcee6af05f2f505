"""The folders of environments on a host, and who may change them: one process at a time for each environment."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from airfleet.releases.environments import layout
from airfleet.releases.places import Places


def in_work(places: Places, digest: str) -> Path:
    """Name the folder in which an environment is built before it gets its name."""
    return places.root / "building" / digest


@contextmanager
def alone(places: Places, digest: str) -> Iterator[None]:
    """Keep others away from an environment; the kernel lets them in when this process dies."""
    place = in_work(places, digest)
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{place}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def remove(places: Places, digest: str) -> None:
    """Remove an environment: at once for those who look for it, then its files."""
    old = in_work(places, f"{digest}.old")
    shutil.rmtree(old, ignore_errors=True)
    if places.environment(digest).exists():
        os.rename(places.environment(digest), old)
        shutil.rmtree(old, ignore_errors=True)


def collect(places: Places) -> tuple[str, ...]:
    """Remove the environments that no release on this host names; return their digests."""
    trees, folder = places.tree("any").parent, places.environment("any").parent
    if not folder.is_dir():
        return ()
    named = {digest for tree in trees.iterdir() for digest in layout.table(tree).values()} if trees.is_dir() else set()
    gone = tuple(sorted(one.name for one in folder.iterdir() if one.name not in named))
    for digest in gone:
        with alone(places, digest):
            remove(places, digest)
    return gone
