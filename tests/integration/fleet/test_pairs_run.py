"""Every pair of ``tests/conformance/pairs`` runs on one fleet: pipeline and Dag in Python end alike, task by task."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.testing.fleet import FleetUnderTest
from support import pairs_project
from support.pairs_project import PYTHON, YAML

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]

#: pairs that no fleet of a test can run -> why
NOT_RUN = {
    "isolation": "installs packages from an index, and has a Python in /opt; test_functions_run has other Pythons",
    "providers": "asks an HTTP server, a database and S3",
}
RUN = [pair for pair in pairs_project.names() if pair not in NOT_RUN]
#: on their own, the Dags make no runs
FLEET = """\
name: pairs
workers: [{name: worker, slots: 4, queues: [default, q1, q2, q3, shops]}]
pools: {shared: 4, shop: 4, slow: 4}
variables: {patience: "3600"}
airflow: {scheduler: {use_job_schedule: "False"}}
"""
#: what the sensors of the pairs wait for
OTHERS = """\
dag_id: orders
tasks: [{id: load}]
---
dag_id: x
tasks: [{id: load}]
"""
RUN_ID = "asked"
DATE = "2026-10-05T06:00:00Z"
#: a sensor waits for a run so long before its own
OTHERS_DATES = {"orders": "2026-10-05T05:00:00Z", "x": "2026-10-04T06:00:00Z"}
#: what a person chooses, and enters
ANSWERS = {"approve": (["Approve"], {}), "amount": (["OK"], {"amount": 3}), "way": (["rail"], {})}
SECONDS = 150.0


@dataclass(frozen=True)
class Ended:
    """How a run ended: its state, and the state and outputs of each task by id and map index."""

    state: str
    tasks: dict[tuple[str, int], str]
    outputs: dict[tuple[str, int, str], Any] = field(repr=False)


@pytest.fixture(scope="module")
def fleet() -> Iterator[FleetUnderTest]:
    with FleetUnderTest.make(FLEET, {"pipelines/others.yaml": OTHERS}) as made:
        for pair in RUN:
            for path, text in pairs_project.files(pair).items():
                made.write(path, text)
        made.start()
        yield made


@pytest.fixture(scope="module")
def dag_ids(fleet: FleetUnderTest) -> list[str]:
    """The Dags of all pairs, as Airflow knows them."""
    wait_until(lambda: complete(known(fleet)) or refused(fleet), SECONDS, "both Dags of each pair are known", 0.5)
    assert refused(fleet) == []
    return known(fleet)


@pytest.fixture(scope="module")
def ended(fleet: FleetUnderTest, dag_ids: list[str]) -> dict[str, Ended]:
    """One run of each Dag, and how it ended."""
    fleet.api.patch("dags", body={"is_paused": False}, dag_id_pattern="%")
    begin(fleet, OTHERS_DATES)
    begin(fleet, dict.fromkeys(dag_ids, DATE))
    with contextlib.suppress(AssertionError):  # the tests say which one has not ended
        wait_until(lambda: all_ended(fleet, dag_ids), SECONDS, "the runs have ended", 0.5)
    return read(fleet, dag_ids)


@pytest.mark.parametrize("pair", RUN)
def test_a_pipeline_ends_as_its_dag_in_python_does(pair: str, ended: dict[str, Ended]) -> None:
    of_yaml, of_python = (of(pair, language, ended) for language in (YAML, PYTHON))
    assert {dag_id: run.state for dag_id, run in of_yaml.items()} == dict.fromkeys(of_python, "success")
    assert {state for run in of_yaml.values() for state in run.tasks.values()} <= {"success", "skipped"}
    assert {dag_id: run.tasks for dag_id, run in of_yaml.items()} == {
        dag_id: run.tasks for dag_id, run in of_python.items()
    }
    assert {dag_id: run.outputs for dag_id, run in of_yaml.items()} == {
        dag_id: run.outputs for dag_id, run in of_python.items()
    }


def test_check_finds_nothing_wrong_with_them(fleet: FleetUnderTest) -> None:
    told = fleet.airfleet("check", *(f"pipelines/{pair}/pipeline.yaml" for pair in RUN))
    assert told.returncode == 0, told.stdout


def test_pairs_that_are_left_out_are_there() -> None:
    assert set(NOT_RUN) <= set(pairs_project.names())


def known(fleet: FleetUnderTest) -> list[str]:
    """The Dags of pairs that Airflow knows."""
    found = [dag["dag_id"] for dag in fleet.api.every("dags", "dags")]
    return sorted(dag_id for dag_id in found if dag_id.startswith((f"{YAML}_", f"{PYTHON}_")))


def refused(fleet: FleetUnderTest) -> list[str]:
    """The problems of files that make no Dag."""
    return [error["stack_trace"] for error in fleet.api.every("import_errors", "importErrors")]


def complete(dag_ids: list[str]) -> bool:
    """Whether each pair has Dags, the same ones in both languages."""
    found = [[names(pair, language, dag_ids) for language in (YAML, PYTHON)] for pair in RUN]
    return all(of_yaml and of_yaml == of_python for of_yaml, of_python in found)


def names(pair: str, language: str, dag_ids: list[str]) -> list[str]:
    """The ids of a pair's Dags, as its files say them."""
    prefix = pairs_project.prefix(pair, language)
    return [dag_id.removeprefix(prefix) for dag_id in dag_ids if dag_id.startswith(prefix)]


