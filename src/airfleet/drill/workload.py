"""The Dags of an experiment, as a file that a fleet and stock Airflow run alike, and a steady mix of runs of them.

Every task keeps a journal (:mod:`airfleet.drill.journal`). It has no retries by default, so that a fault which costs
one shows as a failed run. The runs of a tick are a pure function of its number, so a load can be repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from airfleet.drill.records import RunKey, TaskKey

#: name of the file in the folder of Dags
FILE_NAME = "witness_dags.py"
ONE, CHAIN, MAPPED, DEFERRED, TOLD = (
    "witness_one",
    "witness_chain",
    "witness_mapped",
    "witness_deferred",
    "witness_told",
)
DAGS = (ONE, CHAIN, MAPPED, DEFERRED, TOLD)
#: the Dag that a drill adds to a fleet as long as it lasts
DRILL = "airfleet_drill"
LINKS = 3
MAPS = 4
#: the end of the id of a run that belongs to a tick, behind the label
_OF_A_TICK = re.compile(r"\d+(-long|-error)?")
#: an attempt that was lost runs again as a further try, and has to raise as the first one would have
IN_EVERY_TRY = 1000
#: between two tries of a task that has retries
RETRY_DELAY_SECONDS = 5

_RETRIES = "@retries@"
_FILE = f'''\
"""Tasks that keep a journal; see airfleet.drill.workload."""

from datetime import datetime, timedelta

from airflow.providers.standard.operators.python import PythonOperator
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import DAG, BaseOperator

from airfleet.drill import journal
from airfleet.drill.records import NoteKind

COMMON = {{
    "schedule": None,
    "start_date": datetime(2026, 1, 1),
    "is_paused_upon_creation": False,
    "max_active_runs": 1000,
    "max_active_tasks": 1000,
    "default_args": {{"retries": {_RETRIES}, "retry_delay": timedelta(seconds={RETRY_DELAY_SECONDS})}},
}}


class Waits(BaseOperator):
    """Starts, waits in the triggerer, and ends."""

    def execute(self, context):
        journal.write(NoteKind.START, context["ti"])
        seconds = float((context["dag_run"].conf or {{}}).get("seconds", 1))
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=seconds)), method_name="resume")

    def resume(self, context, event=None):
        journal.write(NoteKind.END, context["ti"])


def link(before, *, ti, dag_run):
    """Pull the XCom that the link before has pushed, and push one."""
    if before and ti.xcom_pull(task_ids=before, key="left") != before:
        raise RuntimeError(f"the XCom of {{before}} is not there")
    ti.xcom_push("left", ti.task_id)
    journal.work_from_conf(ti=ti, dag_run=dag_run)


def number(number, *, ti, dag_run):
    journal.work_from_conf(ti=ti, dag_run=dag_run)


with DAG("{ONE}", **COMMON):
    PythonOperator(task_id="work", python_callable=journal.work_from_conf, on_failure_callback=journal.write_callback)

with DAG("{CHAIN}", **COMMON):
    before = None
    for number_of_link in range({LINKS}):
        name = before.task_id if before is not None else None
        task = PythonOperator(task_id=f"link{{number_of_link}}", python_callable=link, op_args=[name])
        if before is not None:
            before >> task
        before = task

with DAG("{MAPPED}", **COMMON):
    numbers = [{{"number": one}} for one in range({MAPS})]
    PythonOperator.partial(task_id="work", python_callable=number).expand(op_kwargs=numbers)

with DAG("{DEFERRED}", **COMMON):
    Waits(task_id="wait")

with DAG("{TOLD}", on_success_callback=journal.write_run_callback, **COMMON):
    PythonOperator(task_id="work", python_callable=journal.work_from_conf)
'''


def file(retries: int = 0) -> str:
    """Give the source of the Dags, whose tasks have so many retries."""
    return _FILE.replace(_RETRIES, str(retries))


_TASKS: Mapping[str, tuple[tuple[str, int], ...]] = {
    ONE: (("work", -1),),
    CHAIN: tuple((f"link{link}", -1) for link in range(LINKS)),
    MAPPED: tuple(("work", number) for number in range(MAPS)),
    DEFERRED: (("wait", -1),),
    TOLD: (("work", -1),),
    DRILL: (("work", -1),),
}


@dataclass(frozen=True)
class RunRequest:
    """A run to ask for, and the outcome that it must have."""

    dag_id: str
    run_id: str
    conf: Mapping[str, Any] = field(default_factory=dict)

    @property
    def run(self) -> RunKey:
        """Give the run."""
        return RunKey(self.dag_id, self.run_id)

    @property
    def must_end(self) -> frozenset[TaskKey]:
        """Give the tasks that have to end; none where an error was asked for."""
        if self.conf.get("errors"):
            return frozenset()
        return frozenset(TaskKey(self.dag_id, self.run_id, *one) for one in _TASKS[self.dag_id])

    @property
    def callbacks(self) -> frozenset[TaskKey]:
        """Give the callbacks that have to run."""
        if self.dag_id == TOLD:
            return frozenset({TaskKey(self.dag_id, self.run_id, "")})
        wanted = self.dag_id == ONE and self.conf.get("errors")
        return frozenset({TaskKey(self.dag_id, self.run_id, "work")}) if wanted else frozenset()


@dataclass(frozen=True)
class Mix:
    """The runs of each tick; times in seconds."""

    tick_seconds: float = 1.0
    #: a task that runs so long is always there
    long_seconds: float = 30.0
    short_seconds: float = 0.5
    chain_seconds: float = 2.0
    deferred_seconds: float = 3.0
    #: once in so many ticks each
    every: Mapping[str, int] = field(default_factory=lambda: {CHAIN: 7, MAPPED: 11, DEFERRED: 9, "error": 13})

    def is_steady(self, label: str, run: RunKey) -> bool:
        """Tell whether a run belongs to a tick, and not to a fault."""
        return _OF_A_TICK.fullmatch(run.run_id.removeprefix(f"{label}-")) is not None

    def at(self, label: str, tick: int) -> Iterator[RunRequest]:
        """Give the runs of one tick."""
        yield RunRequest(ONE, f"{label}-{tick}", {"seconds": self.short_seconds})
        if tick % max(1, round(self.long_seconds / self.tick_seconds / 2)) == 0:
            yield RunRequest(ONE, f"{label}-{tick}-long", {"seconds": self.long_seconds})
        seconds = {CHAIN: self.chain_seconds, MAPPED: self.short_seconds, DEFERRED: self.deferred_seconds}
        for dag_id, wanted in seconds.items():
            if tick % self.every[dag_id] == self.every[dag_id] // 2:
                yield RunRequest(dag_id, f"{label}-{tick}", {"seconds": wanted})
        if tick % self.every["error"] == self.every["error"] // 2:
            yield RunRequest(ONE, f"{label}-{tick}-error", {"seconds": 0.1, "errors": IN_EVERY_TRY})


def drill_pipeline(queue: str) -> str:
    """Give the pipeline that a drill adds: one task, which runs as the conf of its run says."""
    return f"""\
# Added by 'airfleet drill', which removes it again.
dag_id: {DRILL}
schedule: null
start_date: 2026-01-01
max_active_runs: 1000
max_active_tasks: 1000
defaults: {{retries: 0, queue: "{queue}"}}
tasks:
  - {{id: work, uses: "airfleet.drill.journal:work_from_conf"}}
"""


#: ends the id of a run of a drill that takes some seconds
LONG = "-long"


@dataclass(frozen=True)
class DrillMix:
    """The load of a drill: a short task every tick, and often one that takes some seconds."""

    witness: str
    #: tasks that can run at the same time
    slots: int
    tick_seconds: float = 0.5

    def at(self, label: str, tick: int) -> Iterator[RunRequest]:
        """Give the runs of one tick."""
        yield RunRequest(DRILL, f"{label}-{tick}", {"witness": self.witness})
        # A single slot must have room for the short ones, too.
        seconds, every = (10.0, 20) if self.slots > 1 else (2.0, 10)
        if tick % every == 0:
            yield RunRequest(DRILL, f"{label}-{tick}{LONG}", {"witness": self.witness, "seconds": seconds})
