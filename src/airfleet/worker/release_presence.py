"""Whether the code of a message is on this host: an attempt without it would fail, and is given back instead. [A]

Bundles that fetch their versions themselves (git) are left alone; one that says ``keeps_versions`` has them on the disk
before they are asked for, or will have them soon.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from airflow.dag_processing.bundles.manager import DagBundlesManager

from airfleet.worker.result_backend import ReleaseAway


def require(bundle: Any) -> None:
    """Raise ReleaseAway when the version of a bundle (name, version) is to come from elsewhere first."""
    if bundle is None or bundle.version is None:
        return
    manager = _bundles()
    known = manager._bundle_config.get(bundle.name)
    if known is None or not getattr(known.bundle_class, "keeps_versions", False):
        return
    if not manager.get_bundle(bundle.name, bundle.version).path.is_dir():
        raise ReleaseAway(f"release {bundle.version} is not on this host yet")


@cache
def _bundles() -> DagBundlesManager:
    return DagBundlesManager()
