"""A module beside the Dags: writes lines where they can be read whatever becomes of the task that wrote them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

SUFFIX = "beside the Dags"
#: what the context of every callback of a task has
USUAL = frozenset(
    """conn dag dag_run data_interval_end data_interval_start ds ds_nodash inlet_events inlets logical_date macros
    map_index_template outlet_events outlets params partition_date partition_key prev_data_interval_end_success
    prev_data_interval_start_success prev_end_date_success prev_start_date_success run_id task task_instance
    task_instance_key_str task_reschedule_count task_state_store ti triggering_asset_events ts ts_nodash
    ts_nodash_with_tz var""".split()  # noqa: SIM905
)


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
        # A Dag's callback is given the task that ended last, which is a matter of speed.
        named = ti is not None and not name.startswith("dag_")
        task = f"{ti.task_id} try {ti.try_number} state {ti.state}" if named else "-"
        error = context.get("exception")
        keys = [f"+{key}" for key in sorted(context.keys() - USUAL)] + [
            f"-{key}" for key in sorted(USUAL - context.keys())
        ]
        tell(dag_id, name, task, type(error).__name__, error, context.get("reason"), *keys)
        print(f"printed by {name}")

    callback.__name__ = name
    return callback
