"""A pool whose attempts do what a test says, for the monitors of this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from airfleet.runtime import coordinator, pool, wire
from airfleet.runtime.work import Work


@contextmanager
def attempts_served(run: Callable[[wire.Attempt, object], NoReturn]) -> Iterator[None]:
    """Have attempts forked that call ``run``."""
    work = Work(load=lambda file: None, run=run, seconds_good=lambda file: 60.0, stamp=lambda file: None)
    requests = pool.start(work, lambda title: None)
    coordinator.use(requests)
    try:
        yield
    finally:
        coordinator.use(None)
        requests.close()
        os.wait()  # the keeper, which ends when nobody can ask any more
