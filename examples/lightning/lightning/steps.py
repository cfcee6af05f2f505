"""The tasks of the pipeline that are functions; the others are operators of providers.

::

    start ─ source ┬ extract → to_s3 → fetch ┬ engine ┬ spark  ┬ publish ─ published ┬ arrived ┬ load → tidy
                   └ read_local ─────────────┘        └ duckdb ┘                     └─────────┘

Each writes beside the final name and renames at the end, or under the run's own name with the manifest
last, so whatever is killed anywhere may run again and nobody sees half of a result.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lightning import duck, intake, results, runs
from lightning.errors import JavaMissing, MalformedRows, RunError, SchemaChange, SourceError
from lightning.runs import Run

Message = dict[str, Any]


@contextlib.contextmanager
def never_again() -> Iterator[None]:
    """What no other attempt would make better fails the task at once."""
    try:
        yield
    except (JavaMissing, MalformedRows, RunError, SchemaChange) as error:
        from airflow.sdk.exceptions import AirflowFailException

        raise AirflowFailException(str(error)) from error


@never_again()
def start(run_id: str, asked: dict[str, str], sites: dict[str, str]) -> Message:
    """Name the run's places; with the source ``bigquery``, see that the clouds are there."""
    run = runs.make(run_id, asked, sites)
    if run.source == "bigquery":
        from lightning import accounts

        accounts.check(run)
    print(f"{run.year} from {run.source} with {run.engine}, in {run.folder}")
    return run.message()


def choose_source(run: Message) -> str:
    """The first task of the way that the tiles take."""
    return "extract" if run["source"] == "bigquery" else "read_local"


@never_again()
def read_local(run: Message) -> Message:
    """Unpack the year's file of a local folder."""
    this = Run.of(run)
    return intake.take(intake.local_file(Path(this.files), this.form, this.year), this.raw, this.form)


@never_again()
def fetch(run: Message, objects: list[str]) -> Message:
    """Bring the exported rows from S3 to the work folder; ``objects`` are their names in Google Cloud Storage."""
    from lightning import lake

    this = Run.of(run)
    incoming = this.raw.with_suffix(".incoming")
    incoming.parent.mkdir(parents=True, exist_ok=True)
    keys = [run["raw_prefix"] + name.rpartition("/")[2] for name in sorted(objects)]
    if not keys:
        raise SourceError(f"BigQuery's export left nothing at gs://{this.gcs_bucket}/{run['gcs_objects']}")
    lake.download_all(this.s3_bucket, keys, incoming)
    taken = intake.take(incoming, this.raw, this.form)
    incoming.unlink()
    return taken


def choose_engine(run: Message) -> str:
    """The task that computes."""
    return str(run["engine"])


@never_again()
def aggregate(run: Message) -> Message:
    """Strikes per day, per month and per tile, by DuckDB. Spark's way is :mod:`lightning.spark_job`."""
    this = Run.of(run)
    return duck.aggregate(runs.existing(this.raw, "fetch or read_local"), this.results, this.form, this.year)


def publish(run: Message) -> str:
    """Write the manifest of the results, and bring them to S3; its address is what ``load`` reads."""
    this = Run.of(run)
    manifest = results.seal(runs.existing(this.results, this.engine), this.year)
    print(f"{manifest.rows:,} tiles, {manifest.strikes:,} strikes")
    if this.source == "local":
        return str(this.results)
    from lightning import lake

    return lake.upload(this.results, this.s3_bucket, run["results_prefix"])


def choose_arrival(run: Message) -> str:
    """Results in S3 are waited for, those in a folder are there."""
    return "arrived" if run["source"] == "bigquery" else "load"


def load(run: Message, address: str, connection: str) -> Message:
    """Replace the year in the database, all of it or nothing."""
    from lightning import database, lake

    this = Run.of(run)
    folder = this.results
    if address.startswith("s3://"):
        folder = this.folder / "arrived"
        lake.download(address, folder)
    manifest = results.checked(folder, this.year)
    return database.replace_year(connection, manifest, folder)


def tidy(run: Message) -> None:
    """Remove what only the run needed, and what earlier runs of the year have left; the published results stay."""
    this = Run.of(run)
    if this.source == "bigquery":
        from lightning import lake

        lake.remove_others(this.s3_bucket, this.year_prefix, keep=run["results_prefix"])
        lake.remove_extracts(this.gcs_bucket, f"extract/{this.year}-")
    shutil.rmtree(Path(this.work) / str(this.year), ignore_errors=True)
