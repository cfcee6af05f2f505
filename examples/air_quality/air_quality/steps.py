"""The seven steps of every job: start, fetch, clean, sort, chunk, store, end.

Each is one task. A step gets the job as the pipeline file has it and the run as ``start`` told it,
leaves its files in the run's folder (see :mod:`air_quality.run`) and returns a few numbers. Running
a step again gives the same files.

Every task is a process of its own, so what only one step needs, and takes long to import, is
imported by that step: matplotlib by ``end``, boto3 and Airflow by those that use a connection.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from air_quality import archives, chunks, download, duck, pages
from air_quality import clean as cleaning
from air_quality import job as jobs
from air_quality import store as stores
from air_quality.errors import StoreError, TooManyRejects
from air_quality.job import Job
from air_quality.run import Run, forget_old_runs, replacing_file, replacing_folder, run_folder, work_folder

Config = Mapping[str, Any]
Message = dict[str, Any]


def start(
    job: Config, run_id: str, source: str = "", work: str = "", output: str = "", min_chunksize: int | str = ""
) -> Message:
    """Check the job and make the run's folder; what the other steps need to know.

    ``source`` is a mirror to read instead of the publisher's site, ``work`` and ``output`` are
    folders, ``min_chunksize`` overrides the job's; empty means the default.
    """
    wanted = jobs.read({**job, "min_chunksize": int(min_chunksize)} if int(min_chunksize or 0) else job)
    base = work_folder(work)
    folder = run_folder(base, wanted.name, run_id)
    forget_old_runs(folder, wanted.keep_runs)
    into = Path(output).expanduser().absolute() if output else base / "output"
    page = pages.page_address(wanted.source_url, source)
    print(f"{wanted.name}: reading {page}, working in {folder}")
    return Run(folder, page, into, wanted.min_chunksize).message()


def fetch(job: Config, run: Config) -> Message:
    """Download the archives that the job's page links to, and unpack them."""
    wanted, here = jobs.read(job), Run.load(run)
    links = pages.archive_links(download.read_page(here.page), here.page, wanted)
    downloaded = here.folder / "downloaded"
    fetched = [download.fetch_file(link, downloaded / pages.file_name(link)) for link in links]
    _remove_others(downloaded, {item.path for item in fetched})
    with replacing_folder(here.folder / "unpacked") as unpacked:
        for item in fetched:
            into = unpacked / item.path.name
            into.mkdir()
            archives.unpack(item.path, wanted.file_type, into)
    for item in fetched:
        print(f"{item.url}: {item.size:,} bytes")
    files = [{"url": i.url, "name": i.path.name, "bytes": i.size, "sha256": i.sha256} for i in fetched]
    return {"archives": files, "bytes": sum(item.size for item in fetched)}


def clean(job: Config, run: Config) -> Message:
    """Type the values; rows that make no sense go to ``rejects.csv``, each with the reason.

    Raises:
        TooManyRejects: their share is above the job's ``max_reject_share``.
    """
    wanted, here = jobs.read(job), Run.load(run)
    unpacked = here.input("unpacked", "fetch")
    files = sorted(path for path in unpacked.rglob("*") if path.is_file())
    rejects = here.folder / "rejects.csv"
    result = cleaning.clean_files(
        wanted, files, unpacked, here.folder / "cleaned.parquet", rejects, here.folder / "tmp"
    )
    print(f"{result.rows_in:,} rows in {len(files):,} files: {result.rows:,} clean, {result.rejected:,} rejected")
    if result.rejected > wanted.max_reject_share * result.rows_in:
        raise TooManyRejects(
            f"{result.rejected:,} of {result.rows_in:,} rows were rejected, more than the "
            f"{wanted.max_reject_share:.2%} that max_reject_share allows; the reasons are in {rejects}"
        )
    return {"rows_in": result.rows_in, "rows": result.rows, "rejected": result.rejected}


def sort(job: Config, run: Config) -> Message:
    """Order the rows by latitude, longitude and date."""
    wanted, here = jobs.read(job), Run.load(run)
    source = here.input("cleaned.parquet", "clean")
    with (
        replacing_file(here.folder / "sorted.parquet") as target,
        duck.session(here.folder / "tmp", wanted.memory) as connection,
    ):
        query = f"SELECT * FROM {duck.parquet(source)} ORDER BY {chunks.order(wanted.row)}"
        connection.execute(f"COPY ({query}) TO {duck.text(target)} {duck.PARQUET}")
        rows = duck.count(connection, duck.parquet(target))
    return {"rows": rows}


