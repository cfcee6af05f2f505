"""What a Dag file asks and sees while it is read: by the dag-processor, and again in each task's process."""

from __future__ import annotations

import json
import logging
import os
import random
import sys
from datetime import datetime
from pathlib import Path

import package_beside.inner
import semantics_witness
from airflow.sdk import DAG, BaseHook, Connection, Variable, get_parsing_context, task

HERE = Path(__file__).parent
print("printed while the file is read")
logging.getLogger(__name__).warning("logged while the file is read")


def asked(ask):
    try:
        return ask()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


FACTS = {
    "variable": asked(lambda: Variable.get("semantics_word", default="not there")),
    "json variable": asked(lambda: Variable.get("semantics_json", default=None, deserialize_json=True)),
    "missing with default": asked(lambda: Variable.get("semantics_missing", default="the default")),
    "missing": asked(lambda: Variable.get("semantics_missing")),
    "connection": asked(lambda: Connection.get("semantics_connection").host),
    "connection of a hook": asked(lambda: BaseHook.get_connection("semantics_connection").port),
    "missing connection": asked(lambda: Connection.get("semantics_missing")),
    "environment": os.environ.get("SEMANTICS_WORD"),
    "helper": semantics_witness.SUFFIX,
    "package": package_beside.inner.WORDS,
    "file": __file__,
    "name is prefixed": __name__.startswith("unusual_prefix_"),
    "cwd": os.getcwd(),
    "parsing dag": get_parsing_context().dag_id,
    "parsing task": get_parsing_context().task_id,
    "folder on the path": str(HERE) in sys.path,
    "own folder on the path": str(HERE / "data") in sys.path,
    "recursion": sys.getrecursionlimit(),
}
NOW = datetime.now()
DRAWN = random.random()

with DAG("parsing", schedule=None, start_date=datetime(2026, 1, 1), doc_md="written at any time"):

    @task
    def tells():
        return FACTS

    @task
    def is_fresh(ti=None):
        """Whether what was drawn and read belongs to this process."""
        import time

        age = time.time() - NOW.timestamp()
        print(f"the file was read a moment ago: {age < 30}")
        return [DRAWN, NOW.isoformat()]

    @task
    def are_different(values):
        values = list(values)
        return [len({value[column] for value in values}) for column in (0, 1)]

    @task
    def of_file(name):
        return f"task of a data file: {name}"

    tells()
    are_different([is_fresh.override(task_id=f"is_fresh_{number}")() for number in (1, 2, 3)])
    for name in json.loads((HERE / "data" / "tasks.json").read_text())["tasks"]:
        of_file.override(task_id=f"of_file_{name}")(name)

for name in ("one", "two"):
    if get_parsing_context().dag_id not in (None, f"parsing_{name}"):
        continue
    with DAG(f"parsing_{name}", schedule=None, start_date=datetime(2026, 1, 1)):

        @task
        def knows(which=name):
            return [which, sorted(key for key in globals() if key == "name"), get_parsing_context().dag_id]

        knows()
