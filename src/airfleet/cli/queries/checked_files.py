"""The pipeline files and shared files of one check, each read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airfleet.pipelines.checks.pipeline_checks import CheckedFile


class CheckedFiles:
    """Reads files for a check. ``sure``: no value of the environment is a stand-in (``***``)."""

    def __init__(self, environ: Mapping[str, str], *, sure: bool) -> None:
        from airfleet.pipelines.files.shared_files import SharedFiles

        self._environ = environ
        self._sure = sure
        self._shared = SharedFiles()

    def read(self, file: Path, *, taken_in: bool = False) -> CheckedFile:
        """Read and check one file; with ``taken_in``, a pipeline takes in its parts."""
        from airfleet.pipelines.checks.pipeline_checks import read_and_check
        from airfleet.yaml.secret_detection import MASK

        checked = read_and_check(file, environ=self._environ, shared=self._shared, taken_in=taken_in)
        if self._sure or checked.foreign is not None or not checked.problems:
            return checked
        # What is wrong with *** alone may be right with what is meant.
        others = {name: value.replace(MASK, "1") for name, value in self._environ.items()}
        also = read_and_check(file, environ=others, shared=self._shared, taken_in=taken_in).problems
        return replace(checked, problems=tuple(problem for problem in checked.problems if problem in also))

    def taken_in(self) -> list[Path]:
        """List the files that pipelines took in so far."""
        return [Path(name) for name in self._shared.names()]
