"""The throw-away home of a local run."""

from __future__ import annotations

from pathlib import Path

from airfleet.pipelines.local import home


def test_a_local_run_has_the_time_zone_of_the_fleet_and_no_other_setting_of_the_caller() -> None:
    outside = {
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": "Europe/Berlin",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW_HOME": "/srv/airflow",
        "PATH": "/bin",
    }
    inside = home.environment(Path("/srv/run"), "d", outside)
    assert {name: value for name, value in inside.items() if name in outside} == {
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": "Europe/Berlin",
        "AIRFLOW_HOME": "/srv/run",
        "PATH": "/bin",
    }


def test_the_logs_of_the_longest_id_have_a_folder(tmp_path: Path) -> None:
    for dag_id in ("x" * 248, "é" * 124):
        assert home.log_folder({"XDG_CACHE_HOME": str(tmp_path)}, dag_id).is_dir()
