"""A project folder read as a release: its manifest, and what cannot travel.

A folder is walked once, in the order of names. A link to a file inside of the project travels as that file; a link to a
folder, or out of the project, is refused, for another host has not what it points to.
"""

from __future__ import annotations

import hashlib
import os
import stat
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from airfleet.errors import FleetError, Place, Problem
from airfleet.problem_codes import Code
from airfleet.releases.ignore_rules import IGNORE_FILES, IgnoreRules
from airfleet.releases.manifest import File, Manifest
from airfleet.releases.stores.objects import Damaged, checked

MEGABYTE: Final = 1_000_000
_CHUNK: Final = 1 << 20
#: problems that are named; the rest is a number
_MOST_PROBLEMS: Final = 50


@dataclass(frozen=True)
class Limits:
    """The most that one release may have."""

    file_bytes: int = 100 * MEGABYTE
    total_bytes: int = 2_000 * MEGABYTE
    files: int = 50_000
    #: bytes of a path in UTF-8; Linux takes 4,096 with the folders of the host before it
    path_bytes: int = 1_024


@dataclass(frozen=True)
class Tree:
    """A folder as a release. With ``problems`` it cannot travel."""

    root: Path
    manifest: Manifest
    problems: tuple[Problem, ...] = ()
    #: files that are made for the release, and lie elsewhere
    made: Mapping[str, Path] = field(default_factory=dict)

    def path_of(self, file: File) -> Path:
        """Name the file on this machine."""
        return self.made.get(file.path, self.root / file.path)

    def content(self, file: File) -> Iterator[bytes]:
        """Yield the bytes of a file. Raises FleetError when they cannot be read, or are no longer those of its digest.

        A generator, so an error of whoever takes the bytes is not held for one of the file.
        """
        try:
            yield from checked(content(self.path_of(file)), file.digest, file.size)
        except (Damaged, FileNotFoundError):
            sentence = f"{file.path} changed while it was pushed"
            raise FleetError(sentence, "push again when nobody writes to it") from None
        except OSError as error:
            raise FleetError(f"{file.path} {_unreadable(error)}") from error

    def with_made(self, made: Mapping[str, Path], environments: Mapping[str, str]) -> Tree:
        """Add files that are made for the release, and the environments that they describe. Raises OSError."""
        files = (*self.manifest.files, *(file_of(path, place) for path, place in made.items()))
        manifest = replace(self.manifest, files=tuple(sorted(files)), environments=environments)
        return replace(self, manifest=manifest, made={**self.made, **made})


def read(
    root: Path, pipelines: str = "pipelines", limits: Limits = Limits(), *, never: Iterable[str | Path] = ()
) -> Tree:
    """Read the project folder ``root``; its pipelines lie in the folder ``pipelines``. Never raises for its content.

    ``never`` are files and folders that do not travel beside those that no release has: absolute, or from ``root``.
    """
    real = root.resolve()
    places = [os.path.normpath(real / place) for place in never]
    walk = _Walk(real, limits, frozenset({*places, *map(os.path.realpath, places)}))
    walk.through("", IgnoreRules())
    walk.check_whole()
    # An ignore file that cannot be read is met twice: for its rules, and as a file that would travel.
    return Tree(walk.root, Manifest(tuple(sorted(walk.files)), pipelines), tuple(dict.fromkeys(walk.problems)))


