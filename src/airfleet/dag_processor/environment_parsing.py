"""Has a file of a release parsed by the Python of its environment. [A]

The dag-processor keeps one process for each environment in use (:mod:`airfleet.dag_processor.environment_main`), which
has imported Airflow and forks a process for each file. Airflow's own process of a file is only a stand-in: it hands on
its sockets, waits for the other one, and ends as that did. When the stand-in is killed, the other process is ended as
an attempt without a monitor is.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from airfleet.releases.environments import layout
from airfleet.task_process import ipc, task_user
from airfleet.task_process.children import Descriptor, open_descriptors
from airfleet.task_process.environment_pools import EnvironmentPools

_MAIN: Final = "airfleet.dag_processor.environment_main"
#: seconds after which an unused process of an environment ends; deaths of one within a minute that are borne
_IDLE_SECONDS, _CRASHES = 300.0, 3


@cache
def _processes() -> EnvironmentPools:
    """Give the processes of environments of this dag-processor."""
    user = task_user.named(os.environ) if os.geteuid() == 0 else None
    return EnvironmentPools(selectors.DefaultSelector(), _IDLE_SECONDS, _CRASHES, main=_MAIN, user=user)


def tend() -> None:
    """Take note of processes that have ended, and end those that nobody uses."""
    processes = _processes()
    for key, _ in processes.selector.select(0):
        key.data()
    processes.retire_idle()


def stand_in(file: Path, bundle: Path, shared: Collection[int]) -> Callable[[], None] | None:
    """Give what a stand-in does for a file, before it is forked; None for a file of the fleet's own Python.

    ``bundle`` is the folder of pipelines that it is in; ``shared`` are descriptors of memory that the other process
    gets as well.
    """
    environment = layout.environment_of(file)
    if environment is None:
        return None
    tend()
    try:
        connection = _processes().connection(os.fspath(layout.python(environment)))
    except OSError as error:
        reason = f"The Python environment of this release does not run here: {error}"
        return lambda: sys.exit(reason)
    known = open_descriptors()
    parsed = ipc.DagFile(os.fspath(bundle), None, os.fspath(file))
    return lambda: _stand_in(parsed, connection, shared, known)


def _stand_in(
    file: ipc.DagFile, connection: socket.socket, shared: Collection[int], known: frozenset[Descriptor]
) -> None:
    """Hand on the sockets of this process, and end as the one does that gets them."""
    near, far = ipc.pair()
    descriptors = (far.fileno(), 0, 1, 2, _log_channel(known), *shared)
    attempt = ipc.Attempt(str(os.getpid()), file, descriptors)
    ipc.send(connection, attempt.message(), descriptors)
    far.close()
    while (received := ipc.receive(near)) is not None:
        if "exit" in received[0]:
            _end_with(received[0]["exit"])
            return
    sys.exit("The process of the Python environment of this release has ended.")


def _log_channel(known: frozenset[Descriptor]) -> int:
    """Find the socket to which this process writes its log: Airflow made it, and tells nobody its number."""
    given = {(os.fstat(number).st_dev, os.fstat(number).st_ino) for number in (0, 1, 2)}
    new = sorted(number for number, *of in open_descriptors() - known if tuple(of) not in given)
    return next(number for number in new if os.readlink(f"/proc/self/fd/{number}").startswith("socket:"))


def _end_with(code: int) -> None:
    """End as the other process did; return after its success."""
    if code < 0:
        with suppress(OSError):  # SIGKILL has no handler
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    if code:
        sys.exit(code)
