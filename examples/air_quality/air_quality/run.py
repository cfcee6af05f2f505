"""One run's folder: where each step leaves its files for the next one.

::

    <work>/<job>/<run>/
        downloaded/   the archives as published     unpacked/   the CSV files inside them
        cleaned.parquet   rejects.csv               sorted.parquet
        chunked/<layout>/<chunk>.parquet            tmp/        what DuckDB spills

A step writes beside the final name and renames at the end, so what bears its final name is whole,
and running a step again replaces its result. The tasks of one run must see the same folder: give
a job one queue that one host serves, or put the work folder on a share.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from air_quality.errors import MissingInput

MARKER = ".air_quality_run"


@dataclass(frozen=True)
class Run:
    """What every step of one run needs to know; travels between tasks as a small mapping."""

    folder: Path
    #: address of the page that links to the archives
    page: str
    #: folder the result goes to when no object store is connected
    output: Path
    min_chunksize: int

    @classmethod
    def load(cls, message: Mapping[str, Any]) -> Run:
        """The run that :meth:`message` described."""
        return cls(Path(message["folder"]), message["page"], Path(message["output"]), message["min_chunksize"])

    def message(self) -> dict[str, Any]:
        """The run as a value that may travel between tasks."""
        return {
            "folder": str(self.folder),
            "page": self.page,
            "output": str(self.output),
            "min_chunksize": self.min_chunksize,
        }

    def input(self, name: str, made_by: str) -> Path:
        """The path of what an earlier step made.

        Raises:
            MissingInput: it is not there.
        """
        path = self.folder / name
        if not path.exists():
            raise MissingInput(f"{path} is not there: run the step '{made_by}' of this run again")
        return path


def work_folder(given: str = "") -> Path:
    """Where runs keep their files: as given, or beside Airflow's own, or in the temporary directory."""
    if given:
        return Path(given).expanduser().absolute()
    home = os.environ.get("AIRFLOW_HOME")
    return (Path(home) if home else Path(tempfile.gettempdir())).absolute() / "air_quality"


def run_folder(work: Path, job: str, run_id: str) -> Path:
    """The folder of one run, made if it is not there; Airflow's run ids hold ``:`` and ``+``."""
    folder = work / job / (re.sub(r"[^A-Za-z0-9._-]+", "_", run_id).lstrip(".") or "run")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()
    return folder


def forget_old_runs(folder: Path, keep: int) -> list[str]:
    """Remove the work folders of earlier runs, but for the ``keep`` newest; the names of those removed."""
    others = [p for p in folder.parent.iterdir() if p != folder and (p / MARKER).is_file()]
    others.sort(key=lambda p: (p / MARKER).stat().st_mtime, reverse=True)
    for old in others[keep:]:
        shutil.rmtree(old)
    return [old.name for old in others[keep:]]


@contextlib.contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """A path to write to; it becomes ``path`` when the block ends well and vanishes otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    try:
        yield new
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """An empty folder to fill; it becomes ``path`` when the block ends well and vanishes otherwise."""
    new = path.with_name(f".{path.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        yield new
        shutil.rmtree(path, ignore_errors=True)
        new.rename(path)
    finally:
        shutil.rmtree(new, ignore_errors=True)
