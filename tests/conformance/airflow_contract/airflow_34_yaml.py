"""Airflow 3.4 and airfleet build the same Dags of a file in Airflow's own YAML format.

Named so that a run of all tests leaves it alone; the run against Airflow 3.4 names it by its path.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.importers import FilesystemDagDefinition  # type: ignore[import-not-found]
from airflow.sdk.importers.yaml_importer import YamlDagImporter  # type: ignore[import-not-found]
from airflow.serialization.serialized_objects import DagSerialization

from airfleet.pipelines.airflow.bundle import PipelineBundle
from airfleet.pipelines.airflow.import_common import dags_and_problems

FILES = Path(__file__).parent.parent / "airflow_yaml"
#: differs on purpose: places of files, documentation, and fields in which there is nothing to render
OF_THE_READER = frozenset(
    [
        *("_dag_hash", "fileloc", "relative_fileloc", "_processor_dags_folder", "doc_md", "ui_color"),
        *("template_fields", "template_ext", "template_fields_renderers", "_task_module", "task_module", "task_type"),
        *("_operator_name", "op_args", "op_kwargs", "bundle_name"),
    ]
)


@pytest.mark.parametrize("name", sorted(file.stem for file in FILES.iterdir()))
def test_both_build_the_same(name: str) -> None:
    file = FILES / f"{name}.yaml"
    bundle = PipelineBundle(name="contract", path=str(FILES))
    theirs = YamlDagImporter().import_definition(FilesystemDagDefinition(path=file), bundle)
    assert theirs.errors == []
    ours, problems = dags_and_problems(file)
    assert [str(problem) for problem in problems] == []
    assert [stored(dag) for dag in ours] == [stored(dag) for dag in theirs.dags]


def stored(dag: DAG) -> Any:
    return _compared(DagSerialization.to_dict(dag)["dag"])


def _compared(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _compared(item) for key, item in sorted(value.items()) if key not in OF_THE_READER}
    if isinstance(value, list):
        items = [_compared(item) for item in value]
        return sorted(items, key=repr) if all(isinstance(item, (str, dict)) for item in items) else items
    return value
