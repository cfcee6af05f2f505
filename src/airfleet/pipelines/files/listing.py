"""Which files of a folder count: for ``airfleet check``, the dag-processor and every other command alike.

- Only regular files count. A pipe, a device, a socket or a link to nothing is a problem, and is never opened.
- Each real file and each real folder counts once, however many links lead there; a real name wins over a link. In a
  release, where equal files are one inode, each name is a real file.
- Links are followed, also out of the folder, as Airflow follows them; but not to a folder above, which would never end.
- Names that begin with ``.`` are left out, and so is ``__pycache__``. Pipelines below a name that begins with ``_`` are
  left out as well; Python files are not, because Airflow reads them.
- Shared files (``defaults.yaml``, and YAML below a name that begins with ``_``) are no pipelines, and listed apart.
- Files with tests (``*.test.yaml``) are no pipelines, and listed apart.
- Files that ``.airflowignore`` names are left out.
- Of Python files, those count in which Airflow looks for Dags; of archives, those that Airflow can open.
- A folder that cannot be read is a problem; the rest counts all the same.
"""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeAlias

from airfleet.errors import Place, Problem
from airfleet.pipelines.files import ignore_file
from airfleet.pipelines.files.project_files import (
    DEFAULTS_FILE,
    FLEET_FILE,
    SUFFIXES,
    is_test,
    not_a_file,
    read_bytes,
    why_not_read,
)
from airfleet.problem_codes import Code
from airfleet.releases import release_files

PYTHON: Final = ".py"
ARCHIVE: Final = ".zip"
#: characters of a path, in Airflow's database
MAX_PATH: Final = 2000
#: files and folders that are looked at: a link to a whole disk has more
MAX_ENTRIES: Final = 200_000

_Identity: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Rules:
    """How Airflow looks for files: settings of its section ``[core]``."""

    #: ``dag_ignore_file_syntax``
    ignore_syntax: str = "glob"
    #: ``dag_discovery_safe_mode``: of Python files, only those with the words of Dags are read
    safe_mode: bool = True


@dataclass(frozen=True)
class Listing:
    """The files of a folder, sorted."""

    pipelines: tuple[Path, ...] = ()
    #: files in Python in which Airflow looks for Dags
    python: tuple[Path, ...] = ()
    #: archives in which Airflow looks for Dags
    archives: tuple[Path, ...] = ()
    #: files in Python in which Airflow looks for no Dags, because the words of one are missing
    without_dags: tuple[Path, ...] = ()
    #: YAML files that by their names are no pipelines, and may be shared by some
    shared: tuple[Path, ...] = ()
    #: files with tests of pipelines
    tests: tuple[Path, ...] = ()
    #: files with the ending of a pipeline in another case, which are not read
    other_case: tuple[Path, ...] = ()
    problems: tuple[Problem, ...] = ()
    #: links that are not followed
    remarks: tuple[Problem, ...] = ()


def of(folder: Path, rules: Rules = Rules(), root: Path | None = None) -> Listing:
    """List the files of ``folder``; ``root`` is a folder above it whose ``.airflowignore`` holds here as well."""
    walk = _walked(folder, rules, root)
    found = sorted(walk.files.values())
    python = {path: not rules.safe_mode or may_hold_dags(path) for path in found if path.suffix.lower() == PYTHON}
    return Listing(
        pipelines=tuple(path for path in found if path.suffix in SUFFIXES),
        python=tuple(path for path, read in python.items() if read),
        archives=tuple(path for path in found if path.suffix.lower() == ARCHIVE),
        without_dags=tuple(path for path, read in python.items() if not read),
        shared=tuple(sorted(walk.shared)),
        tests=tuple(sorted(walk.tests)),
        other_case=tuple(path for path in found if path.suffix not in SUFFIXES and path.suffix.lower() in SUFFIXES),
        problems=tuple(sorted(walk.problems)),
        remarks=tuple(sorted(walk.remarks)),
    )


def names(folder: Path, rules: Rules = Rules()) -> frozenset[str]:
    """List every file of ``folder`` that may count, by its name alone: what changes when files come and go."""
    return frozenset(map(str, _walked(folder, rules, None).files.values()))


