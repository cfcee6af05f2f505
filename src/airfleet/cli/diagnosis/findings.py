"""Findings of a check: problems, remarks, and what was checked; names of files as a person here would write them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from airfleet.errors import Place, Problem
from airfleet.pipelines.checks.shared_parts import SharedParts

if TYPE_CHECKING:
    from airfleet.pipelines.checks.doubts.ignores import Ignore
    from airfleet.pipelines.checks.pipeline_checks import CheckedFile
    from airfleet.pipelines.language.spec import Pipeline


@dataclass
class Findings:
    """Findings of a check so far."""

    problems: list[Problem] = field(default_factory=list)
    #: what is not read although somebody may count on it, and what is allowed but hardly meant; nothing of it is wrong
    remarks: list[Problem] = field(default_factory=list)
    pipelines: list[Pipeline] = field(default_factory=list)
    #: Dags that are written out in Python: id and place
    python_dags: list[tuple[str, Place]] = field(default_factory=list)
    #: Dags of pipelines with problems, and whether some file in Python makes Dags that cannot be known
    other_dags: set[str] = field(default_factory=set)
    has_unknown_dags: bool = False
    #: files with Dags in Python
    python_files: list[str] = field(default_factory=list)
    #: fleet.yaml and overlays of it
    fleet_files: list[str] = field(default_factory=list)
    #: of files whose parts pipelines take in
    shared: SharedParts = field(default_factory=SharedParts)
    #: comments in pipeline files that silence problems of their lines
    ignores: list[Ignore] = field(default_factory=list)
    #: pipeline files whose comments are known
    read_files: set[str] = field(default_factory=set)
    files: int = 0
    #: what is not wrong with the files, and may go wrong with the fleet
    warnings: tuple[str, ...] = ()

    @property
    def fine(self) -> int:
        """How many pipelines stand in files without a problem."""
        broken = self._broken
        return sum(pipeline.file not in broken for pipeline in self.pipelines)

    @property
    def fine_python(self) -> int:
        """How many files with Dags in Python have no problem."""
        broken = self._broken
        return sum(file not in broken for file in self.python_files)

    @property
    def fine_fleet(self) -> list[str]:
        """Which of fleet.yaml and its overlays have no problem."""
        return [file for file in dict.fromkeys(self.fleet_files) if file not in self._broken]

    @property
    def _broken(self) -> set[str]:
        return {problem.place.file for problem in self.problems}

    def note_ignores(self, file: Path, checked: CheckedFile) -> None:
        """Note the comments of a file that was read."""
        self.ignores += [replace(one, place=short_place(one.place)) for one in checked.ignores]
        self.read_files.add(short(str(file)))

    def settle(self) -> None:
        """Leave out what comments silence, remark on comments that silence nothing, and sort."""
        from airfleet.pipelines.checks.doubts import ignores

        found = [*self.problems, *self.remarks]
        known = [*self.ignores, *_elsewhere(found, self.read_files)]
        useless = list(ignores.remarks(found, self.ignores))
        self.problems = sorted(ignores.applied(self.problems, known))
        self.remarks = sorted(_condensed([*ignores.applied(self.remarks, known), *useless]))


def _elsewhere(found: Iterable[Problem], read: set[str]) -> Iterator[Ignore]:
    """Yield the comments of other files with findings that a comment may silence: included ones, and Python."""
    from airfleet.pipelines.checks.doubts import ignores
    from airfleet.pipelines.files.project_files import read_text

    files = {problem.place.file for problem in found if problem.code.can_be_silenced} - read
    for file in sorted(files):
        text = read_text(Path(file)) if os.path.isfile(file) else ""
        if isinstance(text, str):
            yield from ignores.ignores_in(text, file)


#: so many files of a folder of which the same is said are named one by one
_NAMED_ONE_BY_ONE = 3


def _condensed(remarks: Iterable[Problem]) -> Iterator[Problem]:
    """Yield the remarks, with one for all files of a folder of which the same is said."""
    alike: dict[tuple[str, str, str | None], list[Problem]] = {}
    for remark in dict.fromkeys(remarks):
        if remark.path:  # about one value of a file that is read
            yield remark
            continue
        folder = os.path.dirname(remark.place.file)
        alike.setdefault((folder, remark.sentence, remark.hint), []).append(remark)
    for (folder, sentence, hint), some in alike.items():
        if len(some) <= _NAMED_ONE_BY_ONE:
            yield from some
        else:
            names = ", ".join(os.path.basename(one.place.file) for one in some[:_NAMED_ONE_BY_ONE])
            rest = len(some) - _NAMED_ONE_BY_ONE
            yield Problem(Place(folder or "."), "", f"{names} and {rest} more files: {sentence}", hint, some[0].code)


def shortened(found: Iterable[Problem]) -> list[Problem]:
    """Give the problems with their files as a person here would write them."""
    return [replace(problem, place=short_place(problem.place)) for problem in found]


def short_place(place: Place) -> Place:
    """Give a place with its file as a person here would write it."""
    return replace(place, file=short(place.file))


def short(file: str) -> str:
    """Write the file as a person here would write it; bytes that are no text are escaped."""
    file = file.encode(errors="backslashreplace").decode()
    here = f"{os.getcwd()}/"
    if file.startswith(here) and "/." not in file and "//" not in file:  # nearly all; a Path takes ten times as long
        return file[len(here) :]
    try:
        return str(Path(file).absolute().relative_to(Path.cwd()))
    except ValueError:
        return file
