"""The pipeline files and shared files of one check, each read once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airfleet.file_stamps import Stamp
    from airfleet.pipelines.checks.pipeline_checks import CheckedFile


class CheckedFiles:
    """Reads files for a check. ``sure``: no value of the environment is a stand-in (``***``)."""

    def __init__(self, environ: Mapping[str, str], *, sure: bool, memory: Memory | None = None) -> None:
        from airfleet.pipelines.files.shared_files import SharedFiles

        self._environ = environ
        self._sure = sure
        self._memory = memory
        self._shared = memory.shared if memory is not None else SharedFiles()

    def read(self, file: Path, *, taken_in: bool = False) -> CheckedFile:
        """Read and check one file; with ``taken_in``, a pipeline takes in its parts."""
        if self._memory is None:
            return self._read(file, taken_in)
        return self._memory.recall(file, (self._environ, self._sure, taken_in), lambda: self._read(file, taken_in))

    def _read(self, file: Path, taken_in: bool) -> CheckedFile:
        from airfleet.pipelines.checks.pipeline_checks import read_and_check
        from airfleet.yaml.secret_detection import MASK

        checked = read_and_check(file, environ=self._environ, shared=self._shared, taken_in=taken_in)
        if self._sure or checked.foreign is not None or not checked.problems:
            return checked
        # What is wrong with *** alone may be right with what is meant.
        others = {name: value.replace(MASK, "1") for name, value in self._environ.items()}
        also = read_and_check(file, environ=others, shared=self._shared, taken_in=taken_in).problems
        return replace(checked, problems=tuple(problem for problem in checked.problems if problem in also))

    def is_named(self, file: str) -> bool:
        """Tell whether a pipeline that was read so far names this file as one of jobs or text."""
        return os.path.realpath(file) in self._shared.texts

    def taken_in(self) -> list[Path]:
        """List the files that pipelines took in so far."""
        return [Path(name) for name in self._shared.names()]


class Memory:
    """Results of earlier checks. One holds as long as its file, and every file that was taken in, are the same."""

    def __init__(self) -> None:
        from airfleet.pipelines.files.shared_files import SharedFiles

        self.shared = SharedFiles()
        #: by absolute path: what it was checked with, the stamps of all files in it, and the result
        self._known: dict[str, tuple[object, Mapping[str, Stamp | None], CheckedFile]] = {}

    def recall(self, file: Path, about: object, read: Callable[[], CheckedFile]) -> CheckedFile:
        """Give what is known of a file; else read it."""
        from airfleet.file_stamps import stamp

        path = os.path.abspath(file)
        known = self._known.get(path)
        if known is None or known[0] != about or any(stamp(name) != seen for name, seen in known[1].items()):
            seen = stamp(path)  # before it is read: an edit meanwhile is an edit
            checked = read()
            known = self._known[path] = about, {path: seen, **checked.taken_in}, checked
        return known[2]

    def forget(self, changed: Iterable[str]) -> None:
        """Forget everything when a file changed that results do not name: code, for one."""
        from airfleet.pipelines.files.project_files import SUFFIXES
        from airfleet.pipelines.files.shared_files import SharedFiles

        if not all(path.endswith(SUFFIXES) for path in changed):
            self._known.clear()
            self.shared = SharedFiles()
