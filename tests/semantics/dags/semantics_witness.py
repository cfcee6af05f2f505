"""A module beside the Dags: writes lines where they can be read whatever becomes of the task that wrote them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

SUFFIX = "beside the Dags"


def tell(dag_id: str, *words: object) -> None:
    """Append one line about a Dag; it is on disk when this returns."""
    line = " ".join(map(str, words)) + "\n"
    descriptor = os.open(
        Path(os.environ["SEMANTICS_WITNESS"]) / f"{dag_id}.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666
    )
    try:
        os.write(descriptor, line.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def called(name: str) -> Any:
    """A callback of a task or Dag that tells of itself and of what it was given."""

    def callback(context: dict[str, Any]) -> None:
        dag_id = context["dag"].dag_id if "dag" in context else context["dag_run"].dag_id
        ti = context.get("ti") or context.get("task_instance")
        task = f"{ti.task_id} try {ti.try_number} state {ti.state}" if ti is not None else "-"
        error = context.get("exception")
        tell(dag_id, name, task, type(error).__name__, error, context.get("reason"), ",".join(sorted(context)))
        print(f"printed by {name}")

    callback.__name__ = name
    return callback