def chunk(job: Config, run: Config) -> Message:
    """Partition the sorted rows by place and month, in every layout of the job."""
    wanted, here = jobs.read(job), Run.load(run)
    source = here.input("sorted.parquet", "sort")
    made: list[Message] = []
    with (
        replacing_folder(here.folder / "chunked") as chunked,
        duck.session(here.folder / "tmp", wanted.memory) as connection,
    ):
        for layout in wanted.layout_names:
            into = chunked / layout
            into.mkdir()
            written = chunks.write(connection, layout, wanted.row, source, into, here.min_chunksize)
            made += [
                {"name": f"{layout}/{one.name}", "rows": one.rows, "partitions": one.partitions} for one in written
            ]
        (chunked / "chunks.json").write_text(json.dumps(made, indent=1))
    return {"chunks": len(made), "layouts": len(wanted.layout_names)}


def store(job: Config, run: Config, fetched: Config, cleaned: Config, connection: str = "") -> Message:
    """Publish the chunks, the rejects and a manifest: to the connection's bucket, or to a folder.

    A connection that does not exist means a folder; one that does not work is an error.
    """
    wanted, here = jobs.read(job), Run.load(run)
    target = _target(wanted, here, connection)
    files, entries = _results(wanted, here, fetched)
    manifest = {
        "job": wanted.name,
        "run": here.folder.name,
        "columns": list(wanted.row),
        "sources": fetched["archives"],
        **{key: cleaned[key] for key in ("rows_in", "rows", "rejected")},
        "files": entries,
    }
    removed = stores.publish(target, files, manifest, here.folder / "tmp")
    print(f"{len(files)} files in {target.address}; {len(removed)} of an earlier run removed")
    return {"address": target.address, "files": len(files), "removed": len(removed)}


def end(
    job: Config, run: Config, fetched: Config, cleaned: Config, chunked: Config, stored: Config, connection: str = ""
) -> Message:
    """Draw the cleaned series beside the result, tidy up, and sum up the run.

    Raises:
        StoreError: the result was stored elsewhere, as when a connection came or went in between.
    """
    from air_quality.chart import draw_job

    wanted, here = jobs.read(job), Run.load(run)
    target = _target(wanted, here, connection)
    if target.address != stored["address"]:
        raise StoreError(
            f"the result is in {stored['address']}, but now belongs in {target.address}: run 'store' again"
        )
    for path in draw_job(wanted.name, here.input("sorted.parquet", "sort"), here.folder / "chart"):
        target.put(path, path.name)
    shutil.rmtree(here.folder / "tmp", ignore_errors=True)
    summary = {
        "job": wanted.name,
        "archives": len(fetched["archives"]),
        "rows_in": cleaned["rows_in"],
        "rows_out": cleaned["rows"],
        "rejected": cleaned["rejected"],
        "chunks": chunked["chunks"],
        "files": stored["files"],
        "address": target.address,
        "chart": f"{target.address}/chart.png",
    }
    print("\n".join(f"{key}: {value}" for key, value in summary.items()))
    return summary


def _remove_others(folder: Path, wanted: set[Path]) -> None:
    """Archives that the page no longer links to are not part of this run."""
    for path in set(folder.iterdir()) - wanted:
        path.unlink()


def _target(job: Job, run: Run, connection: str) -> stores.Store:
    if connection:
        from air_quality.connections import store_account

        account = store_account(connection)
        if account is not None:
            from air_quality.s3 import s3_store

            return s3_store(account, job.bucket, job.folder)
    return stores.FolderStore(run.output / job.bucket / job.folder)


def _results(job: Job, run: Run, fetched: Config) -> tuple[dict[str, Path], list[Message]]:
    """What the dataset holds: name -> file, and what the manifest says of each."""
    files: dict[str, Path] = {"rejects/rejects.csv": run.input("rejects.csv", "clean")}
    said: dict[str, Message] = {}
    if "raw" in job.tables:
        for archive in fetched["archives"]:
            files[f"raw/{archive['name']}"] = run.input(f"downloaded/{archive['name']}", "fetch")
    if "default" in job.tables:
        chunked = run.input("chunked", "chunk")
        for one in json.loads((chunked / "chunks.json").read_text()):
            name = f"default/{one['name']}"
            files[name] = chunked / one["name"]
            said[name] = {"rows": one["rows"], "partitions": one["partitions"]}
    entries = [
        {"name": name, "bytes": path.stat().st_size, "sha256": download.sha256_of(path), **said.get(name, {})}
        for name, path in sorted(files.items())
    ]
    return files, entries
