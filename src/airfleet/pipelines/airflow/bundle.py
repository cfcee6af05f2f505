"""The Dag bundle of a folder with pipelines.

Loading this module is what makes Airflow read YAML: every process that reads Dags loads the class
named in ``[dag_processor] dag_bundle_config_list``, and nothing else of ours is named there. Python
Dags in the same folder work as in any other bundle.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.dag_processing.bundles.base import BundleVersion
from airflow.dag_processing.bundles.local import LocalDagBundle

from airfleet.pipelines.airflow import importer
from airfleet.pipelines.files.project_files import FLEET_FILE, project_root
from airfleet.releases import release_files
from airfleet.releases.environments import preparation
from airfleet.releases.places import Places
from airfleet.releases.release_modules import import_from

importer.register()


class ReleaseNotHere(Exception):
    """A release that this host has not fetched, or not yet."""


class PipelineBundle(LocalDagBundle):
    """A folder of pipelines (``path``) as it is now; where ``releases`` has a live one, that release, with versions.

    The link of the live release is read when the bundle is made, and by :meth:`follow`. A bundle never goes back to the
    folder.
    """

    #: whoever keeps the releases of this host knows which of them runs need
    keeps_versions = True

    def __init__(self, *, path: str, releases: str | None = None, **kwargs: Any) -> None:
        super().__init__(path=path, **kwargs)
        self._places = Places(Path(releases)) if releases else None
        self._digest: str | None = self.version if self._places else None
        if self.version is None:
            self.follow()
        importer.register(self.name)

    @property
    def supports_versioning(self) -> bool:  # type: ignore[override]
        """Whether this is a release."""
        return self._digest is not None

    @property
    def path(self) -> Path:
        """The folder of pipelines: in the tree of the release, or as it was given."""
        tree = self.tree
        return self._path if tree is None else tree / (release_files.pipelines(tree) or self._path.name)

    @property
    def tree(self) -> Path | None:
        """The folder of the release; None for a folder that is none."""
        return self._places.tree(self._digest) if self._places and self._digest else None

    @property
    def releases(self) -> Path | None:
        """The folder of this host's releases."""
        return self._places.root if self._places else None

    def has(self, version: str) -> bool:
        """Tell whether a version is on this host."""
        return self._places is None or self._places.tree(version).is_dir()

    def is_ready(self, version: str) -> bool:
        """Tell whether attempts of a version can begin on this host: it is here, with its Python environments."""
        return self.has(version) and (
            self._places is None or preparation.is_ready(self._places, self._places.tree(version))
        )

    def follow(self) -> bool:
        """Move to the release that is live now; tell whether it is another one than before."""
        live = self._live()
        if live is None or live == self._digest:
            return False
        self._digest = live
        return True

    def is_behind(self) -> bool:
        """Tell whether another release is live than the one that this bundle has."""
        live = self._live()
        return live is not None and live != self._digest

    def _live(self) -> str | None:
        return self._places.live_digest() if self._places and self.version is None else None

    def initialize(self) -> None:
        """Import modules from the release from now on. Raises ReleaseNotHere when it is not on this host."""
        if self._digest is not None and not self.has(self._digest):
            raise ReleaseNotHere(f"release {self._digest} is not on this host")
        if (tree := self.tree) is not None:
            import_from(tree, project_root(self._path / FLEET_FILE))
        super().initialize()

    def refresh(self) -> None:
        """Move to the release that is live now. A folder becomes a release by :meth:`follow` alone.

        Airflow asks before and after whether the bundle has versions, and the answers have to be the same.
        """
        if self.supports_versioning:
            self.follow()

    def get_current_version(self) -> BundleVersion | None:  # type: ignore[override]
        """Name the release."""
        return BundleVersion(self._digest) if self._digest is not None else None


class FileBundle(LocalDagBundle):
    """A single pipeline file (``path``): what a local run needs, without reading its neighbours."""

    def __init__(self, *, path: str, **kwargs: Any) -> None:
        super().__init__(path=path, **kwargs)
        importer.register(self.name)
