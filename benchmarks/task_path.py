"""Every workload on every system, one after the other on one machine: wall time, throughput, CPU, gaps, slots.

    python benchmarks/task_path.py [--systems "airfleet stock"] [--workloads "chain40 fanout100"] [--repeats 5]

Every system has equally many slots: by default 16, what Airflow has unless told otherwise, or say one for each core
with ``--slots 2``; the figures of each number are kept apart.

With ``--turns`` all systems are there at once, and run a workload one after the other, round by round: for a machine
whose speed changes within the time that one of them takes. What the others use while they wait is then in the way of
each, some per cent of a core for an Airflow.

With ``--rounds 5`` each is started, measured and stopped five times, one after the other again and again: for such a
machine, too, but nobody is in the way of others. Its figures are those of all rounds.

A pair of system and workload is run once unmeasured and then ``--repeats`` times; a slow pair only until ``--budget``
seconds are spent, and a first run of more than a minute is one of the repeats. The number of runs stands in the table.
Each run is checked: every task ran exactly once and the system says that it succeeded; else there is no figure. What is
not run again stays in ``results/task_path.json`` as it was. That file has medians, the spread and the number of runs,
with commit, date and load of each; the figures of every run go to ``results/raw``, which git ignores.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import provenance
import tables
from figures import Figures, figures, median_figures
from measuring import RESULTS, machine, write
from systems import SYSTEMS, System, make
from workloads import Workload, all_workloads

NAME = "task_path"
#: in the file of results a workload of a system stands on one line
DEPTH = 5
_END = object()
#: a run of so many seconds or more needs none before it that warms up: what that would spare is lost in it
LONG_SECONDS = 60.0
#: what is written down of a system
Measured: TypeAlias = dict[str, Any]
#: the two workloads that tell most, on the systems whose steps take less than seconds
QUICK = {
    "workloads": "chain40 fanout100",
    "systems": " ".join(name for name in SYSTEMS if name != "dagster_multiprocess"),
    "repeats": 1,
    "budget": 30.0,
}
#: every workload at its size, with all repeats of what takes some minutes
FULL = {"scale": 1.0, "budget": 1800.0}


def main() -> int:
    """Run what is asked for; the exit code is 1 when anything failed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what runs is ended
    options = arguments()
    known = all_workloads(options.scale)
    chosen = _chosen(options.workloads.split() or list(known), known, "workload")
    names = list(_chosen(options.systems.split(), SYSTEMS, "system"))
    results = _results()
    systems = results["slots"].setdefault(str(options.slots), {})
    earlier = {name: systems.get(name, {}).get("workloads", {}) for name in names}

    def keep(name: str, found: Measured) -> None:
        systems[name] = {**found, "workloads": {**earlier[name], **found["workloads"]}}
        _write(results)

    in_rounds(names, list(chosen.values()), options, keep)
    print(tables.markdown(results))
    return 1 if any(_failures(systems[name]) for name in names) else 0


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Every workload on every system.")
    parser.add_argument("--systems", default=" ".join(SYSTEMS), help="which ones, with spaces between")
    parser.add_argument("--workloads", default="", help="which ones, with spaces between; all of them")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each after one that warms up")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds after which a pair is not run again")
    parser.add_argument("--slots", type=int, default=tables.AIRFLOWS_SLOTS, help="tasks at once, for every system")
    parser.add_argument("--scale", type=float, default=0.3, help="shrinks the workloads of about 1,000 tasks")
    parser.add_argument("--turns", action="store_true", help="all systems at once, a run of each in turn")
    parser.add_argument("--rounds", type=int, default=1, help="how often each system is started and measured")
    preset = parser.add_mutually_exclusive_group()
    preset.add_argument("--quick", action="store_true", help="two workloads, one run of each")
    preset.add_argument("--full", action="store_true", help="1,000 tasks where meant, more runs of slow pairs")
    given = parser.parse_known_args()[0]
    parser.set_defaults(**(QUICK if given.quick else FULL if given.full else {}))
    return parser.parse_args()


@dataclass(frozen=True)
class Started:
    """A system that runs, and what was found out about it; ``failed`` says why there is nothing."""

    name: str
    system: System
    found: Measured


def in_rounds(
    names: list[str], workloads: list[Workload], options: argparse.Namespace, keep: Callable[[str, Measured], None]
) -> None:
    """Every system as often as there are rounds; what is kept of one is what all rounds until then told."""
    before: dict[str, Measured] = {}
    for _ in range(options.rounds):
        before |= _one_round(names, workloads, options, before, keep)


def _one_round(
    names: list[str],
    workloads: list[Workload],
    options: argparse.Namespace,
    before: Mapping[str, Measured],
    keep: Callable[[str, Measured], None],
) -> dict[str, Measured]:
    so_far: dict[str, Measured] = {}

    def add(name: str, found: Measured) -> None:
        so_far[name] = joined(before.get(name), found)
        keep(name, so_far[name])

    for group in [names] if options.turns else [[name] for name in names]:
        measure(group, workloads, options, add)
    return so_far


def joined(before: Measured | None, now: Measured) -> Measured:
    """What earlier rounds and this one told of a system; what failed in one of them has failed."""
    if before is None:
        return now
    workloads = {name: _both(before["workloads"].get(name), told) for name, told in now["workloads"].items()}
    return {**before, **now, "workloads": {**before["workloads"], **workloads}}


