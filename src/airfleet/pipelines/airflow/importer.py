"""Airflow reads pipeline files: ``.yaml`` and ``.yml`` beside ``.py`` and ``.zip``.

:func:`register` tells the Airflow of this process about :class:`YamlDagImporter`. It may be called
any number of times, and is called by :mod:`airfleet.pipelines.airflow.bundle`, which every process that
reads Dags (dag-processor, a task's process, triggerer, CLI) loads by its class path in the
configuration.

Airflow 3.3 has one registry per process; Airflow 3.4 has one per bundle, and another interface.
"""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("airflow.sdk.importers") is None:
    from airfleet.pipelines.airflow import importer_33 as own
    from airfleet.pipelines.airflow.importer_33 import YamlDagImporter33 as YamlDagImporter
else:
    from airfleet.pipelines.airflow import importer_34 as own  # type: ignore[no-redef]
    from airfleet.pipelines.airflow.importer_34 import YamlDagImporter34 as YamlDagImporter

#: the files of a folder in which Airflow looks for Dags; None where Airflow's own manager asks the importers
find_files = own.find_files
search_rules = own.search_rules

__all__ = ["YamlDagImporter", "find_files", "register", "search_rules"]


def register(bundle: str | None = None) -> None:
    """Make Airflow read pipeline files in this process, in ``bundle`` where that makes a difference."""
    own.register(bundle)
