"""No Dag file stops the dag-processor: whatever is wrong with it is its import error."""

from __future__ import annotations

from typing import Any

import pytest

from support.bad_dag_files import BAD
from support.beside_airflow import told_by


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("bad-dag-files")
    told: dict[str, Any] = told_by(
        "support.bad_dag_files", "", folder,
        AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT="8",
        AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES="4",
        AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY=str(folder / "logs"),
        AIRFLOW__AIRFLEET__MAX_DAG_FILE_BYTES="1000000",
    )  # fmt: skip
    return told


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_with_a_file_is_its_import_error(name: str, found: dict[str, Any]) -> None:
    assert BAD[name][1] in found["errors"].get(f"{name}.py", "no import error")


def test_the_other_files_are_stored_whatever_they_print_or_leave_running(found: dict[str, Any]) -> None:
    assert {name for name, active in found["dags"].items() if active} >= {"good", "prints", "forks"}
    assert found["logs"]["prints.py.log"] < 40_000_000


def test_of_a_file_those_dags_are_stored_that_the_database_takes(found: dict[str, Any]) -> None:
    assert found["errors"]["some.py"] == "Dag 'some_bad' cannot be stored: integer out of range"
    assert "some_good" in found["dags"]
