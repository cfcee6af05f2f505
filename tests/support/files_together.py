"""Runs a fleet's dag-processor over many small pipelines, some of which hurt; prints what the database has then. [A]

A process of its own, with Airflow configured for that database. ``TOGETHER=no`` has each file parsed by its own
process, which is what the others are compared with.
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any, Final, Literal

from airflow.dag_processing.manager import DagFileInfo
from airflow.models.dag import DagModel
from airflow.models.errors import ParseImportError
from airflow.models.serialized_dag import SerializedDagModel
from airflow.settings import Session
from airflow.utils import db
from sqlalchemy import select

from airfleet.dag_processor import batch_parsing
from airfleet.dag_processor.batch_process import BatchProcess
from airfleet.dag_processor.job_runner import PipelineFileProcessorManager
from support.dag_processor_run import run_until

#: seconds in which all have to be known; a hang, not a slow machine
PATIENCE: Final = 120.0
#: seconds of Airflow for one file; half of them for one among others
TIMEOUT: Final = 8
GOOD: Final = 40
ONE: Final = """\
dag_id: {name}
schedule: "@daily"
tags: [{tag}]
owner_links: {{airflow: "https://example.org/{name}"}}
tasks: [{{id: a, uses: bash, with: {{bash_command: {command}}}}}]
"""
#: what pipelines import; each process that imports it counts from 1
HURTS = """\
import os, time
NUMBER = 0
def next_number():
    global NUMBER
    NUMBER += 1
    return f"echo {NUMBER}"
def die():
    os._exit(3)
def sleep():
    time.sleep(600)
"""


def new(name: str) -> str:
    """Write a value that a function of the project gives when the file is parsed."""
    return f"{{$new: hurts.{name}}}"


def files() -> dict[str, str]:
    """Give the texts of all files by name."""
    good = {f"good_{n:02}": ONE.format(name=f"good_{n:02}", tag=f"t{n % 3}", command="date") for n in range(GOOD)}
    counting = {f"count_{n}": ONE.format(name=f"count_{n}", tag="c", command=new("next_number")) for n in range(4)}
    hurting = {name: ONE.format(name=name, tag="h", command=new(name)) for name in ("die", "sleep")}
    twice = {f"twice_{n}": ONE.format(name="twice", tag="w", command="date") for n in (1, 2)}
    wrong = {
        "unknown": "dag_id: unknown\ntasks: [{id: a, uses: nothing_of_the_kind}]\n",
        "broken": "dag_id: [\n",
        "refused": ONE.format(name="refused", tag="r", command="date") + "max_active_tasks: 99999999999\n",
    }
    return good | counting | hurting | twice | wrong


#: files that have an import error
WRONG: Final = frozenset({"die", "sleep", "unknown", "broken", "refused"})


def main() -> dict[str, Any]:
    """Read the database when all files were read."""
    folder = Path("pipelines")
    folder.mkdir()
    Path("hurts.py").write_text(HURTS)
    db.initdb()
    for name, text in files().items():
        (folder / f"{name}.yaml").write_text(text)
    if os.environ["TOGETHER"] == "no":
        batch_parsing.MANY_FILES = 1_000_000  # type: ignore[misc]
    run_until(_Counting(max_runs=-1), _is_there, PATIENCE)
    return _found() | {"processes": Started.alone, "batches": Started.batches}


class Started:
    """Processes that were started: with one file each, and the files of the others."""

    alone = 0
    batches: list[list[str]] = []  # noqa: RUF012 - a process has one


class _Counting(PipelineFileProcessorManager):
    """Counts processes, and meets new files in an order that is mixed, and the same in every run.

    Airflow's order is that of a set: by chance more or fewer files lie behind one that ends the process they share.
    """

    def _add_files_to_queue(self, files: list[DagFileInfo], *, mode: Literal["front", "back", "frontprio"]) -> None:
        mixed = sorted(files, key=lambda file: zlib.crc32(os.fsencode(file.rel_path)))
        super()._add_files_to_queue(mixed if mode == "front" else files, mode=mode)

    def _start_process(self, dag_file: Any) -> Any:
        process = super()._start_process(dag_file)
        if isinstance(process, BatchProcess):
            Started.batches.append([file.rel_path.stem for file in process.files])
        else:
            Started.alone += 1
        return process


def _is_there() -> bool:
    found = _found()
    return len(found["errors"]) == len(WRONG) + 1 and len(found["dags"]) == len(files()) - len(WRONG) - 1


def _found() -> dict[str, Any]:
    with Session() as session:
        errors = {one.filename: one.stacktrace for one in session.scalars(select(ParseImportError))}
        dags = {dag.dag_id: _row(dag) for dag in session.scalars(select(DagModel))}
        stored = {one.dag_id: _data(one) for one in session.scalars(select(SerializedDagModel))}
    return {"errors": errors, "dags": dags, "stored": stored}


def _data(stored: SerializedDagModel) -> str:
    """Write what Airflow stores of a Dag, without the folder of this process."""
    return json.dumps(stored.data, sort_keys=True).replace(str(Path.cwd()), "")


def _row(dag: DagModel) -> dict[str, Any]:
    left_out = {"last_parsed_time", "last_parse_duration", "fileloc"}
    names = {column.name for column in dag.__table__.columns} - left_out
    columns = {name: str(getattr(dag, name)) for name in sorted(names) if hasattr(dag, name)}
    tags, links = sorted(tag.name for tag in dag.tags), sorted(str(link.link) for link in dag.dag_owner_links)
    return columns | {"tags": tags, "links": links, "has_duration": dag.last_parse_duration is not None}


if __name__ == "__main__":
    print("\n" + json.dumps(main()))