def of(pair: str, language: str, ended: Mapping[str, Ended]) -> dict[str, Ended]:
    """The runs of a pair's Dags, by the ids that its files say."""
    prefix = pairs_project.prefix(pair, language)
    return {dag_id.removeprefix(prefix): run for dag_id, run in ended.items() if dag_id.startswith(prefix)}


def begin(fleet: FleetUnderTest, dates: Mapping[str, str]) -> None:
    """Start a run of each Dag."""
    for dag_id, date in dates.items():
        fleet.wait_for_dag(dag_id)
        fleet.api.post("dags", dag_id, "dagRuns", body={"logical_date": date, "dag_run_id": RUN_ID})


def all_ended(fleet: FleetUnderTest, dag_ids: list[str]) -> bool:
    """Whether no run goes on any more; who is asked meanwhile answers."""
    answer(fleet)
    runs = fleet.api.every("dag_runs", "dags", "~", "dagRuns")
    return all(run["state"] in ("success", "failed") for run in runs if run["dag_id"] in dag_ids)


def answer(fleet: FleetUnderTest) -> None:
    """Answer every question that is open, as a person does in the UI."""
    waiting = fleet.api.every("task_instances", "dags", "~", "dagRuns", "~", "taskInstances", state="awaiting_input")
    for task in waiting:
        chosen, entered = ANSWERS[task["task_id"]]
        where = ("dags", task["dag_id"], "dagRuns", task["dag_run_id"], "taskInstances", task["task_id"], "-1")
        fleet.api.patch(*where, "hitlDetails", body={"chosen_options": chosen, "params_input": entered})


def read(fleet: FleetUnderTest, dag_ids: list[str]) -> dict[str, Ended]:
    """How the run of each Dag ended."""
    every = ("dags", "~", "dagRuns", "~", "taskInstances")
    runs = {run["dag_id"]: run["state"] for run in fleet.api.every("dag_runs", *every[:3]) if run["dag_id"] in dag_ids}
    found = {dag_id: Ended(state, {}, {}) for dag_id, state in runs.items()}
    for task in fleet.api.every("task_instances", *every):
        if task["dag_id"] in found:
            found[task["dag_id"]].tasks[task["task_id"], task["map_index"]] = task["state"]
    for one in fleet.api.every("xcom_entries", *every, "~", "xcomEntries"):
        if one["dag_id"] in found:
            found[one["dag_id"]].outputs[one["task_id"], one["map_index"], one["key"]] = output(fleet, one)
    return found


def output(fleet: FleetUnderTest, entry: Mapping[str, Any]) -> Any:
    """The value of an output, without what no two runs have in common."""
    where = ("dags", entry["dag_id"], "dagRuns", RUN_ID, "taskInstances", entry["task_id"])
    value = fleet.api.get(*where, "xcomEntries", entry["key"], map_index=entry["map_index"], deserialize=False)["value"]
    return {key: one for key, one in value.items() if key != "responded_at"} if isinstance(value, dict) else value
