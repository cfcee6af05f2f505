"""The importers as Airflow 3.3 wants them: of pipelines, and of Dags in Python that may be old."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from airflow.configuration import conf
from airflow.dag_processing.importers import (
    AbstractDagImporter,
    DagImporterRegistry,
    DagImportError,
    DagImportResult,
    PythonDagImporter,
    get_importer_registry,
)
from airflow.utils.file import might_contain_dag

from airfleet.pipelines.airflow.import_common import import_pipelines, relative_to
from airfleet.pipelines.files import listing
from airfleet.pipelines.files.project_files import SUFFIXES
from airfleet.pipelines.upgrade import linter, loaders

log = logging.getLogger(__name__)


class YamlDagImporter33(AbstractDagImporter):
    """Pipeline files become Dags; everything wrong in one file becomes one import error."""

    @classmethod
    def supported_extensions(cls) -> list[str]:
        """List the endings of pipeline files."""
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
        """Yield every pipeline file under ``directory`` that no ``.airflowignore`` names."""
        yield from map(str, listing.of(Path(directory), search_rules()).pipelines)


class ExplainingPythonImporter(PythonDagImporter):
    """Airflow's importer of Python files; of one that it cannot read, it also says what to change in it."""

    def list_dag_files(self, directory: str | os.PathLike[str], safe_mode: bool = True) -> Iterator[str]:
        """Yield every file in Python, and every archive, under ``directory`` in which Airflow looks for Dags."""
        found = find_files(Path(directory), safe_mode=safe_mode)
        yield from map(str, (*found.python, *found.archives))

    def import_file(
        self,
        file_path: str | Path,
        *,
        bundle_path: Path | None = None,
        bundle_name: str | None = None,
        safe_mode: bool = True,
    ) -> DagImportResult:
        """Import as Airflow does; an error begins with every line that Airflow 3 does not understand.

        A loader of dag-factory gives no Dags where its YAML files give them.
        """
        if loaders.is_left_out(Path(file_path), bundle_path, search_rules()):
            log.info("%s is left out: airfleet itself reads the YAML files that it loads", file_path)
            return DagImportResult(file_path=relative_to(Path(file_path), bundle_path))
        result = super().import_file(file_path, bundle_path=bundle_path, bundle_name=bundle_name, safe_mode=safe_mode)
        if result.errors and Path(file_path).suffix == linter.SUFFIX:
            file = Path(file_path)
            explained = "\n".join(linter.problems_as_text(file, relative_to(file, bundle_path)))
            for error in result.errors if explained else ():
                error.stacktrace = f"{explained}\n\n{error.stacktrace or error.message}"
        return result


def find_files(folder: Path, safe_mode: bool | None = None) -> listing.Listing:
    """List the files of a folder; Airflow's function or the configured one finds those in Python with Dags."""
    rules = search_rules()
    found = listing.of(folder, dataclasses.replace(rules, safe_mode=False))
    wanted = rules.safe_mode if safe_mode is None else safe_mode
    with_dags = tuple(file for file in found.python if _may_hold_dags(file, wanted))
    without = tuple(sorted(set(found.python) - set(with_dags)))
    return dataclasses.replace(found, python=with_dags, without_dags=without)


def _may_hold_dags(file: Path, safe_mode: bool) -> bool:
    try:
        return might_contain_dag(str(file), safe_mode)
    except Exception as error:  # what one file holds ends no look for the others; its import says what is wrong
        log.warning("%s cannot be searched for Dags: %s", file, error)
        return True


def search_rules() -> listing.Rules:
    """Say how this Airflow looks for files."""
    return listing.Rules(
        conf.get_mandatory_value("core", "dag_ignore_file_syntax", fallback="glob"),
        conf.getboolean("core", "dag_discovery_safe_mode", fallback=True),
    )


def register(bundle: str | None) -> None:
    """Make Airflow read pipelines in this process, and explain old Dags in Python."""
    known = registry(bundle)
    if isinstance(known.get_importer("pipeline.yaml"), YamlDagImporter33):
        return
    known.register(YamlDagImporter33())
    # Airflow warns of every importer that takes the place of another: here that is meant, in each process.
    warns = logging.getLogger(DagImporterRegistry.__module__)
    was, warns.disabled = warns.disabled, True
    try:
        known.register(ExplainingPythonImporter())
    finally:
        warns.disabled = was


def registry(bundle: str | None) -> DagImporterRegistry:
    """Return the importers of this process; 3.3 does not tell bundles apart."""
    return get_importer_registry()
