"""Names are followed through modules without importing any of them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from airfleet.pipelines.analysis import catalog, modules
from airfleet.pipelines.analysis.modules import UNKNOWN, Definition, MissingDefinition

FILES = {
    "pkg/__init__.py": "from .steps import fetch as exported\nfrom .steps import *\n",
    "pkg/steps.py": "def fetch(): ...\nalias = fetch\ncall = fetch()\ndef _hidden(): ...\n",
    "pkg/guarded.py": "try:\n    from nowhere import fetch\nexcept ImportError:\n    from .steps import fetch\n",
    "pkg/typed.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .steps import fetch\n",
    "pkg/lazy.py": "def __getattr__(name): ...\n",
    "pkg/deep/__init__.py": "from ..steps import fetch\n",
    "pkg/circle_a.py": "from .circle_b import x\n",
    "pkg/circle_b.py": "from .circle_a import x\n",
    "pkg/gone.py": "from not_installed import x\n",
    "pkg/broken.py": "def (:\n",
    "namespace/inner.py": "def f(): ...\n",
}


@pytest.fixture
def roots(tmp_path: Path) -> tuple[str, ...]:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return (str(tmp_path),)


@pytest.mark.parametrize(
    ("module", "name", "defined_in"),
    [
        ("pkg.steps", "fetch", "pkg.steps"),
        ("pkg.steps", "alias", "pkg.steps"),
        ("pkg", "exported", "pkg.steps"),
        ("pkg", "fetch", "pkg.steps"),
        ("pkg.guarded", "fetch", "pkg.steps"),
        ("pkg.typed", "fetch", "pkg.steps"),
        ("pkg.deep", "fetch", "pkg.steps"),
        ("namespace.inner", "f", "namespace.inner"),
        ("json", "dumps", "json"),
    ],
)
def test_a_name_is_found_where_it_is_defined(module: str, name: str, defined_in: str, roots: tuple[str, ...]) -> None:
    found = modules.find(module, name, roots)
    assert isinstance(found, Definition)
    assert (found.module, isinstance(found.node, ast.FunctionDef)) == (defined_in, True)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("pkg.steps", "call"),
        ("pkg.lazy", "anything"),
        ("pkg.circle_a", "x"),
        ("pkg.gone", "x"),
        ("pkg", "steps"),
        ("namespace", "f"),
        ("math", "sqrt"),
        ("sys", "exit"),
        ("yaml._yaml", "CParser"),
        ("airflow.operators.bash", "BashOperator"),
    ],
)
def test_what_reading_cannot_tell_is_unknown(module: str, name: str, roots: tuple[str, ...]) -> None:
    assert modules.find(module, name, roots) is UNKNOWN


@pytest.mark.parametrize(
    ("module", "name", "missing", "known"),
    [
        ("pkg.steps", "fecth", "fecth", "fetch"),
        ("pkg.stpes", "fetch", "", "pkg.steps"),
        ("pgk", "fetch", "", "pkg"),
    ],
)
def test_what_is_certainly_not_there_comes_with_what_is(
    module: str, name: str, missing: str, known: str, roots: tuple[str, ...]
) -> None:
    found = modules.find(module, name, roots)
    assert isinstance(found, MissingDefinition)
    assert (found.module, found.name, known in found.known) == (module, missing, True)


def test_short_names_come_from_what_is_installed() -> None:
    names = catalog.short_names()
    expected = {
        "bash": "operators.bash.BashOperator",
        "python": "operators.python.PythonOperator",
        "branch_python": "operators.python.BranchPythonOperator",
        "short_circuit": "operators.python.ShortCircuitOperator",
        "empty": "operators.empty.EmptyOperator",
        "latest_only": "operators.latest_only.LatestOnlyOperator",
        "trigger_dag_run": "operators.trigger_dagrun.TriggerDagRunOperator",
        "trigger_dagrun": "operators.trigger_dagrun.TriggerDagRunOperator",
        "file_sensor": "sensors.filesystem.FileSensor",
        "python_sensor": "sensors.python.PythonSensor",
        "date_time_sensor": "sensors.date_time.DateTimeSensor",
        "time_delta_sensor": "sensors.time_delta.TimeDeltaSensor",
        "external_task_sensor": "sensors.external_task.ExternalTaskSensor",
        "hitl_entry": "operators.hitl.HITLEntryOperator",
    }
    assert {name: names[name] for name in expected} == {
        name: f"airflow.providers.standard.{path}" for name, path in expected.items()
    }


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("common.sql.sql_execute_query", "airflow.providers.common.sql.operators.sql.SQLExecuteQueryOperator"),
        ("smtp.email", "airflow.providers.smtp.operators.smtp.EmailOperator"),
        ("my.Operator", "my.Operator"),
        ("nowhere.thing", None),
        ("thing", None),
        ("../x.y", None),
    ],
)
def test_short_names_of_other_providers(written: str, path: str | None) -> None:
    assert catalog.resolve(written) == path


@pytest.mark.parametrize(
    ("name", "snake"),
    [("BranchPython", "branch_python"), ("S3Key", "s3_key"), ("HITLEntry", "hitl_entry"), ("SQLCheck", "sql_check")],
)
def test_snake_case(name: str, snake: str) -> None:
    assert catalog.snake_case(name) == snake


def test_a_module_that_cannot_be_parsed_is_none(roots: tuple[str, ...]) -> None:
    assert modules.find("pkg.broken", "x", roots) == modules.MissingDefinition(
        "pkg.broken", broken="line 1: invalid syntax"
    )
