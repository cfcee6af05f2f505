"""A run keeps the release that it began with, whatever is live meanwhile; new runs take the new one."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.releases.places import Places
from airfleet.testing.fleet import FleetUnderTest
from faultlab.measuring.ledger import Ledger
from support import release_trees

pytestmark = pytest.mark.long

FLEET = """\
name: released
workers: [{name: worker, slots: 2}]
"""
#: files beside the one that changes
OTHERS = 300
#: until a changed file of a release is what Airflow shows, seconds
VISIBLE_SECONDS = 2.0
WAITS = 90.0
#: until all files of the first release are parsed, seconds
ALL_SECONDS = 400.0

#: a run with retries, mapped tasks, a deferral and a callback: each part writes which release it is of
RUN = """\
dag_id: long_run
start_date: 2026-01-01
on_failure_callback: said:failed
tasks:
  - {id: first, uses: "said:first", retries: 3, retry_delay: 1s}
  - {id: mapped, needs: [first], uses: "said:mapped", expand: {number: [1, 2, 3]}}
  - {id: deferred, needs: [mapped], uses: said.Defers}
  - {id: last, needs: [deferred], uses: "said:last"}
"""
SAID = '''\
"""Tasks that write which release they are of, and wait for files."""

import os
from datetime import timedelta
from pathlib import Path

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import BaseOperator, get_current_context

LEDGER, GO = "{ledger}", Path("{go}")
WORD = "{word}"


def say(what):
    release = Path(__file__).parent.name[:8]
    with open(LEDGER, "a") as file:
        file.write(f"{{what}} {{WORD}} {{release}}\\n")


def first():
    say(f"first-{{get_current_context()['ti'].try_number}}")
    if not GO.exists():
        raise RuntimeError("not yet")


def mapped(number):
    say(f"mapped-{{number}}")


def last():
    say("last")
    if get_current_context()["dag_run"].conf.get("fails"):
        raise RuntimeError("as it was told to")


def failed(context):
    say("callback")


class Defers(BaseOperator):
    def execute(self, context):
        say("defers")
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=1)), method_name="resumed")

    def resumed(self, context, event):
        say("resumed")
'''
SMALL = """\
dag_id: small_{number}
description: {words}
start_date: 2026-01-01
tasks: [{{id: a, uses: bash, with: {{bash_command: ls}}}}]
"""


@dataclass(frozen=True)
class Released:
    """A fleet with releases, and the witness of what its tasks did."""

    fleet: FleetUnderTest
    ledger: Ledger
    go: Path

    @property
    def places(self) -> Places:
        return Places(self.fleet.paths.releases)

    def release(self, word: str, changed: str = "as before") -> str:
        """Make a release whose tasks say ``word``, and whose first small pipeline is described as ``changed``."""
        small = {
            f"pipelines/small_{number}.yaml": SMALL.format(number=number, words=changed if number == 0 else "small")
            for number in range(OTHERS)
        }
        said = SAID.format(ledger=self.ledger.path, go=self.go, word=word)
        return release_trees.make(self.places, {"pipelines/long_run.yaml": RUN, "said.py": said, **small})

    def live(self, digest: str) -> None:
        """Make a release live on this host."""
        release_trees.go_live(self.places, digest)

    def run(self, run: str) -> dict[str, Any]:
        """Read a run of the long pipeline."""
        return dict(self.fleet.api.get("dags", "long_run", "dagRuns", run))

    def dag(self, dag_id: str) -> dict[str, Any]:
        """Read a Dag."""
        return dict(self.fleet.api.get("dags", dag_id))

    def versions(self, dag_id: str) -> list[dict[str, Any]]:
        """Read the versions of a Dag, the oldest first."""
        found = list(self.fleet.api.every("dag_versions", "dags", dag_id, "dagVersions"))
        return sorted(found, key=lambda version: int(version["version_number"]))

    def has_moved(self, dag_id: str, digest: str, seconds: float = WAITS) -> None:
        """Wait until new runs of a Dag take a release."""
        self.fleet.wait_for_dag(dag_id)
        what = f"{dag_id} is of release {digest[:8]}"
        wait_until(lambda: self.dag(dag_id)["bundle_version"] == digest, seconds, what, 0.1)

    def said(self, run_words: str) -> set[str]:
        """Give the releases that wrote lines which begin with one of these words."""
        return {line.split()[2] for line in self.ledger.lines() if line.startswith(run_words)}

    def parses(self) -> list[str]:
        """Give the files whose Dags were parsed, by the log of each."""
        logs = self.fleet.paths.logs / "dag-files" / "latest" / "pipelines"
        return sorted(path.name.removesuffix(".log") for path in logs.rglob("*.log"))


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Released]:
    """Start a fleet of a folder, and give it its first release while it runs."""
    folder = tmp_path_factory.mktemp("released")
    files = {"pipelines/before.yaml": SMALL.format(number="before", words="of the folder")}
    with FleetUnderTest.make(FLEET, files) as fleet:
        fleet.start()
        fleet.wait_for_dag("small_before")
        yield Released(fleet, Ledger(folder / "ledger"), folder / "go")


@pytest.fixture(scope="module")
def one(released: Released) -> str:
    """Make the first release live; its digest."""
    digest = released.release("one")
    released.live(digest)
    count = lambda: released.fleet.api.get("dags", limit=1)["total_entries"]  # noqa: E731
    wait_until(lambda: count() == OTHERS + 1, ALL_SECONDS, "the Dags of the release are there, and no others", 0.5)
    return digest


def test_the_first_release_takes_the_place_of_the_folder_without_a_restart(released: Released, one: str) -> None:
    assert "small_before" not in {dag["dag_id"] for dag in released.fleet.api.every("dags", "dags")}
    assert released.fleet.airfleet("check").returncode == 0
    assert released.dag("small_0")["fileloc"] == str(released.places.tree(one) / "pipelines" / "small_0.yaml")


def test_a_run_keeps_its_release_to_its_end_and_new_runs_take_the_new_one(released: Released, one: str) -> None:
    run = released.fleet.trigger("long_run", {"fails": True})
    wait_until(lambda: "first-1" in " ".join(released.ledger.lines()), WAITS, "the first attempt has failed")
    two = released.release("two")
    released.live(two)
    released.has_moved("long_run", two)
    released.go.touch()
    assert released.fleet.wait_for_run("long_run", run, WAITS) == "failed"
    wait_until(lambda: released.said("callback"), WAITS, "the callback of the run was called")
    parts = {line.split()[0] for line in released.ledger.lines()}
    assert parts >= {"first-1", "mapped-3", "defers", "resumed", "last", "callback"}
    assert {line.split()[2] for line in released.ledger.lines()} == {one[:8]}
    assert released.run(run)["bundle_version"] == one

    new = released.fleet.trigger("long_run")
    assert released.fleet.wait_for_run("long_run", new, WAITS) == "success"
    assert released.said("last") == {one[:8], two[:8]}
    assert released.run(new)["bundle_version"] == two
    clear_and_look(released, run, one, two)


def clear_and_look(released: Released, run: str, one: str, two: str) -> None:
    """Clear a task of the run of release one: it waits for one, takes it again, and takes two where that is asked."""
    tree, aside = released.places.tree(one), released.places.root / "aside"
    tree.rename(aside)
    clear(released, run, latest=False)
    given_back = lambda: "ReleaseAway" in released.fleet.paths.log("worker").read_text()  # noqa: E731
    wait_until(given_back, WAITS, "a worker has given the message of a release back that is not here")
    aside.rename(tree)
    ends_again(released, run, one, 3)
    clear(released, run, latest=True)
    ends_again(released, run, two, 4)


def clear(released: Released, run: str, *, latest: bool) -> None:
    """Clear the last task of the run."""
    body: dict[str, Any] = {"dag_run_id": run, "task_ids": ["last"], "only_failed": False, "dry_run": False}
    body["run_on_latest_version"] = latest
    released.fleet.api.post("dags", "long_run", "clearTaskInstances", body=body)


def ends_again(released: Released, run: str, digest: str, times: int) -> None:
    """Wait until the last task has run so often, and the run has failed and called back as often as the task did."""
    assert released.fleet.wait_for_run("long_run", run, WAITS) == "failed"
    lasts = [line.split()[2] for line in released.ledger.lines() if line.startswith("last ")]
    assert (len(lasts), lasts[-1]) == (times, digest[:8])
    # All runs of that task but that of the new run, which was well, ended badly.
    calls = lambda: [line.split()[2] for line in released.ledger.lines() if line.startswith("callback")]  # noqa: E731
    wait_until(lambda: len(calls()) == times - 1, WAITS, "the run has called back", 0.2)
    assert calls()[-1] == digest[:8]


def test_of_300_pipelines_the_changed_one_alone_is_parsed_and_the_old_source_stays(
    released: Released, one: str, record_property: Any
) -> None:
    before = str(released.places.live_digest())
    old = released.fleet.trigger("small_0")
    assert released.fleet.wait_for_run("small_0", old, WAITS) == "success"
    shutil.rmtree(released.fleet.paths.logs / "dag-files" / "latest" / "pipelines", ignore_errors=True)
    seconds = []
    for words in ("changed", "changed again", "changed once more"):  # other tests may be using the machine meanwhile
        digest = released.release("two", changed=words)
        moved_at = time.monotonic()
        released.live(digest)
        wait_until(lambda: released.dag("small_0")["description"] == words, 20, "the change is there", 0.05)  # noqa: B023
        seconds.append(round(time.monotonic() - moved_at, 2))
    record_property("seconds until a changed file of a release is seen", seconds)
    assert min(seconds) <= VISIBLE_SECONDS, seconds
    released.has_moved("small_299", digest, 5.0)
    assert released.parses() == ["small_0.yaml"]
    first, second = released.versions("small_0")[-2:]
    assert (first["bundle_version"], second["bundle_version"]) == (before, digest)
    source = released.fleet.api.get("dagSources", "small_0", version_number=first["version_number"])["content"]
    assert source == SMALL.format(number=0, words="as before")
    (only,) = released.versions("small_299")
    assert only["bundle_version"] == digest
