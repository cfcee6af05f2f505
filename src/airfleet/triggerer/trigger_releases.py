"""The release of each trigger: its class is that of the release of its run, whichever is live. [A]

The process that reads the database knows the release of a run; the process that runs triggers gets it with the path of
the class. A trigger whose release is not on this host yet waits for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from airflow.configuration import conf

from airfleet.fleet.planning.default_settings import BUNDLE_NAME
from airfleet.pipelines.files.project_files import FLEET_FILE, project_root
from airfleet.releases.places import Places
from airfleet.releases.release_modules import ReleaseModules

#: between a digest and the path of a class, neither of which has one
_SEPARATOR: Final = ":"


def with_release(classpath: str, instance: Any) -> str:
    """Put the release of a task instance's run before the path of its trigger's class; a folder has none."""
    version = instance.dag_run.bundle_version if instance is not None else None
    if version is None or instance.dag_version is None or instance.dag_version.bundle_name != BUNDLE_NAME:
        return classpath
    return f"{version}{_SEPARATOR}{classpath}"


def split(classpath: str) -> tuple[str | None, str]:
    """Return the digest of a release, None without one, and the path of a class.

    >>> split("9f2c:shop.triggers.Arrival")
    ('9f2c', 'shop.triggers.Arrival')
    >>> split("shop.triggers.Arrival")
    (None, 'shop.triggers.Arrival')
    """
    digest, separator, path = classpath.rpartition(_SEPARATOR)
    return (digest if separator else None), path


class TriggerReleases:
    """The releases of this host, for the process that runs triggers."""

    def __init__(self, places: Places, project: Path) -> None:
        self._places = places
        self._modules = ReleaseModules(project)

    @classmethod
    def of_settings(cls) -> TriggerReleases | None:
        """Read the bundle of Airflow's settings; None where its pipelines are read from a folder alone."""
        bundles = conf.getjson("dag_processor", "dag_bundle_config_list")
        for bundle in bundles if isinstance(bundles, list) else []:
            if bundle["name"] == BUNDLE_NAME and (releases := bundle.get("kwargs", {}).get("releases")):
                return cls(Places(Path(releases)), project_root(Path(bundle["kwargs"]["path"]) / FLEET_FILE))
        return None

    def has(self, classpath: str) -> bool:
        """Tell whether the release of a trigger is on this host."""
        digest, _ = split(classpath)
        return digest is None or self._places.tree(digest).is_dir()

    def qualified(self, classpath: str) -> str:
        """Name the release of a trigger: one of no run, such as an asset's, takes the one that is live."""
        digest, path = split(classpath)
        digest = digest or self._places.live_digest()
        return path if digest is None else f"{digest}{_SEPARATOR}{path}"

    def show(self, classpath: str) -> None:
        """Import modules from the release of a trigger from now on."""
        digest, _ = split(classpath)
        if digest is not None:
            self._modules.show(self._places.tree(digest))