def is_left_out(file: Path, root: Path, rules: Rules = Rules()) -> bool:
    """Tell whether an ``.airflowignore`` in ``root`` or below leaves out this file of it."""
    file, root = file.absolute(), root.absolute()
    active: tuple[ignore_file.Rule, ...] = ()
    for folder in _from_root_to(file, root):
        if folder != root and ignore_file.leaves_out(active, folder, is_folder=True):
            return True
        active = (*active, *ignore_file.read(folder, root, rules.ignore_syntax)[0])
    return ignore_file.leaves_out(active, file, is_folder=False)


def may_hold_dags(file: Path) -> bool:
    """Tell whether Airflow would look for Dags in a file, by its words; an unreadable file may have them."""
    content = read_bytes(file)
    if isinstance(content, Problem):
        return True  # the check says why it cannot be read
    content = content.lower()
    return b"airflow" in content and (b"dag" in content or b"asset" in content)


# --- the walk


def _walked(folder: Path, rules: Rules, root: Path | None) -> _Walk:
    here = folder.absolute()
    root = root.absolute() if root is not None and here.is_relative_to(root.absolute()) else here
    above = (ignore_file.read(one, root, rules.ignore_syntax)[0] for one in _from_root_to(here, root))
    walk = _Walk(folder, here, root, rules.ignore_syntax)
    walk.go(tuple(rule for some in above for rule in some))
    return walk


def _from_root_to(path: Path, root: Path) -> list[Path]:
    """Give the folders above a path, from ``root`` downwards."""
    return [folder for folder in reversed(path.parents) if folder.is_relative_to(root)]


@dataclass(frozen=True)
class _Folder:
    """A folder, or a link in one, and what holds there."""

    path: Path
    rules: tuple[ignore_file.Rule, ...]
    #: whether a name above begins with ``_``
    private: bool = False
    #: the real folders above it, also those above the targets of the links on the way
    above: frozenset[_Identity] = frozenset()


