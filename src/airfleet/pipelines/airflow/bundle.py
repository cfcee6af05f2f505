"""The Dag bundle of a folder with pipelines.

Loading this module is what makes Airflow read YAML: every process that reads Dags loads the class
named in ``[dag_processor] dag_bundle_config_list``, and nothing else of ours is named there. Python
Dags in the same folder work as in any other bundle.
"""

from __future__ import annotations

from typing import Any

from airflow.dag_processing.bundles.local import LocalDagBundle

from airfleet.pipelines.airflow import importer

importer.register()


class PipelineBundle(LocalDagBundle):
    """A folder of pipelines (``path``) as it is on this machine now, without versions."""

    def __init__(self, *, path: str, **kwargs: Any) -> None:
        super().__init__(path=path, **kwargs)
        importer.register(self.name)


class FileBundle(LocalDagBundle):
    """A single pipeline file (``path``): what a local run needs, without reading its neighbours."""

    def __init__(self, *, path: str, **kwargs: Any) -> None:
        super().__init__(path=path, **kwargs)
        importer.register(self.name)
