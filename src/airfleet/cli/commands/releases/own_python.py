"""The Python environments of a release that is pushed: resolved here, and brought along as files of the release."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from airfleet.client.project import Project
from airfleet.errors import FleetError

if TYPE_CHECKING:
    from airfleet.cli.queries.release_records import ReleaseRecords
    from airfleet.releases.environments.packing import Earlier
    from airfleet.releases.manifest import File, Manifest
    from airfleet.releases.tree import Tree

_ENDINGS: Final = (".yaml", ".yml")
_KEY: Final = b"python:"


@contextmanager
def with_environments(read: Tree, folder: Project, records: ReleaseRecords, *, vendor: bool) -> Iterator[Tree]:
    """Yield the release with its environments; the files that are made for it are there as long as the block.

    Raises FileProblems when requirements cannot be met.
    """
    from airfleet.releases.environments import packing

    with TemporaryDirectory(prefix="airfleet-push-") as scratch:
        packed = packing.pack(
            folder.root,
            Path(scratch),
            pipelines=read.manifest.pipelines,
            pythons=_pythons(read, folder, records),
            earlier=_earlier(read.manifest, records),
            vendor=vendor,
        )
        yield read.with_made(packed.files, packed.environments)


def _pythons(read: Tree, folder: Project, records: ReleaseRecords) -> Mapping[str, str]:
    """Give the file of requirements of each pipeline file that names one; nothing is read where none can."""
    from airfleet.pipelines.checks.pipeline_checks import read_and_check
    from airfleet.pipelines.checks.requirements import requirements_of

    files = [file for file in read.manifest.files if file.path.endswith(_ENDINGS)]
    if not any(_KEY in b"".join(read.content(file)) for file in files):
        return {}
    written = map(read.path_of, files)
    below = folder.root.resolve() / read.manifest.pipelines
    environ = {**folder.environ, **records.fleet.task_environment}
    checked = (read_and_check(path, environ=environ) for path in written if path.is_relative_to(below))
    return requirements_of((one for file in checked for one in file.pipelines), folder.root)


def _earlier(now: Manifest, records: ReleaseRecords) -> Callable[[str], Earlier | None]:
    """Find the locks of the release that is live."""
    from airfleet.releases.environments import layout, lock
    from airfleet.releases.environments.packing import Earlier
    from airfleet.releases.manifest import by_path

    live = records.live()
    before = records.manifest(live.digest) if live is not None else None
    new = by_path(now.files)

    def find(file: str) -> Earlier | None:
        if before is None or file not in before.environments:
            return None
        old = by_path(before.files)
        locked = old.get(layout.lock_path(before.environments[file]))
        text = _content(records, locked) if locked is not None else None
        return None if text is None else Earlier(lock.read(text), old.get(file) == new.get(file))

    return find


def _content(records: ReleaseRecords, file: File) -> str | None:
    """Read a file of the live release; without it, all is resolved anew."""
    try:
        return records.content(file).decode()
    except FleetError:
        return None
