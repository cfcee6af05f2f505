"""Builds the environments of a release on this host, each once.

States of an environment: absent -> in work (below :attr:`Places.building`, locked) -> whole (marked, and renamed to
its place). A builder that is killed leaves the second, which the next one removes. Builders of one host wait for one
another.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from airfleet.releases.environments import folders, installation, layout, lock
from airfleet.releases.environments.installation import CannotBuild
from airfleet.releases.environments.lock import Lock
from airfleet.releases.places import Places
from airfleet.system import disk_full_logging

_PUSH_AGAIN: Final = "push the project again"


def build(places: Places, tree: Path, digest: str, user: str | None = None) -> Path:
    """Build one environment of a release, unless it is there; return its folder.

    ``user`` is the one that tasks run as, where it is another. Raises CannotBuild.
    """
    place = places.environment(digest)
    if not layout.is_whole(place, lock.here()):
        with folders.alone(places, digest):
            if not layout.is_whole(place, lock.here()):
                _build(places, tree, _lock(tree, digest), user)
    return place


def _build(places: Places, tree: Path, found: Lock, user: str | None) -> None:
    place = places.environment(found.digest)
    try:
        folders.remove(places, found.digest)  # one that was built for another airfleet
        with folders.scratch(places, found.digest) as work:
            installation.make(work, found, tree, places.cache)
            installation.try_out(work, found, user)
            (work / layout.MARKER).write_text(lock.here(), encoding="utf-8")
            places.environments.mkdir(parents=True, exist_ok=True)
            os.rename(work, place)
    except OSError as error:
        hint = f"make room below {places.root}" if disk_full_logging.is_full(error) else None
        raise CannotBuild(f"{installation.refusal(found)}: {(error.strerror or str(error)).lower()}", hint) from None


def _lock(tree: Path, digest: str) -> Lock:
    """Read the lock of an environment from a release, and prove that it is the one that is named, and for this host."""
    short = digest[: layout.SHORT]
    try:
        text = (tree / layout.lock_path(digest)).read_bytes()
    except OSError:
        raise CannotBuild(f"the release has no lock of its environment {short}", _PUSH_AGAIN) from None
    if hashlib.sha256(text).hexdigest() != digest:
        raise CannotBuild(f"the lock of the environment {short} is not the one that the release names", _PUSH_AGAIN)
    found = lock.read(text.decode())
    if found.made_for != lock.here():
        sentence = f"the environment {short} was locked for {found.made_for}; this host has {lock.here()}"
        raise CannotBuild(sentence, "push again with what this host has, or bring the hosts to one version")
    return found
