"""What we use of Airflow 3.4.

Named so that a run of all tests leaves it alone; the run against Airflow 3.4 names it by its path.
"""

from __future__ import annotations

import inspect
from pathlib import Path

from airflow.sdk.importers import (  # type: ignore[import-not-found]
    AbstractDagImporter,
    DagImportError,
    DagImportResult,
    FilesystemDagDefinition,
    get_importer_registry,
)

from airfleet.pipelines.airflow.bundle import PipelineBundle
from airfleet.pipelines.airflow.importer import YamlDagImporter


def test_an_importer_has_these_methods() -> None:
    assert AbstractDagImporter.__abstractmethods__ == {
        "can_handle",
        "list_dag_definitions",
        "import_definition",
        "get_source_code",
    }
    assert list(inspect.signature(AbstractDagImporter.import_definition).parameters) == ["self", "definition", "bundle"]


def test_an_import_error_says_where_and_what() -> None:
    error = DagImportError("a.yaml", "sentence", error_type="pipeline")
    assert (error.source_reference, error.message, error.stacktrace) == ("a.yaml", "sentence", None)


def test_a_bundle_registers_its_importer_once(tmp_path: Path) -> None:
    PipelineBundle(name="contract", path=str(tmp_path))
    before = get_importer_registry("contract").get_importer("a.yaml")
    PipelineBundle(name="contract", path=str(tmp_path))
    assert isinstance(before, YamlDagImporter)
    assert get_importer_registry("contract").get_importer("a.yml") is before


def test_the_code_tab_shows_the_yaml(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("dag_id: p\ntasks: [{id: a}]\n")
    bundle = PipelineBundle(name="contract", path=str(tmp_path))
    [definition] = YamlDagImporter().list_dag_definitions(bundle)
    assert definition == FilesystemDagDefinition(path=file)
    result = YamlDagImporter().import_definition(definition, bundle)
    assert isinstance(result, DagImportResult)
    assert [dag.dag_id for dag in result.dags] == ["p"]
    source = YamlDagImporter().get_source_code(definition)
    assert (source.source_code, source.language) == (file.read_text(), "yaml")
