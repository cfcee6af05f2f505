"""The importers as Airflow 3.3 wants them: of pipelines, and of Dags in Python that may be old."""

from __future__ import annotations

import logging
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
    PythonDagImporter,
    get_importer_registry,
)

from airfleet.pipelines import python_dags
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


class ExplainingPythonImporter(PythonDagImporter):
    """Airflow's importer of Python files; of one that it cannot read, it also says what to change in it."""

    def import_file(
        self,
        file_path: str | Path,
        *,
        bundle_path: Path | None = None,
        bundle_name: str | None = None,
        safe_mode: bool = True,
    ) -> DagImportResult:
        """As Airflow does; an error begins with every line that Airflow 3 does not understand."""
        result = super().import_file(file_path, bundle_path=bundle_path, bundle_name=bundle_name, safe_mode=safe_mode)
        if result.errors and Path(file_path).suffix == python_dags.SUFFIX:
            file = Path(file_path)
            explained = "\n".join(python_dags.problems_as_text(file, relative_to(file, bundle_path)))
            for error in result.errors if explained else ():
                error.stacktrace = f"{explained}\n\n{error.stacktrace or error.message}"
        return result


def register(bundle: str | None) -> None:
    """Make Airflow read pipelines in this process, and explain old Dags in Python."""
    known = registry(bundle)
    if isinstance(known.get_importer("pipeline.yaml"), YamlDagImporter):
        return
    known.register(YamlDagImporter())
    # Airflow warns of every importer that takes the place of another: here that is meant, in each process.
    warns = logging.getLogger(DagImporterRegistry.__module__)
    was, warns.disabled = warns.disabled, True
    try:
        known.register(ExplainingPythonImporter())
    finally:
        warns.disabled = was


def registry(bundle: str | None) -> DagImporterRegistry:
    """The importers of this process; 3.3 does not tell bundles apart."""
    return get_importer_registry()