@dataclass
class _Walk:
    root: Path
    limits: Limits
    #: places that stay here, absolute
    never: frozenset[str] = frozenset()
    files: list[File] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def through(self, folder: str, rules: IgnoreRules) -> None:
        """Take the files of a folder and those below it."""
        if self._is_too_long(folder):
            self.refuse(folder, *self._too_long())
            return
        try:
            with os.scandir(self.root / folder) as scanned:
                entries = sorted(scanned, key=lambda entry: entry.name)
        except OSError as error:
            self.refuse(folder or ".", _unreadable(error))
            return
        rules = self._entered(folder, {entry.name for entry in entries}, rules)
        travelling = [entry for entry in entries if not self._stays(_joined(folder, entry.name), entry, rules)]
        self._check_case(folder, travelling)
        for entry in travelling:
            path = _joined(folder, entry.name)
            if _is_folder(entry):
                self.through(path, rules)
            else:
                self._take(path, entry)

    def check_whole(self) -> None:
        """Compare the sums with the limits."""
        total = sum(file.size for file in self.files)
        if total > self.limits.total_bytes:
            largest = max(self.files, key=lambda file: file.size)
            sentence = f"the release would have {_megabytes(total)}, more than {_megabytes(self.limits.total_bytes)}"
            self.refuse(largest.path, sentence, f"the largest file is this one; {_LEAVE_OUT}")
        if len(self.files) > self.limits.files:
            sentence = f"the release would have {len(self.files):,} files, more than {self.limits.files:,}"
            self.refuse(".", sentence, _LEAVE_OUT)
        if len(self.problems) > _MOST_PROBLEMS:
            more = len(self.problems) - _MOST_PROBLEMS
            del self.problems[_MOST_PROBLEMS:]
            self.refuse(".", f"{more} more files cannot travel", _LEAVE_OUT)

    def refuse(self, path: str, sentence: str, hint: str | None = None) -> None:
        """Say of a file why no release can have it."""
        self.problems.append(Problem(Place(path), "", sentence, hint, Code.FLEET))

    def _stays(self, path: str, entry: os.DirEntry[str], rules: IgnoreRules) -> bool:
        return entry.path in self.never or rules.leave_out(path, is_folder=_is_folder(entry))

    def _entered(self, folder: str, names: Collection[str], rules: IgnoreRules) -> IgnoreRules:
        """Add the rules of a folder's ignore files."""
        for name in IGNORE_FILES:
            path = _joined(folder, name)
            if name in names and os.path.isfile(self.root / path):
                try:
                    rules = rules.entering(folder, self.root / path)
                except OSError as error:
                    self.refuse(path, _unreadable(error))
        return rules

    def _take(self, path: str, entry: os.DirEntry[str]) -> None:
        if why := self._why_not(path, entry):
            self.refuse(path, *why)
            return
        try:
            self.files.append(file_of(path, self.root / path))
        except OSError as error:
            self.refuse(path, _unreadable(error))

    def _why_not(self, path: str, entry: os.DirEntry[str]) -> tuple[str, str | None] | None:
        try:
            path.encode()
        except UnicodeEncodeError:
            return "the name is not UTF-8 text", "rename the file"
        if self._is_too_long(path):
            return self._too_long()
        if any(ord(character) < 32 or ord(character) == 127 for character in path):
            return "the name has a control character", "rename the file"
        try:
            found = os.stat(self.root / path)
        except OSError as error:
            return self._why_no_file(entry, error)
        if entry.is_symlink() and (why := self._why_no_link(path, found)):
            return why
        if not stat.S_ISREG(found.st_mode):
            return f"is {_KINDS.get(stat.S_IFMT(found.st_mode), 'no file')}, which cannot travel", _LEAVE_OUT
        if found.st_size > self.limits.file_bytes:
            sentence = f"has {_megabytes(found.st_size)}, more than the {_megabytes(self.limits.file_bytes)} of a file"
            return sentence, f"keep data in a bucket or a database; {_LEAVE_OUT}"
        return None

    def _is_too_long(self, path: str) -> bool:
        return len(os.fsencode(path)) > self.limits.path_bytes

    def _too_long(self) -> tuple[str, str]:
        return f"the path has more than {self.limits.path_bytes:,} bytes", "shorten the names of its folders"

    def _why_no_file(self, entry: os.DirEntry[str], error: OSError) -> tuple[str, str | None]:
        """Say what is wrong with a name behind which there is no file, or none that can be looked at."""
        if isinstance(error, FileNotFoundError):
            with suppress(OSError):
                return f"the link leads to nothing: {os.readlink(entry.path)}", _LEAVE_OUT
        return _unreadable(error), None

    def _why_no_link(self, path: str, found: os.stat_result) -> tuple[str, str | None] | None:
        target = os.path.realpath(self.root / path)
        if not Path(target).is_relative_to(self.root):
            return f"the link leads out of the project, to {target}", "copy the file into the project"
        if stat.S_ISDIR(found.st_mode):
            return "the link leads to a folder, which would travel twice", _LEAVE_OUT
        below = Path(target).relative_to(self.root)
        parts = [below, *below.parents][:-1]
        is_left_out = any(IgnoreRules().leave_out(str(part), is_folder=part != below) for part in parts)
        if is_left_out or any(str(self.root / part) in self.never for part in parts):
            return f"the link leads to {below}, which never travels", _LEAVE_OUT
        return None

    def _check_case(self, folder: str, entries: Iterable[os.DirEntry[str]]) -> None:
        """Refuse names that differ only in case: on some file systems they are one."""
        seen: dict[str, str] = {}
        for entry in entries:
            same = unicodedata.normalize("NFC", unicodedata.normalize("NFD", entry.name).casefold())
            other = seen.setdefault(same, entry.name)
            if other != entry.name:
                is_case = other.casefold() == entry.name.casefold()
                how = "in upper and lower case" if is_case else "in how accents are written"
                self.refuse(_joined(folder, entry.name), f"differs from '{other}' only {how}", "rename one of the two")


_LEAVE_OUT: Final = "a line in .airfleetignore leaves it out"
_KINDS: Final = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def file_of(path: str, place: Path) -> File:
    """Read one file. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    with open(place, "rb") as opened:
        while chunk := opened.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
        executable = bool(os.fstat(opened.fileno()).st_mode & stat.S_IXUSR)
    return File(path, digest.hexdigest(), size, executable)


def content(place: Path) -> Iterator[bytes]:
    """Yield the bytes of a file. Raises OSError."""
    with open(place, "rb") as opened:
        while chunk := opened.read(_CHUNK):
            yield chunk


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry is a folder itself; one that cannot be looked at is a file that cannot be read."""
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _unreadable(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:,.1f} MB"
