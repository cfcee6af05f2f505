"""A pipeline without a time zone is scheduled as the same Dag in Python is, in Airflow's default time zone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

#: name of the Dag -> what a pipeline, and a Dag in Python, say of when it runs
WHEN = {
    "with_start": ('schedule: "0 6 * * *"\nstart_date: 2026-01-01', 'schedule="0 6 * * *", start_date=D(2026, 1, 1)'),
    "with_time": (
        'schedule: "30 2 * * *"\nstart_date: 2026-01-01T12:30:00',
        'schedule="30 2 * * *", start_date=D(2026, 1, 1, 12, 30)',
    ),
    "in_the_gap": (
        'schedule: "@hourly"\nstart_date: 2026-03-29T02:30:00\nend_date: 2026-10-25T02:30:00',
        'schedule="@hourly", start_date=D(2026, 3, 29, 2, 30), end_date=D(2026, 10, 25, 2, 30)',
    ),
    "without_start": ('schedule: "0 6 * * *"', 'schedule="0 6 * * *"'),
    "with_offset": (
        'schedule: "0 6 * * *"\nstart_date: 2026-01-01T00:00:00+01:00',
        'schedule="0 6 * * *", start_date=datetime.fromisoformat("2026-01-01T00:00:00+01:00")',
    ),
    "by_default": (
        'schedule: "0 6 * * *"\ndefaults: {start_date: 2026-02-01}',
        'schedule="0 6 * * *", default_args={"start_date": D(2026, 2, 1)}',
    ),
}

#: prints, for each Dag of a folder, its dates and the runs that come after each change of clocks
PRINTS = """
import json, sys, pendulum
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import DataInterval, TimeRestriction
from airfleet.pipelines.airflow.bundle import PipelineBundle
bundle = PipelineBundle(name="b", path=sys.argv[1])
bag = DagBag(bundle.path, bundle_path=bundle.path, bundle_name="b")
assert not bag.import_errors, bag.import_errors
found = {}
for name, dag in bag.dags.items():
    dag = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    runs = []
    for day in ("2026-03-27", "2026-10-23"):
        moment = pendulum.parse(day)
        for _ in range(5):
            after = DataInterval(moment, moment)
            info = dag.timetable.next_dagrun_info(
                last_automated_data_interval=after, restriction=TimeRestriction(moment, None, True))
            moment = info.data_interval.end
            runs.append(info.run_after.in_timezone("UTC").isoformat())
    task = dag.task_dict["a"]
    found[name] = [str(dag.start_date), str(dag.end_date), str(task.start_date), dag.timezone.name, runs]
print("FOUND" + json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What Airflow makes of each Dag where its default time zone is Berlin's."""
    folder = tmp_path_factory.mktemp("zone")
    (folder / "pipelines").mkdir()
    documents, lines = [], ["from datetime import datetime", "from airflow.sdk import DAG"]
    lines += ["from airflow.providers.standard.operators.empty import EmptyOperator", "D = datetime"]
    for name, (yaml, python) in WHEN.items():
        documents.append(f"dag_id: yaml_{name}\n{yaml}\ntasks: [{{id: a}}]\n")
        lines += [f"with DAG('python_{name}', {python}):", "    EmptyOperator(task_id='a')"]
    (folder / "pipelines" / "p.yaml").write_text("---\n".join(documents))
    (folder / "pipelines" / "p.py").write_text("\n".join(lines) + "\n")
    said = subprocess.run(
        [sys.executable, "-c", PRINTS, str(folder / "pipelines")],
        env={**os.environ, "AIRFLOW__CORE__DEFAULT_TIMEZONE": "Europe/Berlin", "AIRFLOW_HOME": str(folder)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    result: dict[str, list[Any]] = json.loads(said.stdout.partition("FOUND")[2])
    return result


@pytest.mark.parametrize("name", WHEN)
def test_a_pipeline_runs_when_the_same_dag_in_python_runs(found: dict[str, list[Any]], name: str) -> None:
    assert found[f"yaml_{name}"] == found[f"python_{name}"]


def test_six_o_clock_is_six_o_clock_there_in_summer_and_in_winter(found: dict[str, list[Any]]) -> None:
    start, _, _, zone, runs = found["yaml_with_start"]
    assert (start, zone) == ("2025-12-31 23:00:00+00:00", "Europe/Berlin")
    assert [run[5:16] for run in runs] == [
        "03-27T05:00", "03-28T05:00", "03-29T04:00", "03-30T04:00", "03-31T04:00",
        "10-23T04:00", "10-24T04:00", "10-25T05:00", "10-26T05:00", "10-27T05:00",
    ]  # fmt: skip
