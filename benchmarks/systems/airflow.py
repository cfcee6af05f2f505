"""What airfleet and Airflow alone have in common: the REST API to start runs, the database to see how they ended.

*Slot* figures come from the worker's log, where Celery writes how long its pool was busy with each task and when it had
heard the end of it, beside the task's own start and end in Airflow's database.
"""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import measuring
import psycopg
from dag_files import dag_ids
from figures import Run, Slot
from witness import Ledger, NotDone, require_each_once
from workloads import Workload

from airfleet.client.api_client import Api
from airfleet.drill.waiting import wait_until
from systems import About

#: longest that one run of a workload may take: this, and so much for each task
PATIENCE_SECONDS, TASK_SECONDS = 120.0, 3.0
#: longest that a slot is waited for after the last task has ended; a stall takes 5 s
SLOT_SECONDS = 12.0
_SUCCEEDED = re.compile(r"^(\S+Z) .*\[([0-9a-f-]{36})\] succeeded in ([0-9.e-]+)s", re.MULTILINE)
_INSTANCES = """
SELECT external_executor_id, extract(epoch FROM start_date)::float8, extract(epoch FROM end_date)::float8, state
FROM task_instance WHERE run_id LIKE %s"""


class AirflowSystem:
    """Workloads on an Airflow that a subclass starts."""

    about: About

    def __init__(self, folder: Path, slots: int) -> None:
        self.folder = folder
        self.slots = slots
        self.ledger = Ledger(folder / "ledger")

    def offers(self, workload: Workload) -> str:
        """Everything."""
        return ""

    def run(self, workload: Workload, label: str) -> Run:
        """Start every run of the workload at once, wait for the end, and see that all is done."""
        self.ledger.skip()
        log_at = self.worker_log().stat().st_size
        before = measuring.cpu_seconds(self.pids())
        asked = self._trigger(workload, label)
        ended = self._wait(workload, label)
        used = measuring.cpu_seconds(self.pids()) - before
        instances = self._instances(workload, label)
        executions = self.ledger.executions()
        require_each_once(workload, executions)
        slots = self._slots(instances, log_at)
        return Run(min(asked.values()), ended, asked, executions, used, slots)

    # --- of a subclass ----------------------------------------------------------------------------

    def start(self, workloads: Sequence[Workload]) -> None:
        """Begin, until it is healthy and knows these workloads."""
        raise NotImplementedError

    def stop(self) -> None:
        """End every process."""
        raise NotImplementedError

    def pids(self) -> Sequence[int]:
        """Every process of the system."""
        raise NotImplementedError

    def database_url(self) -> str:
        """The metadata database."""
        raise NotImplementedError

    def worker_log(self) -> Path:
        """Where Celery writes."""
        raise NotImplementedError

    def worker(self) -> int:
        """The pid of the worker, which is the parent of all its processes."""
        raise NotImplementedError

    def scheduler(self) -> int:
        """The pid of the scheduler."""
        raise NotImplementedError

    def api(self) -> Api:
        """The REST API."""
        raise NotImplementedError

    # --- for a subclass --------------------------------------------------------------------------

    def await_dags(self, workloads: Iterable[Workload], seconds: float) -> None:
        """Wait until Airflow can run every Dag, and unpause them."""
        wanted = {dag_id for workload in workloads for dag_id in dag_ids(workload)}
        wait_until(lambda: wanted <= self._known(), seconds, f"{len(wanted)} Dags are known", pause_seconds=0.5)
        for dag_id in sorted(wanted):
            self.api().patch("dags", dag_id, body={"is_paused": False}, update_mask="is_paused")

    # --- one run ---------------------------------------------------------------------------------

    def _trigger(self, workload: Workload, label: str) -> Mapping[str, float]:
        asked = {}
        for number in range(workload.runs):
            for dag_id in dag_ids(workload):
                run_id = f"{label}-{number}"
                asked[f"{dag_id}/{run_id}"] = time.time()
                self.api().post("dags", dag_id, "dagRuns", body={"logical_date": None, "dag_run_id": run_id})
        return asked

    def _wait(self, workload: Workload, label: str) -> float:
        """When the last run ended, as Airflow writes it down."""
        seconds = PATIENCE_SECONDS + TASK_SECONDS * workload.tasks
        question = "SELECT count(*) FROM dag_run WHERE run_id LIKE %s AND state IN ('queued', 'running')"
        with psycopg.connect(self.database_url(), autocommit=True) as db:

            def done() -> bool:
                return not _only(db.execute(question, (f"{label}-%",)))

            wait_until(done, seconds, f"{workload.name} has ended", pause_seconds=0.1)
            last = "SELECT extract(epoch FROM max(end_date))::float8 FROM dag_run WHERE run_id LIKE %s"
            return float(_only(db.execute(last, (f"{label}-%",))))

    def _instances(self, workload: Workload, label: str) -> Mapping[str, tuple[float, float]]:
        """Celery's name of each task -> its start and end. Raises NotDone unless all succeeded."""
        with psycopg.connect(self.database_url()) as db:
            rows = db.execute(_INSTANCES, (f"{label}-%",)).fetchall()
        good = {str(name): (began, ended) for name, began, ended, state in rows if state == "success"}
        if len(rows) != workload.tasks or len(good) != len(rows):
            raise NotDone(f"{workload.name}: {len(good)} of {workload.tasks} tasks succeeded, of {len(rows)} there are")
        return good

    def _slots(self, instances: Mapping[str, tuple[float, float]], log_at: int) -> tuple[Slot, ...]:
        """How long each task held its slot; nothing when the worker does not say so of each."""
        deadline = time.monotonic() + SLOT_SECONDS
        while len(found := self._released(instances, log_at)) < len(instances):
            if time.monotonic() > deadline:
                print(f"   the worker told of {len(found)} of {len(instances)} slots", flush=True)
                return ()
            time.sleep(0.2)
        return tuple(found)

    def _released(self, instances: Mapping[str, tuple[float, float]], log_at: int) -> list[Slot]:
        with self.worker_log().open("rb") as log:
            log.seek(log_at)
            text = log.read().decode(errors="replace")
        return slots_in(text, instances)

    def _known(self) -> set[str]:
        with psycopg.connect(self.database_url()) as db:
            rows = db.execute("SELECT d.dag_id FROM dag d JOIN serialized_dag s ON s.dag_id = d.dag_id").fetchall()
        return {str(row[0]) for row in rows}


def slots_in(log: str, instances: Mapping[str, tuple[float, float]]) -> list[Slot]:
    """What a worker's log tells of these tasks' slots."""
    found = []
    for written, name, seconds in _SUCCEEDED.findall(log):
        if name in instances:
            began, ended = instances[name]
            free = dt.datetime.fromisoformat(written).timestamp()
            found.append(Slot(float(seconds), ended - began, free - ended))
    return found


def airflow_version() -> str:
    """Airflow and what its Celery executor comes from."""
    provider = importlib.metadata.version("apache-airflow-providers-celery")
    return f"{importlib.metadata.version('apache-airflow')}, Celery provider {provider}"


def _only(answer: Any) -> Any:
    return answer.fetchone()[0]
