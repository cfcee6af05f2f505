"""The process of an environment that parses files of releases: exec'd from its Python by the dag-processor. [A]

It has imported Airflow, and forks a process for each file that it is sent, with the sockets of the stand-in
(:mod:`airfleet.dag_processor.environment_parsing`), which is told how that process ends.
"""

from __future__ import annotations

import gc
import mmap
import os
import selectors
import socket
import sys
from pathlib import Path
from typing import NoReturn

from airflow.sdk.execution_time import supervisor
from setproctitle import setproctitle

from airfleet.dag_processor.parsing_process import parse_file
from airfleet.dag_processor.taken_in import TakenIn
from airfleet.pipelines.airflow import bundle as _bundle
from airfleet.task_process import ipc, pool
from airfleet.task_process.children import Attempts, open_descriptors

assert _bundle, "it is imported before any fork"
#: digits of an environment's digest that its processes show
_SHORT = 12


def main() -> None:
    """Fork what is asked for until the other end of the socket is closed and the last process has ended."""
    served = socket.socket(fileno=int(sys.argv[1]))
    served.set_inheritable(False)
    setproctitle(f"airfleet dag-processor -- parses in environment {Path(sys.prefix).name[:_SHORT]}")
    pool.ignore_signals()
    gc.freeze()
    _Parses(served).run()


class _Parses:
    def __init__(self, served: socket.socket) -> None:
        self._served = served
        self._selector = selectors.DefaultSelector()
        inherited = frozenset(found for found in open_descriptors() if found[0] != served.fileno())
        self._running = Attempts(self._selector, inherited, _parse)
        self._open = True
        self._selector.register(served, selectors.EVENT_READ, self._take)

    def run(self) -> None:
        while self._open or len(self._running):
            for key, _ in self._selector.select(self._running.wait_seconds()):
                key.data()
            self._running.end_overdue()

    def _take(self) -> None:
        received = ipc.receive(self._served)
        if received is None:
            self._selector.unregister(self._served)
            self._open = False
        else:
            self._running.start(ipc.attempt(*received))


def _parse(asked: ipc.Attempt) -> NoReturn:
    """Do what Airflow's own process of a file does, over the sockets of its stand-in."""
    status, requests, stdout, stderr, logs, marks, stamps = asked.descriptors
    os.close(status)
    mark, taken_in = mmap.mmap(marks, 1), TakenIn(stamps)
    out, err = socket.socket(fileno=stdout), socket.socket(fileno=stderr)
    file, bundle = Path(asked.file.path), Path(asked.file.bundle)

    def parse() -> None:
        parse_file(mark, taken_in, file, bundle)

    supervisor._fork_main(socket.socket(fileno=requests), out, err, logs, parse)


if __name__ == "__main__":
    main()
