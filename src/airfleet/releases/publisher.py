"""Publishes a release: objects first, then the record by which hosts hear of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from airfleet.errors import FileProblems, FleetError
from airfleet.releases import registry, tree
from airfleet.releases.manifest import File
from airfleet.releases.objects import Damaged, Objects, checked
from airfleet.releases.registry import About
from airfleet.releases.tree import Tree

#: of a publication: objects that were sent, and all that have to be
Progress = Callable[[int, int], None]


def publish(
    read: Tree,
    objects: Objects,
    connection: psycopg.Connection[Any],
    about: About,
    progress: Progress = lambda sent, all_of_them: None,
) -> int:
    """Send what the store has not, and record the release; return how many objects were sent.

    Raises FileProblems when something cannot travel, FleetError when a file changes meanwhile, StoreUnreachable.
    """
    if read.problems:
        raise FileProblems(read.problems)
    wanted = {file.digest: file for file in read.manifest.files}
    missing = sorted(objects.missing(wanted))
    for sent, digest in enumerate(missing):
        progress(sent, len(missing))
        _send(read, wanted[digest], objects)
    progress(len(missing), len(missing))
    registry.publish(connection, read.manifest, about)
    return len(missing)


def _send(read: Tree, file: File, objects: Objects) -> None:
    try:
        objects.put(file.digest, checked(tree.content(read.path_of(file)), file.digest, file.size))
    except (Damaged, OSError) as error:
        raise FleetError(f"{file.path} changed while it was pushed", "push again when nobody writes to it") from error
