"""A pool whose attempts do what a test says, for the monitors of this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from airfleet.task_process import ipc, pool
from airfleet.task_process.work import AttemptWork
from airfleet.worker import pool_client


@contextmanager
def attempts_served(run: Callable[[ipc.Attempt, object], NoReturn]) -> Iterator[None]:
    """Have attempts forked that call ``run``."""
    work = AttemptWork(load=lambda file: None, run=run, seconds_good=lambda file: 60.0, stamp=lambda file: None)
    told, tells = os.pipe()

    def titled(title: str) -> None:
        if title == "keeper":
            os.write(tells, str(os.getpid()).encode())

    requests = pool.start(work, titled)
    os.close(tells)
    keeper = int(os.read(told, 20))
    os.close(told)
    pool_client.use(requests)
    try:
        yield
    finally:
        pool_client.use(None)
        requests.close()
        os.waitpid(keeper, 0)  # it ends when nobody can ask any more
