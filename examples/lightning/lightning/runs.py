"""The names and places of one run; every task is handed them.

::

    <work>/<year>/<run>/raw/        the year's tiles, unpacked, one file
                        results/    daily/ monthly/ tiles/ (CSV) and summary.json, of the engine
    gs://<bucket>/extract/<year>-<run>-<number>.csv         what BigQuery exported
    s3://<bucket>/lightning/<year>/<run>/raw/               the same, copied
    s3://<bucket>/lightning/<year>/<run>/results/           what is loaded; _SUCCESS comes last

Everything stands under the name of the run, so no run sees what another one has half done. Tasks of
one run must see the same work folder: give the pipeline a queue that one host serves, or put the
folder on a share.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lightning.errors import MissingInput, RunError
from lightning.tiles import BIGQUERY, NCEI, Format

SOURCES = ("bigquery", "local")
ENGINES = ("spark", "duckdb")
PREFIX = "lightning"
MANIFEST = "_SUCCESS"
FIRST_YEAR, LAST_YEAR = 1987, 2100


@dataclass(frozen=True)
class Run:
    """One year's way through the pipeline."""

    year: int
    source: str
    engine: str
    #: the run's id as a name of folders and objects
    name: str
    work: str
    #: the folder or file of the yearly files, with the source ``local``
    files: str = ""
    #: the table of the year, with the source ``bigquery``
    table: str = ""
    gcs_bucket: str = ""
    s3_bucket: str = ""

    @property
    def form(self) -> Format:
        """How the rows look."""
        return NCEI if self.source == "local" else BIGQUERY

    @property
    def folder(self) -> Path:
        """Where the tasks of the run leave files for one another."""
        return Path(self.work) / str(self.year) / self.name

    @property
    def raw(self) -> Path:
        """The year's tiles, unpacked."""
        return self.folder / "raw" / f"tiles-{self.year}.csv"

    @property
    def results(self) -> Path:
        """What the engine makes."""
        return self.folder / "results"

    @property
    def year_prefix(self) -> str:
        """What the names of all runs' objects of this year begin with, in S3."""
        return f"{PREFIX}/{self.year}/"

    def message(self) -> dict[str, Any]:
        """As one task tells it the next ones, with the names that templates use."""
        prefix = f"{self.year_prefix}{self.name}/"
        return asdict(self) | {
            "gcs_prefix": f"extract/{self.year}-{self.name}-",
            "gcs_objects": f"extract/{self.year}-{self.name}-*.csv",
            "raw_prefix": f"{prefix}raw/",
            "results_prefix": f"{prefix}results/",
            "raw_file": str(self.raw),
            "results_folder": str(self.results),
            "form": self.form.name,
        }

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Run:
        """The run that :meth:`message` told."""
        return cls(**{name: message[name] for name in cls.__dataclass_fields__})


def make(run_id: str, asked: Mapping[str, str], sites: Mapping[str, str]) -> Run:
    """The run with what was ``asked`` (year, source, engine, files) and its ``sites`` (work, dataset, buckets).

    Raises:
        RunError: something that was asked makes no sense.
    """
    source, engine, files = asked["source"], asked["engine"], asked["files"]
    if source not in SOURCES:
        raise RunError(f"source must be {' or '.join(SOURCES)}, not {source!r}")
    if engine not in ENGINES:
        raise RunError(f"engine must be {' or '.join(ENGINES)}, not {engine!r}")
    year, name = _year(asked["year"]), name_of(run_id)
    work = sites["work"] or str(Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser() / "lightning")
    if source == "bigquery":
        table, gcs, s3 = f"{sites['dataset']}.lightning_{year}", sites["gcs_bucket"], sites["s3_bucket"]
        return Run(year, source, engine, name, work, table=table, gcs_bucket=gcs, s3_bucket=s3)
    if not files:
        raise RunError(
            "the source is local: say where the yearly files are (parameter files, Variable lightning_files)"
        )
    return Run(year, source, engine, name, work, files=str(Path(files).expanduser().absolute()))


def name_of(run_id: str) -> str:
    """A run's id as a short name of a folder or an object; different ids have different names."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", run_id).strip("-")[:60]
    return f"{plain}-{hashlib.sha256(run_id.encode()).hexdigest()[:8]}"


def existing(path: Path, task: str) -> Path:
    """``path``, which the task ``task`` has left.

    Raises:
        MissingInput: it is not there.
    """
    if not path.exists():
        raise MissingInput(f"{path} is not there: clear the task {task} too, or run it on the same host")
    return path


def _year(text: str) -> int:
    try:
        year = int(text)
    except ValueError:
        raise RunError(f"year must be a year like 2023, not {text!r}") from None
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise RunError(f"year must be {FIRST_YEAR} or later, not {year}")
    return year
