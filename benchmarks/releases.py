"""How long until a pushed release runs, and until a rollback does: on one host, on three, with a thousand pipelines.

    PYTHONPATH=tests python benchmarks/releases.py [--pushes 5] [--pipelines 1000] [--others]

*push to run*: from the start of ``airfleet push`` to the first line that the new code writes into a ledger, with the
trigger of a run between; of several hosts, on another host than the one that pushed. *rollback to run*: the same for
``airfleet rollback``. *first push*, *one changed*: until Airflow has every Dag of the release, and the changed one.
Three hosts have a network of their own each where root measures. With ``--others``, code goes to Airflow alone, too:
:mod:`release_peers`; without it, those figures stay, with the commit at which they were measured.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, LiteralString

import release_peers
import release_table
from measuring import RESULTS, report, spread

from airfleet.cli.queries import release_records
from airfleet.client import fleet_database
from airfleet.drill.waiting import wait_until
from airfleet.testing.fleet import FleetUnderTest
from faultlab.systems.hosts_under_test import HostsUnderTest

PATIENCE_SECONDS = 120.0
POLL_SECONDS = 0.02
#: tasks of one run: enough for each host to get one
TASKS = 12
STEPS = """\
import json, os, time

def write(n):
    with open(os.environ["LEDGER"], "a") as ledger:
        ledger.write(json.dumps([{edition!r}, os.environ.get("AIRFLEET_HOST", "local")]) + "\\n")
    time.sleep(0.2)
"""
PIPELINE = f"""\
dag_id: ledger
schedule: null
tasks:
  - {{id: write, uses: "shop.steps:write", expand: {{n: {list(range(TASKS))}}}}}
"""
COUNT: Final = "SELECT count(*) FROM dag WHERE NOT is_stale"
DESCRIPTION: Final = "SELECT description FROM dag WHERE dag_id = 'dag_7'"
SMALL = """\
dag_id: dag_{number}
description: "{text}"
schedule: null
tasks:
  - {{id: one, uses: bash, with: {{bash_command: "true"}}}}
  - {{id: two, uses: bash, with: {{bash_command: "true"}}, needs: [one]}}
"""


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description="How long until a pushed release runs.")
    parser.add_argument("--pushes", type=int, default=5)
    parser.add_argument("--pipelines", type=int, default=1000)
    parser.add_argument("--others", action="store_true", help="Bundles of git, and rsync by cron, too.")
    options = parser.parse_args()
    ways = {
        "1 host": lambda: hosts(1, options.pushes),
        "3 hosts": lambda: hosts(3, options.pushes),
        f"{options.pipelines} pipelines": lambda: many(options.pipelines),
        **(others(options.pushes) if options.others else {}),
    }
    found: dict[str, dict[str, Any]] = {}
    for name, measure in ways.items():
        found[name] = measure()
        print(f"{name}: {found[name]}", flush=True)
    if not options.others:
        found |= kept(found, json.loads((RESULTS / "releases.json").read_text()))
    report("releases", {"ways": found}, release_table.HEAD, list(release_table.rows(found)), release_table.NOTES)


def kept(measured: Collection[str], earlier: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the ways that were not measured now, each with the commit at which it was."""
    commit = earlier["machine"]["commit"]
    return {name: {"commit": commit, **of} for name, of in earlier["ways"].items() if name not in measured}


def others(pushes: int) -> dict[str, Callable[[], dict[str, Any]]]:
    """Give the ways of Airflow alone; what takes minutes is done less often."""
    return {
        "git bundle, tuned": lambda: release_peers.git(pushes, 1),
        "rsync by cron": lambda: release_peers.rsync(2),
        "git bundle, defaults": lambda: release_peers.git(1),
    }


