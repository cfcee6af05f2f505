"""Shared files as they are on the disk: ``defaults.yaml`` of the folders above a pipeline, and files that are included.

Each is read once for each of its contents, however many pipelines of a check take it in. The stamps of all files that
were looked for are kept, also of those that are not there: who built something from them sees that it is out of date.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, Protocol

from airfleet.errors import Place, Problem
from airfleet.file_stamps import Stamp, stamp
from airfleet.pipelines.files.named_files import absent, located, outside
from airfleet.pipelines.files.project_files import (
    DEFAULTS_FILE,
    MAX_MEGABYTES_TOGETHER,
    SUFFIXES,
    project_root,
    read_text,
)
from airfleet.problem_codes import Code
from airfleet.spelling import nearest
from airfleet.yaml import nodes
from airfleet.yaml.nodes import Node

#: megabytes of a shared file, and of all those of a pipeline file together
MAX_SHARED_MEGABYTES: Final = 2
#: files that one pattern may find
MOST_MATCHING: Final = 10_000
_PATTERN_SIGNS: Final = frozenset("*?[")


@dataclass(frozen=True)
class SharedFile:
    """A shared file as it was read."""

    #: the real path: one file, whatever the way to it
    key: str
    #: as problems call it
    name: str
    #: its path in the project
    label: str
    documents: tuple[Node, ...] = ()
    problems: tuple[Problem, ...] = ()
    characters: int = 0
    #: whether any value has ``${{ }}``
    has_expressions: bool = False
    #: whether a file that is no YAML to its end has keys of shared parts
    may_be_parts: bool = False
    text: str = field(default="", repr=False)


@dataclass(frozen=True)
class NotTaken:
    """Why a file cannot be taken in."""

    sentence: str
    hint: str | None = None


@dataclass(frozen=True)
class NamedText:
    """The text of a file that a pipeline names, and the name by which problems call it."""

    name: str
    text: str


class Library(Protocol):
    """Where a reader finds shared files."""

    def defaults_above(self, file: str) -> tuple[SharedFile, ...]:
        """Give each ``defaults.yaml`` for a pipeline file, from the outer folder to its own."""

    def named(self, written: str, said_in: str, file: str) -> SharedFile | NotTaken:
        """Give the file that ``said_in`` includes, for a pipeline file."""

    def text(self, written: str, said_in: str, file: str) -> NamedText | NotTaken:
        """Give the text of a file that ``said_in`` names, for a pipeline file."""

    def matching(self, pattern: str, said_in: str, file: str) -> tuple[str, ...] | NotTaken:
        """Give the files that a pattern such as ``jobs/*.yaml`` finds, in order, as they are written for ``text``."""


class NoFiles:
    """The library of a text that is on no disk."""

    def defaults_above(self, file: str) -> tuple[SharedFile, ...]:
        """Give none."""
        return ()

    def named(self, written: str, said_in: str, file: str) -> SharedFile | NotTaken:
        """Give none."""
        return NotTaken(f"there is no file '{written}'")

    def text(self, written: str, said_in: str, file: str) -> NamedText | NotTaken:
        """Give none."""
        return NotTaken(f"there is no file '{written}'")

    def matching(self, pattern: str, said_in: str, file: str) -> tuple[str, ...] | NotTaken:
        """Give none."""
        return NotTaken(f"there is no file '{pattern}'")


@dataclass
class SharedFiles:
    """The library on the disk, for one file or for a whole check: each content is read once."""

    #: by real path: texts that an editor has, and the files not yet
    edited: Mapping[str, str] = field(default_factory=dict)
    #: by real path: its stamp, and what was read
    _read: dict[str, tuple[Stamp, SharedFile]] = field(default_factory=dict)
    _roots: dict[str, Path] = field(default_factory=dict)
    #: by the folder of pipeline files: the folders from the project's down to it
    _folders: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: by a written path and the folder where it is said: the real path; None outside of the project
    _located: dict[tuple[str, str], Path | None] = field(default_factory=dict)
    #: real paths of files whose texts pipelines have read
    texts: set[str] = field(default_factory=set)

    def names(self) -> tuple[str, ...]:
        """Give the name of every file that was read so far."""
        return tuple(file.name for _, file in self._read.values())

    def root(self, file: str) -> Path:
        """Give the project's folder of a pipeline file."""
        folder = os.path.dirname(file)
        if folder not in self._roots:
            self._roots[folder] = project_root(Path(file))
        return self._roots[folder]

    def folders(self, file: str) -> tuple[str, ...]:
        """Give the folders from the project's to that of a pipeline file, written as the file is."""
        folder = os.path.dirname(file)
        if folder not in self._folders:
            below = len(Path(file).absolute().parent.relative_to(self.root(file)).parts)
            ways = ([os.pardir] * level for level in range(below, -1, -1))
            self._folders[folder] = tuple(os.path.normpath(os.path.join(folder, *way)) for way in ways)
        return self._folders[folder]

    def located(self, written: str, said_in: str, root: Path) -> Path | None:
        """Give the real path of a file that ``said_in`` names. Raises ValueError for no file name."""
        key = written, os.path.dirname(said_in)
        if key not in self._located:
            self._located[key] = located(written, said_in, root)
        return self._located[key]

    def file(self, path: str, real: str, seen: Stamp, root: Path) -> SharedFile:
        """Give what is in a file of the project in the folder ``root``, whose stamp is ``seen``."""
        known = self._read.get(real)
        if known is None or known[0] != seen:
            known = self._read[real] = seen, _read(os.path.normpath(path), real, seen, root, self.edited.get(real))
        return known[1]


class OfOneFile:
    """The library of one pipeline file. It keeps the stamps of all that it looked for."""

    def __init__(self, files: SharedFiles) -> None:
        #: by absolute path; None when there was no such file
        self.stamps: dict[str, Stamp | None] = {}
        self._files = files
        self._texts: dict[Path, NamedText | NotTaken] = {}
        self._characters = 0

    def defaults_above(self, file: str) -> tuple[SharedFile, ...]:
        """Give each ``defaults.yaml`` for a pipeline file, from the project's folder to its own."""
        root = self._files.root(file)
        found = (self._defaults_in(folder, root) for folder in self._files.folders(file))
        return tuple(one for one in found if one is not None)

    def named(self, written: str, said_in: str, file: str) -> SharedFile | NotTaken:
        """Give the file that ``said_in`` includes, inside the project of a pipeline file."""
        found = self._way_to(written, said_in, file)
        return found if isinstance(found, NotTaken) else self._included(written, *found, self._files.root(file))

    def text(self, written: str, said_in: str, file: str) -> NamedText | NotTaken:
        """Give the text of a file that ``said_in`` names, inside the project of a pipeline file; each is read once."""
        found = self._way_to(written, said_in, file)
        if isinstance(found, NotTaken):
            return found
        path, real = found
        self._files.texts.add(str(real))
        if real not in self._texts:
            self._texts[real] = self._text(written, path, real)
        return self._texts[real]

    def matching(self, pattern: str, said_in: str, file: str) -> tuple[str, ...] | NotTaken:
        """Give the files that a pattern finds, in order, as they are written for ``text``."""
        folder, _, last = pattern.rpartition("/")
        if not set(folder).isdisjoint(_PATTERN_SIGNS):
            return NotTaken(f"'{pattern}' has a '*' in the name of a folder", "write it in the last name alone")
        found = self._way_to(f"{folder}/" if folder or pattern.startswith("/") else ".", said_in, file)
        if isinstance(found, NotTaken):
            return found
        path, real = found
        if self._look(path) is None or not real.is_dir():
            return NotTaken(f"there is no folder '{folder}'")
        with os.scandir(real) as entries:
            names = [one.name for one in entries if fnmatchcase(one.name, last) and not one.name.startswith(".")]
        if len(names) > MOST_MATCHING:
            return NotTaken(f"'{pattern}' finds more than {MOST_MATCHING:,} files")
        return tuple(f"{pattern[: len(pattern) - len(last)]}{name}" for name in sorted(names))

    def _way_to(self, written: str, said_in: str, file: str) -> tuple[str, Path] | NotTaken:
        """Give the path of a file as problems call it, and its real path."""
        root = self._files.root(file)
        try:
            real = self._files.located(written, said_in, root)
        except (OSError, ValueError):
            return NotTaken(f"'{written}' is not the name of a file")
        if real is None:
            return NotTaken(*outside(written, root))
        start = self._files.folders(file)[0] if written.startswith("/") else os.path.dirname(said_in)
        return os.path.normpath(os.path.join(start, written.lstrip("/"))), real

    def _text(self, written: str, path: str, real: Path) -> NamedText | NotTaken:
        if self._look(path) is None:
            return NotTaken(*absent(written, real, lambda name: _near(name, real.parent, ())))
        text = read_text(real)
        if isinstance(text, Problem):
            return NotTaken(f"'{written}': {text.sentence}", text.hint)
        self._characters += len(text)
        if self._characters > MAX_MEGABYTES_TOGETHER * 1_000_000:
            sentence = f"with '{written}', the files that this one names have more than {MAX_MEGABYTES_TOGETHER} MB"
            return NotTaken(sentence, "let the tasks read them when they run")
        return NamedText(path, text)

    def _included(self, written: str, path: str, real: Path, root: Path) -> SharedFile | NotTaken:
        seen = self._look(path)
        if seen is None:
            return NotTaken(*absent(written, real, lambda name: _near(name, real.parent)))
        if real.is_dir():
            return NotTaken(f"'{written}' is a folder, not a file", f"name the files in it: {written.rstrip('/')}/…")
        if real.suffix not in SUFFIXES:
            return NotTaken(f"'{written}' is no YAML file: its name has to end in .yaml or .yml")
        return self._files.file(path, str(real), seen, root)

    def _defaults_in(self, folder: str, root: Path) -> SharedFile | None:
        path = os.path.join(folder, DEFAULTS_FILE)
        seen = self._look(path)
        if seen is None:
            return None
        real = self._files.located(DEFAULTS_FILE, path, root)
        if real is None:
            problem = Problem(Place(path), "", *outside(DEFAULTS_FILE, root), code=Code.INCLUDE)
            return SharedFile(os.path.realpath(path), path, path, problems=(problem,), may_be_parts=True)
        return self._files.file(path, str(real), seen, root)

    def _look(self, path: str) -> Stamp | None:
        """Note that a file is looked for, and its stamp before it is read."""
        seen = stamp(path)
        self.stamps.setdefault(os.path.join(os.getcwd(), path), seen)
        if seen is None:
            sys.audit("open", path, "r", os.O_RDONLY)  # who watches what this process reads: it depends on absence, too
        return seen


def _read(name: str, real: str, seen: Stamp, root: Path, edited: str | None) -> SharedFile:
    label = os.path.relpath(real, os.path.realpath(root))
    if seen[1] > MAX_SHARED_MEGABYTES * 1_000_000:
        sentence = f"the file has {seen[1] / 1e6:,.0f} MB; a shared file may have {MAX_SHARED_MEGABYTES} at most"
        return SharedFile(real, name, label, problems=(Problem(Place(name), "", sentence, code=Code.FILE_LIMIT),))
    text = read_text(Path(real)) if edited is None else edited
    if isinstance(text, Problem):
        place = Place(name, text.place.line, text.place.column)
        return SharedFile(real, name, label, problems=(replace(text, place=place),))
    documents, problems = nodes.load(text, name)
    has_expressions = any("${{" in one or one == "for" for document in documents for one in nodes.texts(document))
    may_be_parts = _PARTS.search(text) is not None
    return SharedFile(real, name, label, documents, problems, len(text), has_expressions, may_be_parts, text)


_PARTS: Final = re.compile(r"""^["']?(?:templates|groups|defaults|include)["']?[ ]*:""", re.MULTILINE)


def _near(name: str, folder: Path, suffixes: tuple[str, ...] = SUFFIXES) -> str | None:
    try:
        names = {os.path.splitext(one)[0]: one for one in os.listdir(folder) if one.endswith(suffixes or "")}
    except OSError:
        return None
    near = nearest(os.path.splitext(name)[0], names)
    return names[near] if near is not None else None
