"""Releases on a fleet: a run keeps its own to its end, new runs take the newest, and only changed files are parsed.

The witness is a ledger: each task and each callback writes the folder that its module was imported from.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from airfleet.client import host_plan
from airfleet.drill.waiting import wait_until
from airfleet.metadata.channels import RELEASES
from airfleet.releases.news import Heard, News
from airfleet.releases.places import Places
from airfleet.testing.fleet import FleetUnderTest

pytestmark = pytest.mark.timeout(400)

SECONDS = 90.0
#: until a message that was given back four times is taken by a host that reports its release; by itself, it would be 16
PROMPT_SECONDS = 8.0
MANY = 8
STEPS = '''"""{edition}"""
import json, os, pathlib, time

LEDGER = pathlib.Path(os.environ["LEDGER"])

def write(what, run_id):
    tree = pathlib.Path(__file__).parent.parent.name
    with open(LEDGER / "ledger", "a") as ledger:
        ledger.write(json.dumps([run_id, what, tree, "{edition}"]) + "\\n")

def gate(run_id):
    write("gate", run_id)
    while not (LEDGER / f"open-{{run_id}}").exists():
        time.sleep(0.05)
    return [1, 2]

def item(n, run_id):
    write(f"item {{n}}", run_id)

def again(run_id, ti):
    write(f"again {{ti.try_number}}", run_id)
    if ti.try_number == 1:
        raise ValueError("once")

def last(run_id):
    write("last", run_id)

def told(context):
    write("callback", context["run_id"])
'''
TRIGGERS = '''"""An operator whose trigger is the project's own, too."""
import asyncio

from airflow.sdk import BaseOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent
from shop import steps

class Opened(BaseTrigger):
    def __init__(self, run_id, name):
        super().__init__()
        self.run_id, self.name = run_id, name

    def serialize(self):
        return f"{__name__}.Opened", {"run_id": self.run_id, "name": self.name}

    async def run(self):
        steps.write(f"trigger of {self.name}", self.run_id)
        while not (steps.LEDGER / f"open-{self.run_id}").exists():
            await asyncio.sleep(0.05)
        yield TriggerEvent("open")

class Waits(BaseOperator):
    def execute(self, context):
        self.defer(trigger=Opened(context["run_id"], self.task_id), method_name="go_on")

    def go_on(self, context, event=None):
        steps.write(self.task_id, context["run_id"])
