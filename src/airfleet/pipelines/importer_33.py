"""The importer as Airflow 3.3 wants it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from airflow._shared.module_loading.file_discovery import find_path_from_directory
from airflow.configuration import conf
from airflow.dag_processing.importers import (
    AbstractDagImporter,
    DagImporterRegistry,
    DagImportError,
    DagImportResult,
    get_importer_registry,
)

from airfleet.pipelines.files import SUFFIXES
from airfleet.pipelines.importing import import_pipelines, listed, relative_to


class YamlDagImporter(AbstractDagImporter):
    """Pipeline files become Dags; everything wrong in one file becomes one import error."""

    @classmethod
    def supported_extensions(cls) -> list[str]:
        """The endings of pipeline files."""
        return list(SUFFIXES)

    def import_file(
        self,
        file_path: str | Path,
        *,
        bundle_path: Path | None = None,
        bundle_name: str | None = None,
        safe_mode: bool = True,
    ) -> DagImportResult:
        """Read one file. Never raises."""
        file = Path(file_path)
        imported = import_pipelines(file, bundle_path)
        result = DagImportResult(file_path=relative_to(file, bundle_path), dags=list(imported.dags))
        if imported.message is not None:
            # Airflow keeps one message per file, and drops line numbers: the text holds them all.
            result.errors.append(DagImportError(result.file_path, imported.message, error_type="pipeline"))
        return result

    def list_dag_files(self, directory: str | os.PathLike[str], safe_mode: bool = True) -> Iterator[str]:
        """Every pipeline file under ``directory`` that no ``.airflowignore`` names."""
        folder = Path(directory)
        syntax = conf.get_mandatory_value("core", "dag_ignore_file_syntax", fallback="glob")
        yield from map(str, listed(folder, find_path_from_directory(folder, ".airflowignore", syntax)))


def registry(bundle: str | None) -> DagImporterRegistry:
    """The importers of this process; 3.3 does not tell bundles apart."""
    return get_importer_registry()
