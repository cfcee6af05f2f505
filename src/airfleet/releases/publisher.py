"""Publishes a release: objects first, then the record by which hosts hear of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from airfleet.errors import FileProblems, FleetError
from airfleet.releases import registry
from airfleet.releases.manifest import File, Manifest
from airfleet.releases.registry import About
from airfleet.releases.stores.objects import SMALL, Bulk, Damaged, Missing, Objects, checked, threads
from airfleet.releases.tree import Tree

#: of a publication: objects that were sent, and all that have to be
Progress = Callable[[int, int], None]


def publish(
    read: Tree,
    objects: Objects,
    connection: psycopg.Connection[Any],
    about: About,
    progress: Progress = lambda sent, all_of_them: None,
    *,
    verify: bool = False,
    record: Callable[[psycopg.Connection[Any], Manifest, About], None] = registry.publish,
) -> int:
    """Send what the store has not, and record the release; return how many objects were sent.

    ``verify`` has the store's objects read, and those that are damaged sent again. ``record`` writes the record.

    Raises FileProblems when something cannot travel, StoreUnreachable, and FleetError for a file that changes or
    becomes unreadable meanwhile.
    """
    if read.problems:
        raise FileProblems(read.problems)
    registry.reserve(connection, read.manifest)
    wanted = {file.digest: file for file in read.manifest.files}
    absent = objects.missing(wanted)
    if verify:
        damaged = [digest for digest, file in wanted.items() if digest not in absent and _is_damaged(file, objects)]
        objects.delete(damaged)
        absent |= frozenset(damaged)
    missing = [wanted[digest] for digest in sorted(absent)]
    for sent, _ in enumerate(_sent(read, missing, objects)):
        progress(sent, len(missing))
    progress(len(missing), len(missing))
    record(connection, read.manifest, about)
    return len(missing)


def _is_damaged(file: File, objects: Objects) -> bool:
    try:
        for _ in checked(objects.get(file.digest), file.digest, file.size):
            pass
    except (Damaged, Missing):
        return True
    return False


def _sent(read: Tree, files: Sequence[File], objects: Objects) -> Iterator[File]:
    """Send objects, the small ones together where the store takes that; yield each when it is on its way."""
    large = files
    if isinstance(objects, Bulk):
        small = [file for file in files if file.size <= SMALL]
        large = [file for file in files if file.size > SMALL]
        objects.put_many((file.digest, b"".join(read.content(file))) for file in small)
        yield from small
    with ThreadPoolExecutor(threads(objects)) as several:
        yield from several.map(lambda file: _send(read, file, objects), large)


def _send(read: Tree, file: File, objects: Objects) -> File:
    try:
        objects.put(file.digest, read.content(file))
    except OSError as error:  # a store may pack it in a file of its own, for which there is no room
        raise FleetError(f"{file.path} was not sent: {error.strerror or error}") from error
    return file
