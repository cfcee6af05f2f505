"""The differences between two states of a project, as people think of them: pipelines first, then all other files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from airfleet.client.project import FLEET_FILE

if TYPE_CHECKING:
    from airfleet.pipelines.comparison.changes import Change, Kind
    from airfleet.pipelines.language.spec import Pipeline
    from airfleet.releases.manifest import File, Manifest

#: of a file that is compared by its content; larger ones are data
_MOST_BYTES = 2**20


@dataclass(frozen=True)
class FileChange:
    """A file that is no pipeline, and differs."""

    path: str
    kind: Kind

    @property
    def sentence(self) -> str:
        """Say what is different."""
        words = {"added": "is new", "removed": "is gone", "changed": "changed"}
        return f"{_what(self.path)} {self.path} {words[self.kind]}"


@dataclass(frozen=True)
class ReleaseChanges:
    """All differences."""

    pipelines: tuple[Change, ...] = ()
    files: tuple[FileChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.pipelines or self.files)


def of_files(old: Manifest | None, new: Manifest) -> tuple[FileChange, ...]:
    """List the files that differ; all of them are new where there is no older state."""
    from airfleet.releases.manifest import by_path

    before, after = by_path(old.files) if old is not None else {}, by_path(new.files)
    return tuple(
        FileChange(path, _kind(before.get(path), after.get(path)))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    )


def between(
    old: Manifest | None,
    new: Manifest,
    read: Callable[[File], bytes],
    environ: Mapping[str, str],
) -> ReleaseChanges:
    """Compare two states; ``read`` gives the content of a file of either one, and may raise what it likes.

    Pipelines are compared by what they mean, so one that takes in a changed file has changed too.
    """
    from airfleet.pipelines.comparison import changes

    files = of_files(old, new)
    with tempfile.TemporaryDirectory(prefix="airfleet-diff-") as folder:
        contents: dict[str, bytes] = {}
        states = [_written(Path(folder) / name, state, read, contents) for name, state in (("old", old), ("new", new))]
        before, after = (_pipelines(state, environ) for state in states)
    kept = frozenset(path for state in (before, after) for path in state.files)
    return ReleaseChanges(
        changes.between(before.pipelines, after.pipelines), tuple(one for one in files if one.path not in kept)
    )


@dataclass(frozen=True)
class _Read:
    """The pipelines of a state, and the files with pipelines or parts of them, by their paths in the release."""

    pipelines: tuple[Pipeline, ...] = ()
    files: frozenset[str] = frozenset()


def _kind(old: File | None, new: File | None) -> Kind:
    return "added" if old is None else "removed" if new is None else "changed"


def _what(path: str) -> str:
    if path.endswith(".py"):
        return "module"
    return "test" if path.endswith((".test.yaml", ".test.yml")) else "file"


def _written(
    folder: Path, manifest: Manifest | None, read: Callable[[File], bytes], contents: dict[str, bytes]
) -> tuple[Path, Manifest] | None:
    """Write what pipelines are made of: their files, modules and texts, and no data."""
    if manifest is None:
        return None
    folder.mkdir()
    (folder / FLEET_FILE).touch()  # so that it is a project, whatever its folder of pipelines is called
    for file in manifest.files:
        if file.size <= _MOST_BYTES:
            target = folder / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.digest not in contents:
                contents[file.digest] = read(file)
            target.write_bytes(contents[file.digest])
    return folder, manifest


def _pipelines(state: tuple[Path, Manifest] | None, environ: Mapping[str, str]) -> _Read:
    """Read a state; a file that is wrong has no pipelines."""
    from airfleet.cli.queries.checked_files import CheckedFiles
    from airfleet.pipelines.files import listing

    if state is None or not (state[0] / state[1].pipelines).is_dir():
        return _Read()
    folder, manifest = state
    files = CheckedFiles(environ, sure=True)
    checked = {file: files.read(file) for file in listing.of(folder / manifest.pipelines).pipelines}
    found = [pipeline for one in checked.values() for pipeline in one.pipelines]
    ours = {file for file, one in checked.items() if one.foreign is None}
    names = {os.path.relpath(os.path.realpath(file), os.path.realpath(folder)) for file in (*ours, *files.taken_in())}
    return _Read(tuple(found), frozenset(names))