def _both(before: Measured | None, now: Measured) -> Measured:
    if before is None or "runs" not in now:
        return now
    if "runs" not in before:
        return before
    return {**now, **_summary(before["runs"] + now["runs"])}


def measure(
    names: list[str], workloads: list[Workload], options: argparse.Namespace, keep: Callable[[str, Measured], None]
) -> None:
    """Everything about some systems that are there at once, kept after each workload."""
    with ExitStack() as stack:
        started = [stack.enter_context(_started(name, workloads, options)) for name in names]
        for workload in workloads:
            _in_turns([_repeated(one, workload, options) for one in started])
            for one in started:
                keep(one.name, one.found)


@contextmanager
def _started(name: str, workloads: list[Workload], options: argparse.Namespace) -> Iterator[Started]:
    print(f"== {name}", flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as scratch:
        Path(scratch).chmod(0o755)  # embedded servers run as another user when we are root
        system = make(name, Path(scratch), options.slots)
        found: Measured = {"about": vars(system.about), "workloads": {}}
        try:
            try:
                system.start([workload for workload in workloads if not system.offers(workload)])
                found["version"] = system.version()
            except Exception as error:
                traceback.print_exc()
                found["failed"] = _sentence(error)
            yield Started(name, system, found)
        finally:
            system.stop()


def _in_turns(runs: list[Iterator[None]]) -> None:
    """One step of each, until all have come to their end."""
    while runs:
        runs = [one for one in runs if next(one, _END) is not _END]


def _repeated(one: Started, workload: Workload, options: argparse.Namespace) -> Iterator[None]:
    """One workload some times on a running system, a run in each step."""
    if "failed" in one.found:
        return
    if why_not := one.system.offers(workload):
        one.found["workloads"][workload.name] = {**_what(workload), "not_offered": why_not}
        return
    taken: list[Figures] = []
    spent = 0.0
    try:
        for number in itertools.count():
            if taken and (len(taken) >= options.repeats or spent >= options.budget):
                break
            began = time.monotonic()
            seen = once(one, workload, number)
            if number or not options.repeats or (seen["wall_s"] or 0.0) >= LONG_SECONDS:
                taken.append(seen)
            spent += time.monotonic() - began
            yield
    except Exception as error:
        traceback.print_exc()
        told: Measured = {"failed": _sentence(error)}
    else:
        told = {
            "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "commit": provenance.commit(),
            "code": provenance.code(provenance.depends(NAME, one.name)),
            "load": round(os.getloadavg()[0], 2),
            **_summary([_rounded(each) for each in taken]),
        }
    one.found["workloads"][workload.name] = {**_what(workload), **told}


def _summary(runs: list[Figures]) -> Measured:
    """Give the median of every figure, the least and the most of the wall time, the number of runs, and the runs."""
    walls = [run["wall_s"] or 0.0 for run in runs]
    return {"median": _rounded(median_figures(runs)), "wall_s": [min(walls), max(walls)], "n": len(runs), "runs": runs}


def once(one: Started, workload: Workload, number: int) -> Figures:
    """One run; its figures."""
    label = f"{workload.name}-{os.getpid()}-{number}"
    taken = figures(workload, one.system.run(workload, label))
    said = (
        f"{taken['wall_s']:.2f} s, {taken['tasks_per_s']:.1f} tasks/s, {taken['cpu_ms_per_task']:.0f} ms CPU per task"
    )
    print(f"   {one.name}, {workload.name}: {said}{'' if number else ' (first)'}", flush=True)
    return taken


def _what(workload: Workload) -> dict[str, Any]:
    return {"title": workload.title, "tasks": workload.tasks}


def _chosen(names: list[str], known: Any, what: str) -> dict[str, Any]:
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"no {what} named {', '.join(unknown)}; there are {', '.join(known)}")
    return {name: known[name] for name in names}


def _results() -> dict[str, Any]:
    """What earlier runs left: for each number of slots what was measured of each system."""
    path = RESULTS / f"{NAME}.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    return {"machine": machine(), "slots": kept.get("slots", {})}


def _write(results: dict[str, Any]) -> None:
    (RESULTS / "raw").mkdir(parents=True, exist_ok=True)
    (RESULTS / "raw" / f"{NAME}.json").write_text(json.dumps(results, indent=1) + "\n")
    write(RESULTS / f"{NAME}.json", compact(results), DEPTH)


def compact(results: Measured) -> Measured:
    """Leave the single runs away."""
    return {
        **results,
        "slots": {slots: {name: _compact(one) for name, one in of.items()} for slots, of in results["slots"].items()},
    }


def _compact(system: Measured) -> Measured:
    workloads = {
        name: {key: value for key, value in one.items() if key != "runs"} for name, one in system["workloads"].items()
    }
    return {**system, "workloads": workloads}


def _failures(system: dict[str, Any]) -> list[str]:
    found = [system["failed"]] if "failed" in system else []
    return found + [one["failed"] for one in system["workloads"].values() if "failed" in one]


def _rounded(taken: Figures) -> Figures:
    return {name: None if value is None else round(value, 4) for name, value in taken.items()}


def _sentence(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


if __name__ == "__main__":
    sys.exit(main())
