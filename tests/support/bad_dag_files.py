"""Runs a fleet's dag-processor over Dag files that hurt it, beside a good one; prints what the database has then. [A]

A process of its own, with Airflow configured for that database.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from airflow.configuration import conf
from airflow.models.dag import DagModel
from airflow.models.errors import ParseImportError
from airflow.settings import Session
from airflow.utils import db
from sqlalchemy import select

from airfleet.dag_processor.job_runner import PipelineFileProcessorManager
from support.dag_processor_run import run_until

#: seconds in which all have to be known; a hang, not a slow machine
PATIENCE = 120.0

HEAD = "from airflow.sdk import DAG, BaseOperator\nimport os, sys, time\n"
RAISES = """
class Op(BaseOperator):
    template_fields = ('f',)
    @property
    def f(self):
        raise RuntimeError('no field')
with DAG('raises') as d:
    Op(task_id='a')
"""
PRINTS = """
print('x' * 30_000_000)
for n in range(50_000):
    print('a line of a file that prints much', n)
d = DAG('prints')
"""
FORKS = """
d = DAG('forks')
if os.fork() == 0:
    os.execvp('sh', ['sh', '-c', 'yes & sleep 600'])
"""
#: file -> its text after the head, and what its import error has to say
BAD = {
    "overflow": (
        "d = DAG('overflow', max_active_tasks=99999999999)",
        "Dag 'overflow' cannot be stored: integer out of",
    ),
    "nul": ("d = DAG('nul', description='a\\0b')", "Dag 'nul' cannot be stored: "),
    "long": ("d = DAG('long', dag_display_name='x' * 2001)", "value too long for type character varying(2000)"),
    "surrogate": ("d = DAG('surrogate', description='\\ud800')", "surrogates not allowed"),
    "quoted": ("raise ValueError('a\\0b')", "ValueError: a\\x00b"),
    "exits": ("d = DAG('exits'); sys.exit(0)", "SystemExit: 0"),
    "dies": ("d = DAG('dies'); os._exit(3)", "ended with exit code 3 before it had given its Dags"),
    "killed": ("d = DAG('killed'); os.kill(os.getpid(), 9)", "was killed (SIGKILL)"),
    "endless": ("d = DAG('endless')\nwhile True: time.sleep(1)", "This file was not read after 8 s"),
    "closes": ("d = DAG('closes'); os.closerange(0, 4096)", "ended with exit code"),
    "writes": (
        "os.write(0, b'\\x00\\x00\\x00\\x02\\xff\\xff'); os._exit(0)\nd = DAG('writes')",
        "ended with exit code 0",
    ),
    "huge": ("d = DAG('huge', doc_md='x' * 3_000_000)", "have 3 MB as Airflow stores them; the limit is 1 MB"),
    "raises": (RAISES, "no field"),
}
GOOD = {
    "prints": PRINTS,
    "forks": FORKS,
    "good": "d = DAG('good', schedule='@daily')",
    #: of a file with several Dags those are stored that can be
    "some": "d = DAG('some_bad', max_active_tasks=99999999999)\ne = DAG('some_good')",
}


def main() -> dict[str, Any]:
    """Read the database when all files were read."""
    folder = Path(conf.get("core", "dags_folder"))
    db.initdb()
    for name, text in ({name: text for name, (text, _) in BAD.items()} | GOOD).items():
        (folder / f"{name}.py").write_text(HEAD + text + "\n")
    run_until(PipelineFileProcessorManager(max_runs=-1), _is_there, PATIENCE)
    return _found()


def _is_there() -> bool:
    found, wanted = _found(), {f"{name}.py" for name in BAD} | {"some.py"}
    return wanted <= set(found["errors"]) and {"good", "prints", "forks", "some_good"} <= set(found["dags"])


def _found() -> dict[str, Any]:
    with Session() as session:
        errors = {one.filename: one.stacktrace for one in session.scalars(select(ParseImportError))}
        dags = {dag.dag_id: not dag.is_stale for dag in session.scalars(select(DagModel))}
    logs = Path(os.environ["AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY"])
    sizes = {path.name: path.stat().st_size for path in logs.rglob("*.log")}
    return {"errors": errors, "dags": dags, "logs": sizes}


if __name__ == "__main__":
    print("\n" + json.dumps(main()))
