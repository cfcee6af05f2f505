"""The start of a process for ``airfleet run`` or ``airfleet test``: leaves a guard behind, and loads Airflow."""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path

from airfleet.pipelines.local import guard
from airfleet.system import fast_import


def main(events: int, home: Path) -> None:
    """Carry out the order that is the first line of standard input, until that is closed."""
    order = json.loads(_line(sys.stdin.fileno()))
    guard.fork_guarded(sys.stdin.fileno(), events, home)
    os.set_inheritable(events, False)
    with fast_import.few_collections():
        work = importlib.import_module(_WORK[order["work"]])
    work.main(events, order)


_WORK = {
    "run": "airfleet.pipelines.airflow.local_child",
    "cases": "airfleet.pipelines.airflow.trial.child",
}


def _line(source: int) -> bytes:
    """Read the first line, and nothing after it."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(source, 65536)):
        line += byte
    return line


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
