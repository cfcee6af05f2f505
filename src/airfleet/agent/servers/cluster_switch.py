"""The switch from one cluster of the embedded PostgreSQL to another: two renames, and a note of what they are to be.

::

    postgres/cluster        in use
    postgres/next/cluster   a new one in the making, of no value until it was verified
    postgres/cluster.18     an earlier one, of PostgreSQL 18, kept
    postgres-dump/          the dump from which the new one is made

and, in the fleet's home, ``postgres-switch.json`` while a switch is under way.

A switch that was cut off is finished by whoever comes next: the command, or a start of the fleet. So no start finds
``cluster`` missing, and makes an empty one.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from airfleet.agent.servers import server_programs
from airfleet.errors import FleetError
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.servers import json_file, secrets

CLUSTER, NEXT = "cluster", "next"
_PURPOSE = "postgres"


@dataclass(frozen=True)
class Switch:
    """Paths below the data folder: ``keep`` becomes the name of the cluster in use, which ``take`` replaces."""

    take: str
    keep: str


@dataclass(frozen=True)
class KeptCluster:
    """A cluster that another one has replaced."""

    path: Path
    major: int


def is_under_way(paths: Paths) -> bool:
    """Tell whether a switch was begun, and not finished."""
    return _note(paths).exists()


def begin(paths: Paths, data: Path, take: Path) -> Switch:
    """Note the switch to the cluster in ``take``. Raises FleetError without a cluster in use."""
    maker = server_programs.maker_of_cluster(data / CLUSTER)
    if maker is None:
        raise FleetError(f"there is no cluster in {data}", hint="airfleet up")
    switch = Switch(str(take.relative_to(data)), _free_name(data, maker.version[0]))
    note = _note(paths)
    draft = note.with_name(f".{note.name}")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(asdict(switch), file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, note)
    _flush(note.parent)
    return switch


def finish(paths: Paths, data: Path) -> bool:
    """Finish a switch that is under way, also one that was cut off anywhere; False when there is none."""
    if not is_under_way(paths):
        return False
    switch = Switch(**json_file.read(_note(paths), str, "each cluster beside it tells its version in PG_VERSION"))
    current, take, keep = data / CLUSTER, data / switch.take, data / switch.keep
    if take.exists() and current.exists() and not keep.exists():
        os.rename(current, keep)
        _flush(data)
    if take.exists() and not current.exists():
        os.rename(take, current)
        _flush(data)
    _forget_program(paths.servers)
    discard_draft(data)
    _note(paths).unlink()
    _flush(paths.home)
    return True


def discard_draft(data: Path) -> None:
    """Remove a new cluster that is not needed, and its dump."""
    shutil.rmtree(data / NEXT, ignore_errors=True)
    shutil.rmtree(dump_folder(data), ignore_errors=True)


def dump_folder(data: Path) -> Path:
    """Name the folder of a dump: beside the data, where the user of the servers changes nothing.

    Root reads the dump, and a dump can name commands.
    """
    return data.with_name(f"{data.name}-dump")


def kept(data: Path) -> tuple[KeptCluster, ...]:
    """List the clusters that were replaced, the latest first."""
    found = [
        KeptCluster(path, maker.version[0])
        for path in data.glob(f"{CLUSTER}.*")
        if (maker := server_programs.maker_of_cluster(path))
    ]
    return tuple(sorted(found, key=lambda one: one.path.stat().st_ctime_ns, reverse=True))


def _note(paths: Paths) -> Path:
    return paths.home / "postgres-switch.json"


def _free_name(data: Path, major: int) -> str:
    names = itertools.chain([f"{CLUSTER}.{major}"], (f"{CLUSTER}.{major}.{number}" for number in itertools.count(2)))
    return next(name for name in names if not (data / name).exists())


def _forget_program(record: Path) -> None:
    programs = server_programs.read_record(record)
    if programs.pop(_PURPOSE, None) is not None:
        secrets.write_private(record, json_file.text(programs))


def _flush(folder: Path) -> None:
    """Bring renames in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
