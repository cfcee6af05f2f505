"""Whether the code of a message is on this host: an attempt without it would fail, and is given back instead. [A]

Bundles that fetch their versions themselves (git) are left alone; one that says ``keeps_versions`` has them on the disk
before they are asked for, or will have them soon. So a slot waits for a moment, and then needs no second message.
"""

from __future__ import annotations

import time
from functools import cache
from typing import Any, Final

from airflow.dag_processing.bundles.manager import DagBundlesManager

from airfleet.worker.result_backend import ReleaseAway

#: between two looks at the disk, seconds
LOOK_SECONDS: Final = 0.1


def require(bundle: Any, seconds: float) -> None:
    """Raise ReleaseAway when the version of a bundle (name, version) does not come within so many seconds."""
    if bundle is None or bundle.version is None:
        return
    manager = _bundles()
    known = manager._bundle_config.get(bundle.name)
    if known is None or not getattr(known.bundle_class, "keeps_versions", False):
        return
    found: Any = manager.get_bundle(bundle.name, bundle.version)
    deadline = time.monotonic() + seconds
    while not found.is_ready(bundle.version):
        if time.monotonic() >= deadline:
            raise ReleaseAway(bundle.version)
        time.sleep(LOOK_SECONDS)


@cache
def _bundles() -> DagBundlesManager:
    return DagBundlesManager()
