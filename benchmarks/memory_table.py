"""``results/memory.json`` as a table: what tasks that sleep in all slots take, in airfleet and in Airflow alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from measuring import origin, table

HEAD = (
    "",
    "idle, MB",
    "with tasks, MB",
    "worker idle, MB",
    "worker, MB",
    "a task, MB",
    "worker per task, MB",
    "more than idle, MB a task",
)
KEYS = ("idle_mb", "running_mb", "worker_idle_mb", "worker_mb", "task_mb", "per_task_mb", "more_per_task_mb")
NOTES = """\
PSS: a page that several processes share counts once in all. *a task*: its process and the one that watches it. *worker
per task*: the worker and all its processes, divided by its tasks. *more than idle*: of all processes, divided by them.
"""


def rows(systems: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """A line for each system."""
    return [(one["title"], *(f"{one[key]:.0f}" for key in KEYS)) for one in systems.values()]


def markdown(results: Mapping[str, Any]) -> str:
    """The table and what must be known to read it."""
    about = f"{results['tasks']} tasks asleep in as many slots; {origin('memory', results)}."
    return f"{about}\n\n{table(HEAD, rows(results['systems']))}\n\n{NOTES}"
