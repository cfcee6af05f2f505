"""The fault matrix, measured: each fault is done to a fleet under load, and if wished to stock Airflow beside it.

    PYTHONPATH=tests python benchmarks/fault_matrix.py [--only F1,F5] [--runs 5] [--stock] [--broker rabbitmq]
        [--seed 1] [--scale 1]

A row is one experiment: a steady load on a system of its own, the fault so many times at random moments of it, and at
the end the verdict of both witnesses on everything that happened. ``F32`` is the random nemesis, ``F32a`` that of whole
hosts: one experiment for each seed from ``--seed`` on. Results are written after each row (``results/faults.json``); a
row that is not run again stays as it was, and one of which nothing could be measured says why. The seconds of each
single fault and every violation as a sentence go to ``results/raw``, which git ignores. The exit code is 1 when
something failed or was violated, or did not recover in time.

Tasks have no retries, so that every task that a fault costs is counted. ``--retries 2`` gives them two, five seconds
apart, as careful users of Airflow have them; such rows are kept apart.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import fault_table
import measuring
import provenance
from measuring import RESULTS

from airfleet.agent.supervisor.restarts import HEALED_AFTER_SECONDS
from airfleet.drill.invariants import Violation
from airfleet.drill.runner import ExperimentOutcome, Recovery
from airfleet.drill.workload import Mix
from faultlab.experiment import Experiment, Shape, Trial
from faultlab.matrix import BY_NUMBER, NEMESES, RANDOM, ROWS
from faultlab.rows.row import Row
from faultlab.servers import rabbitmq
from faultlab.systems.fleet_system import FleetSystem
from faultlab.systems.simulated_hosts import can_have_networks
from faultlab.systems.stock_system import StockSystem
from faultlab.systems.system import System
from faultlab.systems.topology import Topology

FILE = "faults.json"
#: seconds of quiet before a fault, drawn anew each time: enough for the one before to be forgotten, for an agent waits
#: longer and longer for what dies again within a minute, and a task that was lost four times is held to be the cause.
#: The quick ones show that, too.
QUIET, QUICK_QUIET = (HEALED_AFTER_SECONDS + 5.0, HEALED_AFTER_SECONDS + 12.0), (3.0, 6.0)
#: seconds between two runs; stock Airflow needs several times as much CPU for a task (results/task_path.json)
TICKS = {"airfleet": 1.0, "stock": 4.0}
SYSTEMS: dict[str, type[FleetSystem] | type[StockSystem]] = {kind.name: kind for kind in (FleetSystem, StockSystem)}
RABBITMQ = "rabbitmq"
#: in the file of results a row stands on one line
DEPTH = 3
#: how the sentence ends of a task that a fault has cost
FAILED_TASK = "is recorded as failed, and raised no error"


def main() -> int:
    """Run what was asked for; 0 when everything held."""
    options = arguments()
    # Asked to end, it ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    names = ["airfleet"] * (not options.only_stock) + ["stock"] * (options.stock or options.only_stock)
    good = True
    for name in names:
        good = run_all(name, options) and good
    return 0 if good else 1


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="What becomes of tasks when something breaks?")
    parser.add_argument("--only", default="", help="rows, with commas between; all but F21, F32 and F32a when left out")
    parser.add_argument("--runs", type=int, default=5, help="times that each fault is done; seeds of F32 and F32a")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the time that things are away")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds until a recovery is given up")
    parser.add_argument("--drain", type=float, default=120.0, help="seconds for which no further run may end, at last")
    parser.add_argument("--tick", type=float, default=0.0, help="seconds between two runs that are asked for")
    parser.add_argument("--long", type=float, default=0.0, help="seconds of a task that is always there")
    parser.add_argument("--quick", action="store_true", help="shorter windows and tasks: more rows, less certainty")
    parser.add_argument("--broker", choices=("valkey", RABBITMQ), default="valkey")
    parser.add_argument("--stock", action="store_true", help="stock Airflow, too")
    parser.add_argument("--only-stock", action="store_true", help="stock Airflow, and no fleet")
    parser.add_argument("--retries", type=int, default=0, help="retries of every task; rows with some are kept apart")
    parser.add_argument("--faults", type=int, default=NEMESES[RANDOM].faults, help="faults of one seed of F32 or F32a")
    return parser.parse_args()


def run_all(name: str, options: argparse.Namespace) -> bool:
    """All rows on one system, which is started anew where a row needs another one, or broke it for good."""
    wanted = [one for one in options.only.split(",") if one] or [row.number for row in ROWS if row.number != "F21"]
    seeds = range(options.seed, options.seed + options.runs)
    try:
        rows = [BY_NUMBER[number] for number in wanted if number not in NEMESES]
        held = [_row(name, row, options) for row in rows if _is_there(name, row)]
        held += [_random(name, number, seed, options) for number in wanted if number in NEMESES for seed in seeds]
    finally:
        _Kept.end()
    return all(held)


def _is_there(name: str, row: Row) -> bool:
    """Whether a system has what is broken; several hosts of stock Airflow always have networks of their own."""
    return name == FleetSystem.name or not (row.fleet_only or (row.topology.hosts > 1 and not can_have_networks()))


def _row(name: str, row: Row, options: argparse.Namespace) -> bool:
    shape = replace(shape_of(name, options), overlap_seconds=row.overlap_seconds)
    return _measure(name, row.number, row.topology, shape, trials_of(row, options), options, options.seed)


def trials_of(row: Row, options: argparse.Namespace) -> list[Trial]:
    """The fault, as often as it was asked for, at random moments."""
    chance = random.Random(f"{row.number}-{options.seed}")
    quiet = QUICK_QUIET if options.quick else QUIET
    return [row.trial(options.scale, chance.uniform(*quiet)) for _ in range(options.runs)]


def _random(name: str, number: str, seed: int, options: argparse.Namespace) -> bool:
    nemesis = replace(NEMESES[number], faults=options.faults)
    key, shape, trials = f"{number} seed {seed}", shape_of(name, options), nemesis.trials(seed)
    return _measure(name, key, nemesis.topology, shape, trials, options, seed)


def _measure(
    name: str,
    key: str,
    topology: Topology,
    shape: Shape,
    trials: Sequence[Trial],
    options: argparse.Namespace,
    seed: int,
) -> bool:
    """Do an experiment and write down what came of it, or why nothing did; whether all held."""
    try:
        topology = replace(topology, retries=options.retries)
        outcome = _experiment(_Kept.get(name, topology, options.broker), shape, trials, key.replace(" seed ", "-"))
    except AssertionError as wrong:  # it did not start, or nothing ran that could be broken: the next one may
        print(f"  {wrong}", flush=True)
        _write(name, key, options, seed, {**_found(()), fault_table.FAILED: str(wrong)})
        return False
    found = _found(outcome.recoveries, outcome.violations, outcome.runs, outcome.tasks)
    _write(name, key, options, seed, found)
    return in_time(key, found["recovery"]) and not outcome.violations


def shape_of(name: str, options: argparse.Namespace) -> Shape:
    """What is asked of the system meanwhile, and how long it is watched."""
    tick = options.tick or TICKS[name]
    window, long = (8.0, 12.0) if options.quick else (15.0, 30.0)
    return Shape(
        mix=Mix(tick_seconds=tick, long_seconds=options.long or long),
        window_seconds=window * max(1.0, tick / 2),
        patience_seconds=options.patience,
        drain_seconds=options.drain,
    )


def _experiment(system: System, shape: Shape, trials: Sequence[Trial], title: str) -> ExperimentOutcome:
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"  {time.monotonic() - began:7.1f} s  {line}", flush=True)

    print(f"{title} on {system.name}", flush=True)
    try:
        outcome = Experiment(system, shape, f"{title.lower()}-{int(time.time())}", say).run(trials)
    except BaseException:
        _Kept.end()
        raise
    for violation in outcome.violations:
        say(str(violation))
    if outcome.violations:
        say(f"the logs are in {_keep_logs(system, title)}")
    if not outcome.recovered:
        _Kept.end()
    return outcome


def _keep_logs(system: System, title: str) -> Path:
    """Copies of what components and tasks wrote, and of what tasks told, for who wants to know why."""
    folder = Path(tempfile.mkdtemp(prefix=f"{system.name}-{title}-".lower().replace(" ", "-")))
    for number, file in enumerate((*system.logs(), *system.witness_folder.iterdir())):
        shutil.copyfile(file, folder / f"{number}-{file.name}")
    return folder


class _Kept:
    """The system that runs now: the next row takes it, too, if it is of the kind it needs."""

    _system: System | None = None
    _kind: tuple[str, Topology, str] | None = None

    @classmethod
    def get(cls, name: str, topology: Topology, broker: str) -> System:
        """A system that runs."""
        kind = (name, topology, broker)
        if cls._system is not None and cls._kind == kind and cls._system.is_well():
            return cls._system
        cls.end()
        made = _make(name, topology, broker)
        cls._system, cls._kind = made, kind
        try:
            made.start()
        except BaseException:
            cls.end()
            raise
        return made

    @classmethod
    def end(cls) -> None:
        """End it."""
        if cls._system is not None:
            cls._system.stop()
        cls._system = cls._kind = None


def _make(name: str, topology: Topology, broker: str) -> System:
    make_broker = rabbitmq.beside if broker == RABBITMQ else None
    return SYSTEMS[name](topology, make_broker)


def _write(name: str, key: str, options: argparse.Namespace, seed: int, found: dict[str, Any]) -> None:
    """Put the row beside what is there."""
    told = {
        "date": measuring.machine()["date"],
        "commit": provenance.commit(),
        "code": provenance.code(provenance.depends("faults", name)),
        "airflow": importlib.metadata.version("apache-airflow"),
        "seed": seed,
        "scale": options.scale,
        "tick_s": options.tick or TICKS[name],
        "retries": options.retries,
        "load_at_start": measuring.LOAD_AT_START,
        "load_at_end": round(os.getloadavg()[0], 2),
        "patience_s": options.patience,
        **found,
    }
    system = system_of(name, options.broker, options.retries)
    _keep(RESULTS / "raw" / FILE, system, key, told)
    _keep(RESULTS / FILE, system, key, compact(told))


def system_of(name: str, broker: str, retries: int) -> str:
    """Name the part of the results that a system with such a broker and such tasks is in."""
    said = [f"with {what}" for what in (broker == RABBITMQ and "RabbitMQ", retries and f"{retries} retries") if what]
    return " ".join([name, " and ".join(said)]).strip().replace(" and with ", " and ")


def _keep(path: Path, system: str, key: str, told: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = json.loads(path.read_text()) if path.exists() else {"systems": {}}
    kept["machine"] = measuring.machine()
    kept["systems"].setdefault(system, {})[key] = told
    measuring.write(path, kept, DEPTH)


def compact(told: dict[str, Any]) -> dict[str, Any]:
    """Leave single faults and sentences away: how often, what it was, medians, and how often what was violated."""
    faults, violations = told["faults"], told["violations"]
    return {
        **{name: value for name, value in told.items() if name not in ("faults", "violations")},
        "fault": faults[0]["fault"] if faults else "",
        "times": len(faults),
        "violated": dict(Counter(sentence.partition(":")[0] for sentence in violations)),
        "failed_tasks": sum(sentence.endswith(FAILED_TASK) for sentence in violations),
    }


def _found(
    recoveries: Sequence[Recovery], violations: Sequence[Violation] = (), runs: int = 0, tasks: int = 0
) -> dict[str, Any]:
    seen = [_fault(one.injection.name, one.seconds) for one in recoveries]
    return {
        "runs_of_dags": runs,
        "attempts": tasks,
        "faults": seen,
        "recovery": fault_table.summary([one["recovery_s"] for one in seen]),
        "violations": [str(violation) for violation in violations],
    }


def in_time(key: str, recovery: dict[str, Any]) -> bool:
    """Whether all recovered, and no later than is promised."""
    promised = BY_NUMBER[key].promised if key in BY_NUMBER else {}
    over = all(one["recovered"] == one["of"] for one in recovery.values())
    return over and not any(fault_table.breaks(one, promised.get(watch)) for watch, one in recovery.items())


def _fault(name: str, seconds: dict[str, float | None]) -> dict[str, Any]:
    shown = {key: value if value is None else round(value, 3) for key, value in seconds.items()}
    return {"fault": name, "recovery_s": shown}


if __name__ == "__main__":
    sys.exit(main())
