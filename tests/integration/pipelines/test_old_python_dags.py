"""A Dag in Python that Airflow cannot read: its import error says what to change, before Airflow's own words."""

from __future__ import annotations

from pathlib import Path

from airflow.dag_processing.dagbag import DagBag

from airfleet.pipelines.airflow.bundle import PipelineBundle
from airfleet.pipelines.upgrade import linter

EXAMPLE = Path(__file__).parents[3] / "examples" / "existing_dags"


def bag(folder: Path) -> DagBag:
    bundle = PipelineBundle(name="dags-folder", path=str(folder))
    return DagBag(bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)


def test_an_import_error_begins_with_what_check_says(tmp_path: Path) -> None:
    (tmp_path / "team").mkdir()
    old = tmp_path / "team" / "report_2019.py"
    old.write_text((EXAMPLE / "old" / "report_2019.py").read_text())
    (tmp_path / "good.py").write_text("from airflow.sdk import DAG\nwith DAG('good'):\n    pass\n")
    found = bag(tmp_path)
    assert set(found.dags) == {"good"}
    [(name, message)] = found.import_errors.items()
    assert name == "team/report_2019.py"
    said, _, airflows = message.partition("\n\n")
    assert said.replace("team/report_2019.py", str(old)) == "\n".join(
        problem.with_code() for problem in linter.check(old)
    )
    assert said.startswith("team/report_2019.py:6:49: 'airflow.contrib.sensors.file_sensor.FileSensor' is not there")
    assert "No module named 'airflow.contrib'" in airflows


def test_an_error_of_the_dag_s_own_is_left_as_airflow_says_it(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text("from airflow.sdk import DAG\nDAG('a')\n1 / 0\n")
    [message] = bag(tmp_path).import_errors.values()
    assert message.startswith("Traceback")
    assert "ZeroDivisionError" in message
