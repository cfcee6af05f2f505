"""The figures of ``results/task_path.json`` as Markdown: one table for each workload, and one of the systems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import provenance
from measuring import table

HEAD = (
    "",
    "wall, s",
    "tasks/s",
    "CPU, ms a task",
    "gap, ms",
    "first task, s",
    "slot excess, ms",
    "slot late, ms",
    "runs",
    "commit",
)
#: Airflow's default for a Celery worker, ``[celery] worker_concurrency``
AIRFLOWS_SLOTS = 16
ABOUT = ("", "version", "tasks are kept apart by", "what is durable")
NOTES = """\
*wall*: from the request to the end, median (least–most). *CPU*: all processes of the system, database and broker
included. *gap*: from the end of what a task waited for to its start, median / 99th percentile. *first task*: from the
request for a run to its first task. *slot excess*: how long a slot was held, less the task's own time. *slot late*:
from the task's end to the free slot. Both are median / 99th percentile. ‡: the code that the figure depends on has
changed since that commit.
"""


def markdown(results: Mapping[str, Any]) -> str:
    """The whole page."""
    return "\n".join(_page(results)) + "\n"


def _page(results: Mapping[str, Any]) -> Iterator[str]:
    machine, by_slots = results["machine"], results["slots"]
    yield f"{machine['cores']} cores, Python {machine['python']}.\n"
    everything = {key: one for systems in by_slots.values() for key, one in systems.items()}
    yield table(ABOUT, [_about(one) for one in everything.values()])
    for slots in sorted(by_slots, key=int, reverse=True):
        yield f"\n## {slots} slots\n\n{_whose(int(slots), machine['cores'])}"
        yield from _workloads(by_slots[slots])
    yield f"\n{NOTES}"


def _whose(slots: int, cores: int) -> str:
    """Why somebody would have so many."""
    reasons = {cores: "One for each core", AIRFLOWS_SLOTS: "The default of Airflow and of airfleet"}
    return f"{reasons.get(slots, 'Some')}; here every system has them.\n"


def _workloads(systems: Mapping[str, Any]) -> Iterator[str]:
    for name, title in _titles(systems).items():
        measured = {key: one["workloads"][name] for key, one in systems.items() if name in one["workloads"]}
        rows = [_row(f"{systems[key]['about']['title']}{_mark(key, one)}", one) for key, one in measured.items()]
        yield f"\n### {title} (`{name}`)\n\n{table(HEAD, rows)}"
        for key, one in measured.items():
            if "failed" in one:
                yield f"\n{systems[key]['about']['title']} failed: {one['failed']}\n"


def _about(system: Mapping[str, Any]) -> tuple[str, ...]:
    about = system["about"]
    version = system.get("version") or f"not measured: {system.get('failed', 'it did not start')}"
    return about["title"], version, about["isolation"], about["durability"]


def _titles(systems: Mapping[str, Any]) -> dict[str, str]:
    return {name: one["title"] for system in systems.values() for name, one in system["workloads"].items()}


def _row(title: str, measured: Mapping[str, Any]) -> tuple[str, ...]:
    if "median" not in measured:
        return title, measured.get("not_offered", "failed"), *("" for _ in HEAD[2:])
    median, (least, most) = measured["median"], measured["wall_s"]
    spread = f" ({least:.2f}–{most:.2f})" if measured["n"] > 1 else ""
    return (
        title,
        f"{median['wall_s']:.2f}{spread}",
        f"{median['tasks_per_s']:.1f}",
        f"{median['cpu_ms_per_task']:.0f}",
        _two(median, "gap", 1000),
        _two(median, "first_task", 1),
        _two(median, "slot_excess", 1000),
        _two(median, "slot_late", 1000),
        str(measured["n"]),
        measured.get("commit", ""),
    )


def _mark(system: str, measured: Mapping[str, Any]) -> str:
    return provenance.mark(provenance.depends("task_path", system), measured) if "median" in measured else ""


def _two(median: Mapping[str, float | None], name: str, factor: int) -> str:
    middle, most = median[f"{name}_p50_s"], median[f"{name}_p99_s"]
    if middle is None or most is None:
        return "–"
    digits = 0 if factor == 1000 else 2
    return f"{middle * factor:.{digits}f} / {most * factor:.{digits}f}"
