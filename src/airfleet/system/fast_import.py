"""Settings of Python that make the import of all of Airflow faster. [A]"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: of new objects, of collections of the young, of collections of the middle-aged: how many until the next collection;
#: five times as many are hardly faster, and leave 6 MB more
_RARELY = (20_000, 20, 20)


@contextmanager
def few_collections() -> Iterator[None]:
    """Let the garbage collector look seldom: what is loaded stays, and looking through it is a quarter of the time."""
    usual = gc.get_threshold()
    gc.set_threshold(*_RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def serve_current_version_only(execution: Any) -> None:
    """Let the application of the execution API serve the version that this Airflow's tasks speak, and no older one.

    It is built for every version since 3.0 on its first request, each with routes and models of its
    own: 4 s and 45 MB, of use only to tasks of another Airflow (docs/adr/0005).
    """
    from cadwyn import Version, VersionBundle
    from cadwyn.route_generation import _DELETED_ROUTE_TAG

    every = execution.versions
    current = every.versions[0].value
    execution.versions = VersionBundle(every.head_version, Version(current), api_version_var=every.api_version_var)
    latest = execution._latest_version_router
    latest.routes = [route for route in latest.routes if _DELETED_ROUTE_TAG not in getattr(route, "tags", ())]
    for older in set(execution.router.versioned_routers) - {current}:
        del execution.router.versioned_routers[older]