@dataclass
class _Walk:
    """One walk: real folders first, then the links that were met."""

    #: the folder as it was given, and where it is
    start: Path
    here: Path
    root: Path
    syntax: str
    files: dict[_Identity | str, Path] = field(default_factory=dict)
    shared: list[Path] = field(default_factory=list)
    tests: list[Path] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    remarks: list[Problem] = field(default_factory=list)
    #: folders that were walked through, and whether as private ones
    folders: dict[tuple[_Identity, bool], Path] = field(default_factory=dict)
    links: list[_Folder] = field(default_factory=list)
    #: folders by their paths, without links
    real_folders: dict[Path, str] = field(default_factory=dict)
    entries: int = 0

    @functools.cached_property
    def in_release(self) -> bool:
        return release_files.tree_of(self.here / DEFAULTS_FILE) is not None

    def go(self, rules: tuple[ignore_file.Rule, ...]) -> None:
        self.through(_Folder(self.start, rules))
        while self.links:
            links, self.links = sorted(self.links, key=lambda link: link.path), []
            for link in links:
                self.follow(link)

    def through(self, start: _Folder) -> None:
        """Walk through the real folders below one folder."""
        waiting = [replace(start, above=start.above | _above(start.path))]
        while waiting and self.entries < MAX_ENTRIES:
            place = waiting.pop()
            waiting += reversed(list(self.inside(place)))
        if waiting:
            sentence = f"there are more than {MAX_ENTRIES} files and folders here; the others are not looked at"
            hint = f"name some in {ignore_file.NAME}"
            self.problems.append(Problem(Place(str(self.start)), "", sentence, hint, Code.FILE_LIMIT))

    def inside(self, place: _Folder) -> Iterator[_Folder]:
        """Note the files of one folder; the folders in it."""
        try:
            if self.is_known(place, _identity(os.stat(place.path))):
                return
            with os.scandir(place.path) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except FileNotFoundError:  # it went away while we walked
            return
        except OSError as error:
            self.problem(place.path, why_not_read(error, place.path, "folder"))
            return
        own, wrong = ignore_file.read(self.absolute(place.path), self.root, self.syntax)
        self.problems += wrong
        for entry in entries:
            self.entries += 1
            inner = _inside(place, entry.name, (*place.rules, *own))
            if inner is None:
                continue
            if entry.is_symlink():
                self.links.append(inner)
            elif entry.is_dir():
                if not self.left_out(inner, is_folder=True):
                    yield inner
            else:
                self.file(inner)

    def follow(self, link: _Folder) -> None:
        try:
            found = os.stat(link.path)
        except OSError:
            self.file(link)  # if its name counts, that is a problem
            return
        if not stat.S_ISDIR(found.st_mode):
            self.file(link)
        elif self.left_out(link, is_folder=True):
            return
        elif _identity(found) in link.above:
            self.remark(link.path, "the link leads to a folder above, and is not followed")
        else:
            self.through(link)

    def is_known(self, place: _Folder, folder: _Identity) -> bool:
        """Tell whether the files of a folder count already, under another path."""
        first = self.folders.get((folder, False)) or (place.private and self.folders.get((folder, True)))
        if first:
            self.remark(place.path, f"this is the same folder as {self.inside_name(first)}, whose files count once")
        self.folders.setdefault((folder, place.private), place.path)
        return bool(first)

    def file(self, place: _Folder) -> None:
        path = place.path
        if is_test(path) and not place.private:
            self.tests += [] if self.left_out(place, is_folder=False) else [path]
            return
        if _is_shared(path, place.private) and not self.left_out(place, is_folder=False):
            self.shared.append(path)
        if not _counts(path, place.private) or self.left_out(place, is_folder=False):
            return
        try:
            found = os.stat(path)
        except OSError as error:
            if not isinstance(error, FileNotFoundError) or path.is_symlink():
                self.problem(path, why_not_read(error, path))
            return
        if wrong := not_a_file(found.st_mode) or _wrong_name(path):
            self.problem(path, wrong)
            return
        first = self.files.setdefault(self.real(path) if self.in_release else _identity(found), path)
        if first != path:
            self.remark(path, f"this is the same file as {self.inside_name(first)}, which counts once")

    def real(self, path: Path) -> str:
        """Follow all links; the folder of many files is followed once."""
        if os.path.islink(path):
            return os.path.realpath(path)
        folder = self.real_folders.get(path.parent)
        if folder is None:
            folder = self.real_folders[path.parent] = os.path.realpath(path.parent)
        return os.path.join(folder, path.name)

    def left_out(self, place: _Folder, *, is_folder: bool) -> bool:
        return bool(place.rules) and ignore_file.leaves_out(place.rules, self.absolute(place.path), is_folder)

    def inside_name(self, path: Path) -> str:
        """Give the name of a file or folder as it is seen from the folder in which the walk began."""
        return str(path.relative_to(self.start)) if path != self.start else f"{self.here.name} itself"

    def absolute(self, path: Path) -> Path:
        return self.here / path.relative_to(self.start)

    def problem(self, path: Path, sentence: str) -> None:
        self.problems.append(Problem(Place(str(path)), "", sentence, code=Code.UNREADABLE_FILE))

    def remark(self, path: Path, sentence: str) -> None:
        self.remarks.append(Problem(Place(str(path)), "", sentence, code=Code.SAME_FILE))


def _inside(folder: _Folder, name: str, rules: tuple[ignore_file.Rule, ...]) -> _Folder | None:
    """Find the entry of a folder under a name; None when the name says that it does not count."""
    if name.startswith(".") or name == "__pycache__":
        return None
    return _Folder(folder.path / name, rules, folder.private or name.startswith("_"), folder.above)


def _above(folder: Path) -> frozenset[_Identity]:
    """Give the real folders above one."""
    try:
        return frozenset(_identity(os.stat(parent)) for parent in Path(os.path.realpath(folder)).parents)
    except OSError:  # it went away while we walked
        return frozenset()


def _identity(found: os.stat_result) -> _Identity:
    return found.st_dev, found.st_ino


def _counts(path: Path, private: bool) -> bool:
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return not private and path.name not in (FLEET_FILE, DEFAULTS_FILE)
    return suffix in (PYTHON, ARCHIVE)


def _is_shared(path: Path, private: bool) -> bool:
    return path.suffix in SUFFIXES and path.name != FLEET_FILE and (private or path.name == DEFAULTS_FILE)


def _wrong_name(path: Path) -> str | None:
    """Say why Airflow's database could not hold the path of a file."""
    written = str(path.absolute())
    try:
        written.encode()
    except UnicodeEncodeError:
        return "the path of this file is not UTF-8 text"
    if len(written) > MAX_PATH:
        return f"the path of this file has {len(written)} characters; Airflow takes {MAX_PATH}"
    return None
