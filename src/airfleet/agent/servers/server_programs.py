"""The program that serves an embedded server's data: the one that made them, or one that reads them for certain.

Another program of the same purpose may not read them: Redis 7 refuses what Valkey 9 wrote, and PostgreSQL 18 what
PostgreSQL 17 did. So what is on the path decides for new data only. The maker of data is known from the data
themselves, and from a record in the fleet's home.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from airfleet.errors import FleetError
from airfleet.fleet.servers import json_file, secrets

VERSION_SECONDS = 20.0
#: what Valkey reads of Redis: its format up to that of Redis 7.2
_RDB_OF_VALKEY = 11
#: version of Redis -> the newest format of its that it reads
_RDB_OF_REDIS = (((8, 0), 12), ((7, 4), 12), ((7, 2), 11), ((7, 0), 10), ((5, 0), 9))

_SAYS = re.compile(r"(?P<kind>valkey|redis|postgres) (?:server v=|\(postgresql\) )(?P<version>\d[\d.]*)")
#: how a file begins that Valkey or Redis wrote, and where in it the program says which one it is
_MAGIC = re.compile(rb"(VALKEY|REDIS)(\d{3,4})")
_WRITER = re.compile(rb"\xfa[\x09\x0a](redis|valkey)-ver(.)", re.DOTALL)
_NAMES = {"valkey": "Valkey", "redis": "Redis", "postgres": "PostgreSQL"}


@dataclass(frozen=True)
class Maker:
    """The program that made some data; ``rdb`` is the number of the format, where that is all that is known."""

    kind: str
    version: tuple[int, ...] = ()
    rdb: int = 0

    def __str__(self) -> str:
        return f"{_NAMES[self.kind]} {dotted(self.version)}".rstrip()


@dataclass(frozen=True)
class Program:
    """A program that serves such data."""

    path: Path
    kind: str
    version: tuple[int, ...]

    def __str__(self) -> str:
        return f"{_NAMES[self.kind]} {dotted(self.version)} ({self.path})"

    @property
    def name(self) -> str:
        """Its name, as people write it."""
        return _NAMES[self.kind]

    def reads(self, maker: Maker) -> bool:
        """Tell whether it reads what ``maker`` made: the same program, the same major version, no older minor one.

        Where the version of the maker is not known, the format decides.
        """
        if maker.version:
            return (
                self.kind == maker.kind
                and self.version[:1] == maker.version[:1]
                and (self.kind == "postgres" or self.version[:2] >= maker.version[:2])
            )
        if self.kind == "valkey":
            return (maker.kind == "valkey" and self.version >= (9,)) or (
                maker.kind == "redis" and maker.rdb <= _RDB_OF_VALKEY
            )
        return self.kind == maker.kind and maker.rdb <= _rdb_of_redis(self.version)


def choose(
    maker: Maker | None, recorded: Path | None, programs: Sequence[Program], data: Path, way_out: str
) -> Program:
    """Choose the program for ``data``: the recorded one, or another that reads them; without data, the first of all.

    Raises FleetError, with ``way_out``, when none reads them.
    """
    if maker is None:
        return programs[0]
    fitting = [program for program in programs if program.reads(maker)]
    if not fitting:
        there = ", ".join(map(str, programs)) or "nothing of the kind"
        raise FleetError(
            f"the data in {data} were written by {maker}, and no program here reads them for certain; here is {there}",
            hint=way_out,
        )
    return next((program for program in fitting if program.path == recorded), fitting[0])


def program(path: Path) -> Program | None:
    """Ask a program for its version; None when it does not run, or is something else."""
    try:
        done = subprocess.run(
            [path, "--version"], capture_output=True, text=True, errors="replace", timeout=VERSION_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return said(path, done.stdout)


def said(path: Path, text: str) -> Program | None:
    """Read the version that a program has said; None when it is something else.

    >>> str(said(Path("/x"), "Redis server v=7.0.15 sha=0"))
    'Redis 7.0.15 (/x)'
    """
    found = _SAYS.search(text.lower())
    return Program(path, found["kind"], _version(found["version"])) if found else None


def programs(paths: Iterable[Path]) -> tuple[Program, ...]:
    """Yield the programs that run, each once."""
    return tuple(found for path in dict.fromkeys(paths) if (found := program(path)))


# --- who made data -----------------------------------------------------------------------------------


def maker_of_cluster(cluster: Path) -> Maker | None:
    """Return the PostgreSQL that made a cluster; None when there is none."""
    try:
        return Maker("postgres", _version((cluster / "PG_VERSION").read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None


def maker_of_messages(data: Path) -> Maker | None:
    """Return the server that wrote the messages in a folder; None when there are none, or they do not say it."""
    places = (data / "appendonlydir").glob("*.base.rdb"), [data / "appendonly.aof", data / "dump.rdb"]
    for file in (file for group in places for file in sorted(group)):
        if maker := _maker_of_file(file):
            return maker
    return None


def _maker_of_file(file: Path) -> Maker | None:
    try:
        with file.open("rb") as stream:
            begin = stream.read(512)
    except OSError:
        return None
    magic = _MAGIC.match(begin)
    if magic is None:
        return None
    writer = _WRITER.search(begin)
    if writer is None:
        return Maker(magic[1].decode().lower(), rdb=int(magic[2]))
    version = begin[writer.end() : writer.end() + writer[2][0]]
    return Maker(writer[1].decode(), _version(version.decode(errors="replace")), int(magic[2]))


# --- the record --------------------------------------------------------------------------------------

_DAMAGED = "move it away: what made the data is seen from the data as well"


def read_record(file: Path) -> dict[str, str]:
    """Purpose -> the program that served last, by kind, version and path. Raises FleetError when it is damaged."""
    return json_file.read(file, str, _DAMAGED)


def recorded(record: Mapping[str, str], purpose: str) -> tuple[Maker, Path] | None:
    """Read the record of the server for a purpose."""
    kind, _, rest = record.get(purpose, "").partition(" ")
    version, _, path = rest.partition(" ")
    return (Maker(kind, _version(version)), Path(path)) if kind in _NAMES and version and path else None


def write_record(file: Path, record: dict[str, str], chosen: dict[str, Program]) -> None:
    """Write down the program of each purpose, where that has changed."""
    now = {purpose: f"{one.kind} {dotted(one.version)} {one.path}" for purpose, one in chosen.items()}
    if {**record, **now} != record:
        secrets.write_private(file, json_file.text({**record, **now}))


def newest(found: Maker | None, told: Maker | None) -> Maker | None:
    """Return the last writer: the data name who wrote all of them anew, the record who has added to them since."""
    if found is None or told is None or found.kind != told.kind:
        return found
    if found.kind == "postgres" and found.version[:1] != told.version[:1]:  # a cluster was put in the place of another
        return found
    return max(found, told, key=lambda maker: maker.version)


def dotted(version: Sequence[int]) -> str:
    """Return a version as people write it.

    >>> dotted((9, 1, 2))
    '9.1.2'
    """
    return ".".join(map(str, version))


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def _rdb_of_redis(version: tuple[int, ...]) -> int:
    return next((rdb for since, rdb in _RDB_OF_REDIS if version[:2] >= since), 0)
