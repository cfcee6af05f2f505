"""``results/parse_cost.json`` as a table: what reading Dags takes, from pipelines, Python, and files of dag-factory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from measuring import origin, table

HEAD = ("", "Dags", "parse, ms a Dag", "one changed, ms", "task start, ms")
TITLES = {
    "folder": "airfleet, a pipeline per file",
    "jobs": "airfleet, jobs of one pipeline",
    "python": "Airflow, a Python file per Dag",
    "loader": "Airflow, a loader of YAML",
    "loader_context": "Airflow, a loader that asks `get_parsing_context`",
    "dag_factory": "dag-factory 1.1, its loader",
    "dag_factory_context": "dag-factory 1.1, a loader that asks `get_parsing_context`",
}
KEYS = ("parse_ms_per_dag", "one_changed_ms", "task_start_ms")
NOTES = """\
*parse*: all files, divided by their Dags. *one changed*: the file of one Dag has changed, and the dag-processor reads
it again; a loader it reads with all its Dags. *task start*: the way of a task's process to its own Dag. A fleet keeps a
process that has loaded the Dag already, and forks it for each task, so most tasks do not pay this.
"""


def rows(measured: list[Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    """A line for each way of writing the Dags, and each number of them."""
    for one in measured:
        yield TITLES[one["way"]], f"{one['dags']:,}", *(f"{one[key]:,.1f}" if key in one else "–" for key in KEYS)


def markdown(results: Mapping[str, Any]) -> str:
    """The table and what must be known to read it."""
    dags = f"Dags of {results['tasks_per_dag']} tasks in a chain, median of several reads"
    return f"{dags}; {origin('parse_cost', results)}.\n\n{table(HEAD, list(rows(results['rows'])))}\n\n{NOTES}"
