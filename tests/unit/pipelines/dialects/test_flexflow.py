"""Jobs of Flexflow become jobs of ours."""

from __future__ import annotations

import pytest

from airfleet.pipelines.dialects import flexflow
from airfleet.pipelines.reading import reader
from airfleet.yaml import nodes
from airfleet.yaml.nodes import Mapping
from airfleet.yaml.writing import write

JOBS = """\
jobs:
  - {name: ozone, schedule: '@daily', queue: queue_2, columns: [a, b]}
  - {name: wind, schedule: '@weekly', queue: queue_1}
"""


def test_each_job_is_a_dag_whose_functions_get_the_job() -> None:
    (document,), _ = nodes.load(JOBS, "jobs.yaml")
    assert isinstance(document, Mapping)
    ours = flexflow.document(document)
    reading = reader.read(write(ours), "jobs.yaml")
    assert reading.problems == ()
    ozone, wind = reading.pipelines
    assert (ozone.dag_id, ozone.schedule, wind.dag_id) == ("ozone_job", "@daily", "wind_job")
    assert [task.id for task in ozone.tasks] == ["start", "fetch", "clean", "sort", "chunk", "store", "end"]
    assert ozone.task("fetch").args["arg"]["columns"] == ("a", "b")  # type: ignore[index, call-overload]
    assert ozone.task("end").options["queue"] == "queue_2"


@pytest.mark.parametrize(
    "text",
    ["jobs: []\n", "jobs: [{name: a}]\n", "a: 1\n", "dag_id: x\njobs: [{name: a, schedule: b, queue: c}]\n", "- 1\n"],
)
def test_other_files_are_none(text: str) -> None:
    (document,), _ = nodes.load(text, "jobs.yaml")
    assert not flexflow.is_flexflow(document)
