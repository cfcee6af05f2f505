"""The importer as Airflow 3.4 wants it (:mod:`airflow.sdk.importers`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from airflow.sdk.importers import (  # type: ignore[import-not-found]
    AbstractDagImporter,
    DagDefinition,
    DagImportError,
    DagImportResult,
    DagSourceCode,
    FilesystemDagDefinition,
    find_file_dag_definitions,
    get_file_suffix,
    get_importer_registry,
)

from airfleet.pipelines.airflow.import_common import import_pipelines
from airfleet.pipelines.files import listing
from airfleet.pipelines.files.project_files import SUFFIXES


class YamlDagImporter34(AbstractDagImporter):  # type: ignore[misc]
    """Pipeline files become Dags; everything wrong in one file becomes one import error."""

    def __init__(self) -> None:
        self.supported_extensions = list(SUFFIXES)

    def can_handle(self, definition: DagDefinition | str | Path) -> bool:
        """Tell whether this is a file with the ending of a pipeline."""
        return get_file_suffix(definition) in SUFFIXES

    def list_dag_definitions(self, bundle: Any, *, safe_mode: bool = True) -> Iterator[DagDefinition]:
        """Yield every pipeline file of the bundle that no ``.airflowignore`` names."""
        root = Path(bundle.path)
        found = {Path(item.path): item for item in find_file_dag_definitions(root, SUFFIXES)}
        counting = (root,) if root.is_file() else listing.of(root).pipelines
        yield from (found[path] for path in counting if path in found)

    def import_definition(self, definition: FilesystemDagDefinition, bundle: Any) -> DagImportResult:
        """Read one file. Never raises."""
        root = Path(bundle.path)
        imported = import_pipelines(definition.path, root)
        result = DagImportResult(definition=definition, dags=list(imported.dags))
        if imported.message is not None:
            where = definition.get_relative_loc(root)
            result.errors.append(DagImportError(where, imported.message, error_type="pipeline"))
        return result

    def get_source_code(self, definition: DagDefinition, dag_id: str | None = None) -> DagSourceCode:
        """Return the YAML, for the Code tab."""
        return DagSourceCode(source_code=definition.read_text(encoding="utf-8"), language="yaml")


def search_rules() -> listing.Rules:
    """Say how this Airflow looks for files."""
    return listing.Rules()


find_files = None


def register(bundle: str | None) -> None:
    """Make Airflow read pipelines, in one bundle or where none is named."""
    known = registry(bundle)
    if not isinstance(known.get_importer("pipeline.yaml"), YamlDagImporter34):
        known.register(YamlDagImporter34())


def registry(bundle: str | None) -> Any:
    """Return the importers of one bundle, or those used where no bundle is named."""
    return get_importer_registry(bundle)
