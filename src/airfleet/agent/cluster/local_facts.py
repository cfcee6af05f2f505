"""The facts of this host, looked up on its disk every few seconds, in a thread of its own: a disk that hangs holds up
nothing else. A file is read again when its size, its time or its inode has changed; libraries are known by the names
of their ``dist-info`` folders, which need not be opened.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from airfleet.agent.host_facts import HostFacts
from airfleet.errors import FileProblems
from airfleet.events import Log, Surprises
from airfleet.fleet.config.reader import FILE_NAME, files, load_files
from airfleet.metadata.database_errors import storable
from airfleet.releases.places import Places
from airfleet.yaml import nodes

#: between two looks, seconds; longer where one look takes long
PAUSE_SECONDS = 5.0
#: a look may take one part in so many of the time
_SHARE = 100
#: files of pipelines that are compared, at the most
MOST_FILES = 20_000
SUFFIXES = (".py", ".zip", ".yaml", ".yml")
#: beginnings of the names of libraries whose versions hosts compare
_COMPARED = ("airfleet", "apache-airflow")
_INFO = ".dist-info"

Stamp: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True)
class FactSources:
    """The places at which a host looks."""

    root: Path
    #: None where nothing reads pipelines
    pipelines: Path | None
    #: names the overlay of ``fleet.yaml``
    environ: Mapping[str, str]
    #: with which digests are made: fleet.yaml may hold a secret
    key: str
    libraries: Sequence[Path]
    #: hosts with releases compare no files of pipelines: the digest of the live one says it all
    releases: Places | None = None

    @property
    def has_release(self) -> bool:
        """Tell whether a release is live here."""
        return self.releases is not None and self.releases.live_digest() is not None


class LocalFacts:
    """The facts of this host; ``now`` has those of the last look."""

    def __init__(
        self,
        sources: FactSources,
        rules: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
        keys: Mapping[str, str] | None = None,
    ) -> None:
        self._sources = sources
        self._clock = clock
        self._closing = threading.Event()
        self._seen: dict[str, tuple[Stamp, str]] = {}
        self._fleet_file: tuple[tuple[Stamp, ...], Mapping[str, str]] = ((), {})
        #: before the first look: what needs no file of the fleet
        self.now = HostFacts(rules=rules, versions=versions(sources.libraries), keys=keys or {})

    def start(self, log: Log) -> None:
        """Look from now on."""
        surprises = Surprises("the look at the files that hosts compare", log)
        threading.Thread(target=self._look_on, args=(surprises,), name="facts", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._closing.set()

    def look(self) -> None:
        """Look once. The versions are those that the fleet was started with."""
        self.now = replace(self.now, fleet_file=self._fleet_file_now(), pipelines=self._pipelines_now())

    def _look_on(self, surprises: Surprises) -> None:
        pause = 0.0
        while not self._closing.wait(pause):
            began = self._clock()
            with surprises.borne():
                self.look()
            pause = max(PAUSE_SECONDS, (self._clock() - began) * _SHARE)

    def _fleet_file_now(self) -> Mapping[str, str]:
        file, environ = self._sources.root / FILE_NAME, self._sources.environ
        stamps = tuple(map(stamp, files(file, environ)))
        if stamps != self._fleet_file[0]:
            self._fleet_file = stamps, self._keys_of(file)
        return self._fleet_file[1]

    def _keys_of(self, file: Path) -> Mapping[str, str]:
        try:
            top = load_files(file, self._sources.environ).top
        except (FileProblems, RecursionError):
            return {"(it cannot be read)": "-"}
        found = nodes.plain(top)
        tree = found if isinstance(found, dict) else {}
        return {
            storable(str(key)): self._digest(json.dumps(value, sort_keys=True, default=str).encode())
            for key, value in tree.items()
        }

    def _pipelines_now(self) -> Mapping[str, str] | None:
        if self._sources.pipelines is None or self._sources.has_release:
            return None
        before, self._seen = self._seen, {}
        for name, path, seen in pipeline_files(self._sources.pipelines):
            known = before.get(name)
            digest = known[1] if known and known[0] == seen else self._digest_of(path)
            if digest:
                self._seen[name] = seen, digest
        return {storable(name): digest for name, (_, digest) in self._seen.items()}

    def _digest_of(self, path: str) -> str:
        made = hashlib.blake2b(digest_size=6)
        try:
            with open(path, "rb") as file:
                while part := file.read(2**16):
                    made.update(part)
        except OSError:
            return ""
        return made.hexdigest()

    def _digest(self, content: bytes) -> str:
        return hashlib.blake2b(content, key=self._sources.key.encode()[:64], digest_size=6).hexdigest()


def pipeline_files(folder: Path) -> Iterator[tuple[str, str, Stamp]]:
    """Yield the files of a folder that are pipelines or code: name below the folder, path, stamp."""
    left = MOST_FILES
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__pycache__")))
        for name in sorted(names):
            path = os.path.join(place, name)
            if not name.endswith(SUFFIXES) or not os.path.isfile(path):
                continue
            yield os.path.relpath(path, folder), path, stamp(path)
            left -= 1
            if left == 0:
                return


def stamp(path: str | Path) -> Stamp:
    """Return a stamp that changes with the content of a file; zeros for one that is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return (0, 0, 0)
    return found.st_mtime_ns, found.st_size, found.st_ino


def versions(folders: Iterable[Path]) -> Mapping[str, str]:
    """Return the versions of Python and of the libraries of Airflow and airfleet that are installed in ``folders``."""
    found = {name: version for name, version in libraries(folders).items() if name.startswith(_COMPARED)}
    return {"python": platform.python_version(), **found}


def libraries(folders: Iterable[Path]) -> Mapping[str, str]:
    """Return the version of each library that is installed in ``folders``; the first folder that has it counts."""
    return {name: version for folder in reversed(list(folders)) for name, version in _installed(folder)}


def library_folders() -> tuple[Path, ...]:
    """Return the folders of this interpreter in which libraries are."""
    return tuple(Path(path) for path in sys.path if Path(path).name in ("site-packages", "dist-packages"))


def _installed(folder: Path) -> Iterator[tuple[str, str]]:
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for entry in names:
        name, _, version = entry.removesuffix(_INFO).rpartition("-")
        if entry.endswith(_INFO):
            yield name.replace("_", "-").lower(), version
