"""Short names stand for the operators of all installed providers; nothing is imported to know them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from airfleet.pipelines.analysis import short_names, well_known
from airfleet.pipelines.analysis.short_names import ShortName
from support.played_providers import installed

STANDARD = "airflow.providers.standard."
RIVAL = "airflow.providers.family.rival.operators.things.LaunchOperator"


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("bash", STANDARD + "operators.bash.BashOperator"),
        ("standard.bash", STANDARD + "operators.bash.BashOperator"),
        ("branch_python", STANDARD + "operators.python.BranchPythonOperator"),
        ("trigger_dag_run", STANDARD + "operators.trigger_dagrun.TriggerDagRunOperator"),
        ("trigger_dagrun", STANDARD + "operators.trigger_dagrun.TriggerDagRunOperator"),
        ("file_sensor", STANDARD + "sensors.filesystem.FileSensor"),
        ("hitl_entry", STANDARD + "operators.hitl.HITLEntryOperator"),
        ("http", "airflow.providers.http.operators.http.HttpOperator"),
        ("http.http", "airflow.providers.http.operators.http.HttpOperator"),
        ("sql_execute_query", "airflow.providers.common.sql.operators.sql.SQLExecuteQueryOperator"),
        ("common.sql.sql_execute_query", "airflow.providers.common.sql.operators.sql.SQLExecuteQueryOperator"),
        ("generic_transfer", "airflow.providers.common.sql.operators.generic_transfer.GenericTransfer"),
        ("s3_key_sensor", "airflow.providers.amazon.aws.sensors.s3.S3KeySensor"),
        ("smtp.email", "airflow.providers.smtp.operators.smtp.EmailOperator"),
        ("shop.steps.LoadOperator", "shop.steps.LoadOperator"),
        ("shop._Hidden", "shop._Hidden"),
        ("bsah", None),
        ("nowhere.bash", None),
        ("../etc.bash", None),
        ("", None),
        (".", None),
    ],
)
def test_a_short_name_stands_for_the_path_of_an_installed_operator(written: str, path: str | None) -> None:
    assert short_names.resolve(written) == path


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("BranchPython", "branch_python"),
        ("S3Key", "s3_key"),
        ("HITLEntry", "hitl_entry"),
        ("SQLCheck", "sql_check"),
        ("Bash", "bash"),
    ],
)
def test_short_names_are_classes_in_snake_case(name: str, snake: str) -> None:
    assert short_names.snake_case(name) == snake


def test_all_names_are_listed_with_their_classes_and_providers() -> None:
    found = short_names.all_names()
    assert ShortName("http", "airflow.providers.http.operators.http.HttpOperator", "http") in found
    assert found[0].provider == "standard"
    assert {"bash", "http", "sql_execute_query"} <= short_names.unprefixed()
    assert {short.path for short in found} >= {short_names.resolve(name) for name in short_names.unprefixed()}


@pytest.mark.parametrize(
    ("class_name", "names"),
    [
        ("BashOperator", ("bash",)),
        ("TriggerDagRunOperator", ("trigger_dagrun",)),
        ("SqlSensor", ("sql_sensor",)),
        ("NoSuchOperator", ()),
    ],
)
def test_a_class_has_its_short_name(class_name: str, names: tuple[str, ...]) -> None:
    assert short_names.of_class(class_name) == names


SOURCE = """
class LaunchOperator(BaseOperator): ...
class BashOperator(BaseOperator): ...
class Helper: ...
class BaseThingOperator(BaseOperator): ...
"""


@pytest.fixture
def two_more(tmp_path: Path) -> Iterator[None]:
    """Install two providers that have an operator of one name, and one of standard's."""
    with installed(tmp_path, {"acme": SOURCE, "family.rival": SOURCE}):
        yield


@pytest.mark.usefixtures("two_more")
def test_a_name_of_several_providers_needs_one_in_front_unless_standard_has_it() -> None:
    assert {"acme", "family.rival"} <= set(short_names.providers())
    assert [short.whole for short in short_names.named("launch")] == ["acme.launch", "family.rival.launch"]
    assert short_names.resolve("launch") is None
    assert short_names.resolve("family.rival.launch") == RIVAL
    assert short_names.resolve("bash") == STANDARD + "operators.bash.BashOperator"
    assert short_names.resolve("acme.bash") == "airflow.providers.acme.operators.things.BashOperator"
    assert short_names.of_class("LaunchOperator") == ("acme.launch", "family.rival.launch")
    assert "launch" not in short_names.unprefixed()


def test_operators_of_missing_providers_are_known_by_class_and_short_name() -> None:
    assert well_known.providers_of("DockerOperator") == ("docker",)
    assert well_known.providers_of("docker") == ("docker",)
    assert well_known.providers_of("bsah") == ()