def hosts(count: int, pushes: int) -> dict[str, Any]:
    """Pushes and rollbacks of one pipeline on a fleet of so many hosts."""
    with TemporaryDirectory(prefix="bench-") as scratch:
        ledger = Path(scratch, "ledger")
        files = {"pipelines/ledger.yaml": PIPELINE, "shop/__init__.py": "", "shop/steps.py": STEPS.format(edition="0")}
        settings = f"name: bench\nenv: {{LEDGER: {ledger}}}\n"
        fleet = HostsUnderTest.of(settings, count, files, netns=count > 1 and os.geteuid() == 0)
        with fleet:
            fleet.start()
            fleet.wait_for_dag("ledger")
            first = fleet.names[0] if count > 1 else ""
            taken: dict[str, list[float]] = {"push_to_run": [], "rollback_to_run": []}
            _push(fleet)
            for number in range(1, pushes + 1):
                edition = str(number)
                fleet.write("shop/steps.py", STEPS.format(edition=edition))
                taken["push_to_run"].append(_until_run(fleet, ledger, edition, first, lambda: _push(fleet)))
                # Each rollback leads to the release that was live before the push: the first one.
                taken["rollback_to_run"].append(_until_run(fleet, ledger, "0", first, lambda: _do(fleet, "rollback")))
        return {name: spread(values) for name, values in taken.items()}


def _until_run(fleet: HostsUnderTest, ledger: Path, edition: str, first: str, change: Callable[[], object]) -> float:
    """Seconds from the change to a line of this edition, of another host than the first where there are several."""
    ledger.unlink(missing_ok=True)
    began = time.perf_counter()
    change()
    run = fleet.trigger("ledger")

    def written() -> bool:
        lines = ledger.read_text().splitlines() if ledger.exists() else []
        return any(found == edition and host not in (first, "") for found, host in map(json.loads, lines))

    wait_until(written, PATIENCE_SECONDS, f"edition {edition} runs", POLL_SECONDS)
    taken = time.perf_counter() - began
    assert fleet.wait_for_run("ledger", run) == "success"
    return taken


def many(pipelines: int) -> dict[str, Any]:
    """The first push of many pipelines to a fleet that has releases already, and a push of one that changed."""
    files = {f"pipelines/dag_{number}.yaml": SMALL.format(number=number, text="") for number in range(pipelines)}
    with FleetUnderTest.make("name: bench\n", {"pipelines/first.yaml": SMALL.format(number="first", text="")}) as fleet:
        fleet.start()
        _push(fleet)  # else the dag-processor would begin to read the folder while it is pushed
        for path, text in files.items():
            (fleet.root / path).write_text(text)
        with _answers(fleet) as ask:
            began = time.perf_counter()
            _push(fleet)
            wait_until(lambda: ask(COUNT) == pipelines + 1, PATIENCE_SECONDS, "every Dag is there", 0.1)
            first = time.perf_counter() - began
            changed = [_until_changed(fleet, f"edit {number}", ask) for number in range(3)]
    return {"first_push": spread([first]), "one_changed": spread(changed)}


def _until_changed(fleet: FleetUnderTest, text: str, ask: Callable[[LiteralString], object]) -> float:
    """Seconds from the start of a push until Airflow has what changed; the push has a little more to do by then."""
    (fleet.root / "pipelines" / "dag_7.yaml").write_text(SMALL.format(number=7, text=text))
    began = time.perf_counter()
    with ThreadPoolExecutor() as pool:
        pushed = pool.submit(_push, fleet)
        wait_until(lambda: ask(DESCRIPTION) == text, PATIENCE_SECONDS, "the change is there", POLL_SECONDS)
        taken = time.perf_counter() - began
        pushed.result()
    return taken


@contextmanager
def _answers(fleet: FleetUnderTest) -> Iterator[Callable[[LiteralString], object]]:
    """Ask the database: the same question costs the api-server a tenth of a second, which others could use."""
    here = fleet.project
    with fleet_database.connect(here, release_records.fleet_of(here)) as connection:
        yield lambda question: (connection.execute(question).fetchone() or (None,))[0]


def _push(fleet: FleetUnderTest) -> None:
    _do(fleet, "push")


def _do(fleet: FleetUnderTest, *words: str) -> None:
    done = fleet.airfleet(*words)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


if __name__ == "__main__":
    main()
