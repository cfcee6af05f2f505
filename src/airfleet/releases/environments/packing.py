"""Packs the environments of a project for a release: resolves requirements, and writes what hosts build from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from airfleet.releases.environments import layout, lock, resolver, wheels
from airfleet.releases.environments.lock import Lock


@dataclass(frozen=True)
class Earlier:
    """The lock of a file of requirements in an earlier release."""

    lock: Lock
    #: whether the file is the same as it was then
    is_unchanged: bool = False


#: finds the lock that an earlier release has of a file of requirements; None for a new resolution
FindEarlier = Callable[[str], Earlier | None]


@dataclass(frozen=True)
class Packed:
    """The environments of a release, and the files that describe them."""

    #: path of a file of requirements -> digest of the environment that it was resolved to
    environments: Mapping[str, str]
    #: path in the release -> file on this machine
    files: Mapping[str, Path]


def pack(
    root: Path,
    scratch: Path,
    *,
    pipelines: str = "pipelines",
    pythons: Mapping[str, str] | None = None,
    earlier: FindEarlier = lambda _: None,
    vendor: bool = False,
) -> Packed:
    """Resolve all requirements of the project in ``root``; write what comes of it below ``scratch``.

    ``pythons`` has the file of requirements of each pipeline file that names one, both as paths below the root.
    The versions of an ``earlier`` lock stay where nothing speaks against them; all of it stays while its file does.
    ``vendor`` brings the wheels along. Raises FileProblems.
    """
    chosen = dict(pythons or {})
    beside = (root / pipelines).parent
    if (usual := resolver.usual(beside)) is not None:
        chosen[layout.OTHERS] = (beside / usual).relative_to(root).as_posix()
    locks = {file: _locked(root / file, earlier(file)) for file in sorted(set(chosen.values()))}
    table = {pipeline: locks[file].digest for pipeline, file in chosen.items()}
    files = _written(locks, table, scratch) if table else {}
    if vendor:
        files |= wheels.download(tuple(locks.values()), scratch / layout.WHEELS)
    return Packed({file: found.digest for file, found in locks.items()}, files)


def _locked(file: Path, earlier: Earlier | None) -> Lock:
    """Resolve one file of requirements, unless it was resolved before, for what is installed here."""
    if earlier is None:
        return resolver.resolve(file)
    if earlier.is_unchanged and earlier.lock.made_for == lock.here() and not resolver.takes_in_others(file):
        return earlier.lock
    return resolver.resolve(file, earlier.lock.versions)


def _written(locks: Mapping[str, Lock], table: Mapping[str, str], scratch: Path) -> dict[str, Path]:
    contents = {layout.lock_path(found.digest): found.text for found in locks.values()}
    contents[layout.TABLE] = json.dumps(table, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for path, text in contents.items():
        (scratch / path).parent.mkdir(parents=True, exist_ok=True)
        (scratch / path).write_text(text, encoding="utf-8")
    return {path: scratch / path for path in contents}
