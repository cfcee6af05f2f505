"""Brings a release to a host: objects that it has not, then a folder of hard links, then one rename.

::

    store ──verified──> partial/DIGEST  ──fsync, rename──> objects/ab/DIGEST
                                                             │ link
                        partial/RELEASE ──rename──> trees/RELEASE

A fetch that dies leaves names that nobody reads; the next one goes on with the objects that are whole.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Final

from airfleet.errors import FleetError
from airfleet.releases.manifest import File, Manifest
from airfleet.releases.places import MANIFEST, Places
from airfleet.releases.stores.objects import SMALL, Bulk, Damaged, Objects, checked, threads

#: how often an object is asked for whose bytes are wrong: a read may be cut off
_TRIES: Final = 3
#: objects that are flushed and renamed together; flushes at once
_BATCH, _SYNCS = 500, 16
#: nanoseconds of a millisecond
_STAMP: Final = 1_000_000
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
    for folder in (places.partial, places.objects, places.trees):
        folder.mkdir(parents=True, exist_ok=True)
    places.trees.chmod(_FOLDER)  # whatever the umask: tasks may run as another user
    each = {(file.digest, file.executable): file for file in release.files}
    needed = [file for file in each.values() if not _is_here(file, places)]
    for start in range(0, len(needed), _BATCH):
        progress(start, len(needed))
        _bring(needed[start : start + _BATCH], objects, places)
    _link(release, places, tree)
    return tree


def activate(places: Places, digest: str) -> None:
    """Make a release of this host the one that its processes read. Raises FileNotFoundError when it is not there."""
    tree = places.tree(digest)
    if not tree.is_dir():
        raise FileNotFoundError(tree)
    with suppress(FileNotFoundError):
        places.live_draft.unlink()
    places.live_draft.symlink_to(places.live_target(digest))
    os.rename(places.live_draft, places.live)
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
        return frozenset(entry.name for entry in os.scandir(places.trees) if entry.is_dir())
    return frozenset()


def remove(places: Places, digests: Collection[str]) -> None:
    """Remove releases of this host, but never the one that is live, and the objects that no other one has."""
    for digest in sorted(local_trees(places) & set(digests) - {places.live_digest()}):
        _remove_tree(places, digest)
    for path in places.objects.glob("??/*"):
        with suppress(FileNotFoundError):
            if path.stat().st_nlink == 1:
                path.unlink()


# --- objects


def _is_here(file: File, places: Places) -> bool:
    """Tell whether this host has an object as it was written; a process that wrote to it changed its stamp."""
    place = places.object(file.digest, executable=file.executable)
    try:
        found = place.stat()
    except FileNotFoundError:
        return False
    is_untouched = found.st_size == file.size and found.st_mtime_ns % _STAMP == _mark(file)
    return is_untouched or _is_whole(place, file)


def _mark(file: File) -> int:
    """Give the nanoseconds below a millisecond in the time of a file: they tell its content."""
    return int(file.digest[:12], 16) % _STAMP


def _bring(files: Sequence[File], objects: Objects, places: Places) -> None:
    """Have these objects on this host, with their rights: verified, flushed together, then renamed."""
    with tempfile.TemporaryDirectory(prefix="objects.", dir=places.partial) as folder:
        beside = {file: Path(folder, places.object(file.digest, executable=file.executable).name) for file in files}
        left = set(files) - _bring_small(beside, objects)
        with ThreadPoolExecutor(threads(objects)) as several:
            list(several.map(lambda file: _bring_one(file, beside[file], objects), left))
        _sync_all(beside.values())
        for file, path in beside.items():
            place = places.object(file.digest, executable=file.executable)
            place.parent.mkdir(exist_ok=True)
            os.rename(path, place)
        _sync_all({places.object(file.digest).parent for file in files} | {places.objects})


def _bring_small(beside: Mapping[File, Path], objects: Objects) -> set[File]:
    """Bring the small objects where the store gives many at once; return those that came undamaged."""
    if not isinstance(objects, Bulk):
        return set()
    found: set[File] = set()
    wanted: dict[str, list[File]] = {}
    for file in beside:
        if file.size <= SMALL:
            wanted.setdefault(file.digest, []).append(file)
    for digest, content in objects.get_many(wanted):
        for file in wanted[digest]:
            with suppress(Damaged):
                _write_object(file, beside[file], [content])
                found.add(file)
    return found


def _bring_one(file: File, beside: Path, objects: Objects) -> None:
    for left in reversed(range(_TRIES)):
        try:
            _write_object(file, beside, objects.get(file.digest))
        except Damaged:
            if not left:
                raise
        else:
            return


def _write_object(file: File, path: Path, content: Iterable[bytes]) -> None:
    with open(path, "wb") as opened:
        opened.writelines(checked(content, file.digest, file.size))
        opened.flush()
        os.fchmod(opened.fileno(), _PROGRAM if file.executable else _FILE)
        now = os.fstat(opened.fileno()).st_mtime_ns
        os.utime(opened.fileno(), ns=(now, now - now % _STAMP + _mark(file)))


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
        for inner in sorted({str(PurePosixPath(file.path).parent) for file in release.files} | {release.pipelines}):
            (beside / inner).mkdir(parents=True, exist_ok=True)
        for file in release.files:
            _link_one(places.object(file.digest, executable=file.executable), beside / file.path)
        _write(beside / MANIFEST, iter([release.encode()]))
        (beside / MANIFEST).chmod(_FILE)
        folders = [Path(folder) for folder, _, _ in os.walk(beside)]
        for path in folders:
            path.chmod(_FOLDER)
        _sync_all(folders)
        try:
            os.rename(beside, tree)
        except OSError:
            if not tree.is_dir():  # another fetch was quicker
                raise
        _sync(places.trees)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _link_one(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno != errno.EMLINK:  # as many names as the file system gives one file, an empty one for instance
            raise
        shutil.copy2(source, target)


def _remove_tree(places: Places, digest: str) -> None:
    """Rename first: a folder under its final name is whole."""
    places.partial.mkdir(exist_ok=True)
    beside = places.removed(digest)
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


def _sync_all(paths: Iterable[Path]) -> None:
    """Flush many: a file system writes its journal once for all who wait."""
    with ThreadPoolExecutor(_SYNCS) as several:
        list(several.map(_sync, paths))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
