"""Many small pipeline files are parsed by few processes, and Airflow knows the same as when each has its own."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from support import files_together
from support.beside_airflow import told_by

BUNDLE = "airfleet.pipelines.airflow.bundle.PipelineBundle"


def found(folder: Path, together: str) -> dict[str, Any]:
    bundle = {"name": "pipelines", "classpath": BUNDLE, "kwargs": {"path": str(folder / "pipelines")}}
    told: dict[str, Any] = told_by(
        "support.files_together", "", folder,
        TOGETHER=together,
        AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=json.dumps([bundle]),
        AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT=str(files_together.TIMEOUT),
        AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES="2",
        AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY=str(folder / "logs"),
    )  # fmt: skip
    return told


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Parse them in both ways at once, for most of the time is that of a file which hangs."""
    folders = [tmp_path_factory.mktemp(name) for name in ("together", "alone")]
    with ThreadPoolExecutor() as pool:
        return list(pool.map(found, folders, ("yes", "no")))


@pytest.fixture
def together(both: list[dict[str, Any]]) -> dict[str, Any]:
    return both[0]


@pytest.fixture
def alone(both: list[dict[str, Any]]) -> dict[str, Any]:
    return both[1]


@pytest.mark.parametrize("table", ["dags", "stored"])
def test_airflow_knows_the_same_dags_as_when_each_file_has_its_own_process(
    table: str, together: dict[str, Any], alone: dict[str, Any]
) -> None:
    ours, theirs = ({name: row for name, row in one[table].items() if name != "twice"} for one in (together, alone))
    assert len(theirs) == len(files_together.files()) - len(files_together.WRONG) - 2
    assert ours == theirs


def test_a_file_that_is_wrong_dies_or_hangs_has_its_import_error_and_is_in_nobodys_way(
    together: dict[str, Any], alone: dict[str, Any]
) -> None:
    ours, theirs = (
        {name: one["errors"].get(f"{name}.yaml") for name in files_together.WRONG} for one in (together, alone)
    )
    assert None not in theirs.values()
    assert ours == theirs


def test_of_two_files_with_one_dag_the_other_has_an_import_error(together: dict[str, Any]) -> None:
    owner = together["dags"]["twice"]["relative_fileloc"]
    other = {"twice_1.yaml": "twice_2.yaml", "twice_2.yaml": "twice_1.yaml"}[owner]
    assert together["errors"][other] == f"{other}:1:1: dag_id: Dag 'twice' is already defined in {owner} [AF018]"


def test_few_processes_parse_most_files(together: dict[str, Any], alone: dict[str, Any]) -> None:
    assert alone["batches"] == []
    good = {name for batch in together["batches"] for name in batch if name.startswith("good")}
    assert len(good) > 0.8 * files_together.GOOD
    assert together["processes"] + len(together["batches"]) < 0.75 * alone["processes"]
