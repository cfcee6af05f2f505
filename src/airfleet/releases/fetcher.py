"""Brings a release to a host: objects that it has not, then a folder of hard links, then one rename.

::

    store ──verified──> partial/DIGEST  ──fsync, rename──> objects/ab/DIGEST
                                                             │ link
                        partial/RELEASE ──rename──> trees/RELEASE

A fetch that dies leaves names that nobody reads; the next one goes on with the objects that are whole.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Final

from airfleet.errors import FleetError
from airfleet.releases.manifest import File, Manifest
from airfleet.releases.objects import Damaged, Objects, checked
from airfleet.releases.places import MANIFEST, Places

#: how often an object is asked for whose bytes are wrong: a read may be cut off
_TRIES: Final = 3
_FILE, _PROGRAM, _FOLDER = 0o444, 0o555, 0o755


def fetch(
    release: Manifest,
    objects: Objects,
    places: Places,
    progress: Callable[[int, int], None] = lambda done, all_of_them: None,
) -> Path:
    """Bring a release to this host, and return its folder; at once when it is there.

    Raises Missing, Damaged, StoreUnreachable, OSError, and FleetError for a manifest that no folder can have.
    """
    tree = places.tree(release.digest)
    if tree.is_dir():
        return tree
    _check_paths(release.files)
    for folder in (places.partial, places.objects, tree.parent):
        folder.mkdir(parents=True, exist_ok=True)
    needed = sorted(
        {(file.digest, file.executable): file for file in release.files}.values(), key=lambda one: one.digest
    )
    for done, file in enumerate(needed):
        progress(done, len(needed))
        _bring(file, objects, places)
    _link(release, places, tree)
    return tree


def activate(places: Places, digest: str) -> None:
    """Make a release of this host the one that its processes read. Raises FileNotFoundError when it is not there."""
    tree = places.tree(digest)
    if not tree.is_dir():
        raise FileNotFoundError(tree)
    beside = places.root / f".live-{os.getpid()}"
    with suppress(FileNotFoundError):
        beside.unlink()
    beside.symlink_to(Path("trees", digest))
    os.rename(beside, places.live)
    _sync(places.root)


def verify(release: Manifest, places: Places) -> tuple[str, ...]:
    """Return the paths of a release's files on this host whose bytes are not those of the manifest."""
    tree = places.tree(release.digest)
    return tuple(file.path for file in release.files if not _is_whole(tree / file.path, file))


def remove_partial(places: Places) -> None:
    """Remove what a fetch left that was ended."""
    shutil.rmtree(places.partial, ignore_errors=True)


def local_trees(places: Places) -> frozenset[str]:
    """Return the releases that this host has."""
    with suppress(FileNotFoundError):
        return frozenset(entry.name for entry in os.scandir(places.root / "trees") if entry.is_dir())
    return frozenset()


def collect(places: Places, kept: Collection[str]) -> tuple[str, ...]:
    """Remove the releases of this host that are not ``kept``, and the objects that no other one has."""
    live = places.live_digest()
    gone = sorted(digest for digest in local_trees(places) if digest not in kept and digest != live)
    for digest in gone:
        _remove_tree(places, digest)
    for path in places.objects.glob("??/*"):
        with suppress(FileNotFoundError):
            if path.stat().st_nlink == 1:
                path.unlink()
    return tuple(gone)


# --- objects


def _bring(file: File, objects: Objects, places: Places) -> None:
    """Have the object of a file on this host, with its rights."""
    place = places.object(file.digest, executable=file.executable)
    if place.exists() and place.stat().st_size == file.size:
        return
    place.parent.mkdir(exist_ok=True)
    for left in reversed(range(_TRIES)):
        beside = places.partial / place.name
        try:
            _write(beside, checked(objects.get(file.digest), file.digest, file.size))
        except Damaged:
            if not left:
                raise
            continue
        beside.chmod(_PROGRAM if file.executable else _FILE)
        os.rename(beside, place)
        _sync(place.parent)
        return


def _write(path: Path, content: Iterator[bytes]) -> None:
    with suppress(FileNotFoundError):
        path.unlink()
    with open(path, "xb") as file:
        file.writelines(content)
        file.flush()
        os.fsync(file.fileno())


# --- trees


def _link(release: Manifest, places: Places, tree: Path) -> None:
    """Make the folder of a release from the objects of this host."""
    beside = Path(tempfile.mkdtemp(prefix=f"{release.digest}.", dir=places.partial))
    try:
        beside.chmod(_FOLDER)
        for folder in sorted({str(PurePosixPath(file.path).parent) for file in release.files}):
            (beside / folder).mkdir(mode=_FOLDER, parents=True, exist_ok=True)
        (beside / release.pipelines).mkdir(parents=True, exist_ok=True)
        for file in release.files:
            os.link(places.object(file.digest, executable=file.executable), beside / file.path)
        _write(beside / MANIFEST, iter([release.encode()]))
        (beside / MANIFEST).chmod(_FILE)
        _sync(beside)
        try:
            os.rename(beside, tree)
        except OSError:
            if not tree.is_dir():  # another fetch was quicker
                raise
        _sync(tree.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _remove_tree(places: Places, digest: str) -> None:
    """Rename first: a folder under its final name is whole."""
    places.partial.mkdir(exist_ok=True)
    beside = places.partial / f"{digest}.gone"
    shutil.rmtree(beside, ignore_errors=True)
    os.rename(places.tree(digest), beside)
    shutil.rmtree(beside, ignore_errors=True)


def _check_paths(files: Collection[File]) -> None:
    """Refuse paths that would lie outside of the folder, or that cannot all be there."""
    seen: dict[str, str] = {}
    for file in files:
        parts = PurePosixPath(file.path).parts
        if not parts or file.path != "/".join(parts) or parts[0] == "/" or ".." in parts or "\0" in file.path:
            raise FleetError(f"the release has the path {file.path!r}, which no folder can have")
        if file.path == MANIFEST or seen.setdefault(file.path.casefold(), file.path) != file.path:
            raise FleetError(f"the release has two files for the path {file.path!r}")


def _is_whole(path: Path, file: File) -> bool:
    from airfleet.releases.tree import content

    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return False
        for _ in checked(content(path), file.digest, file.size):
            pass
    except (OSError, Damaged):
        return False
    return True


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
