"""``results/releases.json`` as a table: from a push to a run of the new code, on fleets and on Airflow alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from measuring import origin, table

HEAD: Final = ("", "push to run, s", "rollback to run, s", "first push, s", "one changed, s")
KEYS: Final = ("push_to_run", "rollback_to_run", "first_push", "one_changed")
NOTES: Final = """\
Median (least–most). *push to run*: from the start of `airfleet push` to the first line that the new code writes, with
the trigger of a run between. Three hosts have a network of their own each, and the line is that of another host than
the one that pushed. *rollback to run*: the same for `airfleet rollback`. *first push*, *one changed*: until Airflow has
every Dag, and the one whose file changed. The check of all files takes most of a push with one change.
PostgreSQL, the broker and all hosts share one machine.

The others are Airflow alone with CeleryExecutor on one host, with settings that help it (`TUNED` of
`benchmarks/systems/stock.py`). *git bundle*: from `git commit` and `git push` into a repository of this machine. Its
Dags are Python, and a run is triggered as soon as the API has the new version, which nobody is told of. By default
Airflow looks every 300 s, tuned every second. *rsync by cron*: each minute; a run is triggered as soon as the file is
there. A way back is another push there.
"""


def rows(ways: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    """Give a line for each way."""
    for name, of in ways.items():
        yield f"{name} (at {of['commit']})" if "commit" in of else name, *(_shown(of.get(key)) for key in KEYS)


def markdown(results: Mapping[str, Any]) -> str:
    """Write the table and what must be known to read it."""
    return f"{origin('releases', results)}.\n\n{table(HEAD, list(rows(results['ways'])))}\n\n{NOTES}"


def _shown(of: Mapping[str, Any] | None) -> str:
    if of is None:
        return "–"
    if of["min"] == of["max"]:
        return f"{of['median']:.2f}"
    return f"{of['median']:.2f} ({of['min']:.2f}–{of['max']:.2f})"