'''
PIPELINE = """\
dag_id: keeps
schedule: null
max_active_runs: 9
on_success_callback: "shop.steps:told"
tasks:
  - {id: gate, uses: "shop.steps:gate"}
  - {id: items, uses: "shop.steps:item", needs: [gate], expand: {n: {$x: gate}}}
  - {id: again, uses: "shop.steps:again", needs: [gate], retries: 1, retry_delay: 1s}
  - id: deferred
    uses: airflow.providers.standard.sensors.time_delta.TimeDeltaSensor
    with: {delta: 0s, deferrable: true}
    needs: [gate]
  - {id: waits, uses: shop.triggers.Waits}
  - {id: waits_later, uses: shop.triggers.Waits, needs: [gate]}
  - {id: last, uses: "shop.steps:last", needs: [items, again, deferred, waits, waits_later]}
"""
HELPED = """\
from airflow.sdk import DAG
from shop.helper import NAME

with DAG("helped", tags=[NAME], schedule=None):
    pass
"""
WAITS = {"waits", "waits_later", "trigger of waits", "trigger of waits_later"}
EVERY_TASK = {*WAITS, "gate", "item 1", "item 2", "again 1", "again 2", "last", "callback"}


@dataclass(frozen=True)
class Shop:
    """The fleet, and the folder of its ledger."""

    fleet: FleetUnderTest
    ledger: Path

    def edition(self, text: str) -> str:
        """Write the module anew and push; the digest that is live then."""
        self.fleet.write("shop/steps.py", STEPS.format(edition=text))
        return self.push(text)

    def push(self, note: str) -> str:
        """Push what is there."""
        done = self.fleet.airfleet("push", "-m", note, "-o", "json")
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        digest = str(json.loads(done.stdout)["digest"])
        wait_until(lambda: self.versions() == {digest}, SECONDS, f"every Dag names {digest}", 0.1)
        return digest

    def versions(self) -> set[str | None]:
        """The releases that new runs of all Dags would take."""
        return {dag["bundle_version"] for dag in self.fleet.api.every("dags", "dags", exclude_stale=True)}

    def open(self, run_id: str) -> None:
        """Let a run go on."""
        (self.ledger / f"open-{run_id}").touch()

    def written(self, run_id: str) -> dict[str, tuple[str, str]]:
        """What a run has written: the release and the edition, by what was done."""
        lines = (self.ledger / "ledger").read_text().splitlines() if (self.ledger / "ledger").exists() else []
        return {what: (tree, edition) for run, what, tree, edition in map(json.loads, lines) if run == run_id}

    def wait_for(self, run_id: str, wanted: set[str]) -> dict[str, tuple[str, str]]:
        """Wait until a run has written all of these."""
        wait_until(lambda: wanted <= self.written(run_id).keys(), SECONDS, f"{run_id} has written {wanted}", 0.1)
        return self.written(run_id)

    def run(self, run_id: str) -> dict[str, Any]:
        """The run as the API has it."""
        found: dict[str, Any] = self.fleet.api.get("dags", "keeps", "dagRuns", run_id)
        return found


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    ledger = tmp_path_factory.mktemp("ledger")
    files = {
        "shop/__init__.py": "",
        "shop/steps.py": STEPS.format(edition="folder"),
        "shop/triggers.py": TRIGGERS,
        "shop/helper.py": "NAME = 'one'\n",
        "pipelines/keeps.yaml": PIPELINE,
        "pipelines/helped.py": HELPED,
        **{f"pipelines/many_{n}.yaml": f"dag_id: many_{n}\ntasks: [{{id: t}}]\n" for n in range(MANY)},
    }
    with FleetUnderTest.make(f"name: shop\nenv: {{LEDGER: {ledger}}}\n", files) as fleet:
        fleet.start()
        yield Shop(fleet, ledger)


@pytest.fixture(scope="module")
def first(shop: Shop) -> str:
    """The first release, pushed after a run of the folder."""
    shop.fleet.wait_for_dag("keeps")
    run_id = shop.fleet.trigger("keeps")
    shop.open(run_id)
    assert shop.fleet.wait_for_run("keeps", run_id, SECONDS) == "success"
    assert shop.run(run_id)["bundle_version"] is None
    return shop.edition("first")


def test_the_first_push_switches_the_fleet_to_releases(shop: Shop, first: str) -> None:
    run_id = shop.fleet.trigger("keeps")
    shop.open(run_id)
    assert shop.fleet.wait_for_run("keeps", run_id, SECONDS) == "success"
    assert shop.wait_for(run_id, EVERY_TASK) == dict.fromkeys(EVERY_TASK, (first, "first"))
    assert shop.run(run_id)["bundle_version"] == first


def test_a_run_keeps_its_release_in_retries_mapped_tasks_deferrals_and_callbacks(shop: Shop, first: str) -> None:
    old = shop.fleet.trigger("keeps")
    kept = shop.wait_for(old, {"gate", "trigger of waits"})["gate"]
    second = shop.edition("second")
    new = shop.fleet.trigger("keeps")
    for run_id in (new, old):
        shop.open(run_id)
        assert shop.fleet.wait_for_run("keeps", run_id, SECONDS) == "success"
    assert shop.wait_for(old, EVERY_TASK) == dict.fromkeys(EVERY_TASK, kept)
    assert kept[0] != second
    assert shop.wait_for(new, EVERY_TASK) == dict.fromkeys(EVERY_TASK, (second, "second"))


@pytest.mark.parametrize("is_latest", [False, True])
def test_a_run_that_is_cleared_takes_its_own_release_unless_the_latest_is_asked_for(
    is_latest: bool, shop: Shop, first: str
) -> None:
    run_id = shop.fleet.trigger("keeps")
    shop.open(run_id)
    assert shop.fleet.wait_for_run("keeps", run_id, SECONDS) == "success"
    before = shop.wait_for(run_id, EVERY_TASK)["last"]
    after = shop.edition(f"after {is_latest}"), f"after {is_latest}"
    (shop.ledger / "ledger").unlink()
    body = {"dry_run": False, "only_failed": False, "dag_run_id": run_id, "run_on_latest_version": is_latest}
    shop.fleet.api.post("dags", "keeps", "clearTaskInstances", body=body)
    written = shop.wait_for(run_id, {"gate", "last", "callback"})
    assert written == dict.fromkeys(written, after if is_latest else before)


@pytest.mark.long
def test_a_cleared_run_without_its_release_waits_with_a_reason_and_begins_at_once_when_that_is_here(
    shop: Shop, first: str
) -> None:
    run_id = shop.fleet.trigger("keeps")
    shop.open(run_id)
    assert shop.fleet.wait_for_run("keeps", run_id, SECONDS) == "success"
    before = shop.wait_for(run_id, EVERY_TASK)["last"]
    shop.edition("without the one before")
    tree, aside = (Places(shop.fleet.paths.releases).root / place for place in (f"trees/{before[0]}", "aside"))
    tree.rename(aside)
    (shop.ledger / "ledger").unlink()
    body = {"dry_run": False, "only_failed": False, "dag_run_id": run_id, "run_on_latest_version": False}
    shop.fleet.api.post("dags", "keeps", "clearTaskInstances", body=body)
    given_back = lambda: shop.fleet.paths.log("worker").read_text().count("raised unexpected: ReleaseAway")  # noqa: E731
    wait_until(lambda: given_back() >= 4, SECONDS, "the message was given back again and again")
    with psycopg.connect(host_plan.of(shop.fleet.project).database_url, autocommit=True) as database:
        with without_record(database, before[0]):
            said = shop.fleet.airfleet("why", "keeps", run_id).stdout
        assert f"release {before[0][:12]} of this run was removed, and no host has it any more" in said
        aside.rename(tree)
        begun = time.monotonic()
        database.execute("SELECT pg_notify(%s, %s)", (RELEASES, str(Heard(News.HOST, before[0]))))
    assert shop.wait_for(run_id, {"gate"})["gate"] == before
    assert time.monotonic() - begun < PROMPT_SECONDS


@contextmanager
def without_record(database: psycopg.Connection[Any], digest: str) -> Iterator[None]:
    """Remove a release from the database in the block, as a collection does."""
    database.execute("CREATE TEMP TABLE removed AS SELECT * FROM airfleet_release WHERE digest = %s", (digest,))
    database.execute("DELETE FROM airfleet_release WHERE digest = %s", (digest,))
    yield
    database.execute("INSERT INTO airfleet_release SELECT * FROM removed")


def test_the_code_of_a_version_is_that_of_its_release(shop: Shop, first: str) -> None:
    texts = {}
    for text in ("with a remark", "without one"):
        shop.fleet.write("pipelines/many_0.yaml", f"# {text}\ndag_id: many_0\ntasks: [{{id: t}}]\n")
        shop.push(text)
        run = shop.fleet.trigger("many_0")
        assert shop.fleet.wait_for_run("many_0", run, SECONDS) == "success"
        [version] = shop.fleet.api.get("dags", "many_0", "dagRuns", run)["dag_versions"]
        texts[version["version_number"]] = text
    assert len(texts) == 2
    for number, text in texts.items():
        source = shop.fleet.api.get("dagSources", "many_0", version_number=number)
        assert f"# {text}" in source["content"]


def _parsed(shop: Shop) -> dict[str, str]:
    return {
        dag["dag_id"]: f"{dag['last_parsed_time']}" for dag in shop.fleet.api.every("dags", "dags", exclude_stale=True)
    }


def test_only_files_that_changed_or_import_what_changed_are_parsed(shop: Shop, first: str) -> None:
    shop.push("as it is")
    before = _parsed(shop)
    assert len(before) == MANY + 2
    shop.fleet.write("pipelines/many_3.yaml", "dag_id: many_3\ntags: [new]\ntasks: [{id: t}]\n")
    shop.fleet.write("shop/helper.py", "NAME = 'two'\n")
    live = shop.push("one pipeline and a helper")
    after = _parsed(shop)
    assert {dag_id for dag_id in after if after[dag_id] != before[dag_id]} == {"many_3", "helped"}
    assert shop.versions() == {live}
    assert [tag["name"] for tag in shop.fleet.api.get("dags", "helped")["tags"]] == ["two"]


def test_a_host_keeps_what_is_needed_and_its_agent_knows_what_is_live(shop: Shop, first: str) -> None:
    places = Places(shop.fleet.paths.releases)
    live = json.loads(shop.fleet.airfleet("status", "-o", "json").stdout)["releases"]["live"]
    assert places.live_digest() == live
    found = shop.fleet.airfleet("releases", "-o", "json")
    assert live in [one["digest"] for one in json.loads(found.stdout)]


def test_a_rollback_is_what_new_runs_take(shop: Shop, first: str) -> None:
    wanted = shop.edition("before the rollback")
    shop.edition("a mistake")
    done = shop.fleet.airfleet("rollback")
    assert done.returncode == 0, done.stderr
    assert re.search(r"release [0-9a-f]{12} is live", done.stdout)
    run_id = shop.fleet.trigger("keeps")
    shop.open(run_id)
    assert shop.fleet.wait_for_run("keeps", run_id, SECONDS) == "success"
    assert shop.wait_for(run_id, EVERY_TASK)["last"] == (wanted, "before the rollback")
