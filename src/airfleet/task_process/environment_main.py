"""The process of a pool that is exec'd from the Python of an environment. [A]

It is told the number of the socket that it inherits, by which attempts come; all else is the pool's
(:mod:`airfleet.task_process.pool`). Airflow is imported once, before the first Dag zygote is forked.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
from pathlib import Path

from setproctitle import setproctitle

from airfleet.task_process import main as task_main
from airfleet.task_process import pool
from airfleet.task_process.children import open_descriptors

#: digits of an environment's digest that its processes show
_SHORT = 12


def main() -> None:
    """Serve attempts until the other end of the socket is closed and the last one has ended."""
    served = socket.socket(fileno=int(sys.argv[1]))
    served.set_inheritable(False)
    pool.ignore_signals()
    work = task_main.work()
    gc.freeze()
    inherited = frozenset(found for found in open_descriptors() if found[0] != served.fileno())
    pool.ZygotePool(served, work, _titled, inherited).run()


def _titled(title: str) -> None:
    component = os.environ.get("AIRFLEET_COMPONENT", "worker")
    setproctitle(f"airfleet {component} -- {title} in environment {Path(sys.prefix).name[:_SHORT]}")


if __name__ == "__main__":
    main()
