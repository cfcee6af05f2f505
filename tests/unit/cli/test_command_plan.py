"""``airfleet plan``, ``config`` and ``schema``: what fleet.yaml means, without starting anything."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

import jsonschema
import pytest
import yaml
from fake_agent import FakeAgent, component, snapshot

from airfleet.cli.project import Project
from airfleet.fleet import paths, planning, preview, reader, secrets
from conftest import Airfleet

FIVE = """\
name: shop
database: postgresql://airflow:${{ secrets.db }}@db.internal/airflow
broker: redis://queue.internal/0
hosts:
  - {name: control, address: 10.0.0.11, scheduler: 2, api_server: true, dag_processor: {memory: 1GB}}
  - name: work
    address: 10.0.0.21
    workers:
      - {name: light, queues: [default, quick], slots: 8, memory: 16GB, count: 2}
      - {name: heavy}
  - {name: more, address: 10.0.0.22, workers: [{slots: 1}]}
"""

AgentSays = Callable[..., AbstractContextManager[FakeAgent]]


def rows(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


def brought_up(project: Project) -> None:
    """Leave behind what an agent leaves that was told to run fleet.yaml as it is now."""
    fleet = reader.read_file(project.fleet_file, project.environ)
    kept = secrets.load_or_generate(project.paths.secrets)
    plan = planning.plan(preview.context(fleet, fleet.hosts[0].name, project.paths, kept, cores=2))
    (project.paths.home / "plan.json").write_text(plan.files[project.paths.plan].text)


NAMES = ["postgres", "valkey", "template", "migrate", "scheduler", "dag-processor", "triggerer", "worker", "api-server"]


def test_what_a_fleet_on_this_machine_would_run(project: Project, airfleet: Airfleet) -> None:
    result = airfleet("plan", "-o", "plain")
    assert result.code == 0
    assert [(row[0], row[2]) for row in rows(result.out)] == [("+", name) for name in NAMES]
    assert not project.paths.home.exists()


def test_a_plan_for_people_ends_with_a_summary(project: Project, airfleet: Airfleet) -> None:
    result = airfleet("plan")
    assert re.search(r"^\+  api-server +127\.0\.0\.1:8080$", result.out, re.MULTILINE)
    assert result.err == "\nnothing runs here: 9 to start\n"


def test_every_host_of_a_fleet_or_one_of_them(project: Project, airfleet: Airfleet) -> None:
    project.fleet_file.write_text(FIVE)
    found = [row for row in rows(airfleet("plan", "-o", "plain").out) if row[2] not in ("broker", "nginx")]
    assert [(row[1], row[2], row[3], row[4]) for row in found] == [
        ("control", "template", "", ""),
        ("control", "migrate", "", ""),
        ("control", "scheduler", "", ""),
        ("control", "scheduler-2", "", ""),
        ("control", "dag-processor", "", "1GB"),
        ("control", "api-server", "", ""),
        ("control", "log-server", "", ""),
        ("work", "template", "", ""),
        ("work", "light", "queues default, quick, 8 slots", "16GB"),
        ("work", "light-2", "queues default, quick, 8 slots", "16GB"),
        ("work", "heavy", "queue default, a slot per core", ""),
        ("work", "log-server", "", ""),
        ("more", "template", "", ""),
        ("more", "worker", "queue default, 1 slot", ""),
        ("more", "log-server", "", ""),
    ]
    assert {row[1] for row in rows(airfleet("plan", "--host", "more", "-o", "plain").out)} == {"more"}


def test_a_host_that_the_fleet_does_not_have(project: Project, airfleet: Airfleet) -> None:
    project.fleet_file.write_text(FIVE)
    result = airfleet("plan", "--host", "werk")
    assert (result.code, result.out) == (1, "")
    assert result.err == "error: fleet 'shop' has no host 'werk'\nhint: did you mean 'work'?\n"


def test_a_plan_needs_no_secrets(project: Project, airfleet: Airfleet) -> None:
    project.fleet_file.write_text(FIVE)
    result = airfleet("plan")
    assert result.code == 0
    assert result.err.endswith("secrets of this fleet are not here: whatever depends on them was not compared\n")


def test_a_fleet_that_is_wrong_has_no_plan(project: Project, airfleet: Airfleet) -> None:
    project.fleet_file.write_text(FIVE.replace("scheduler: 2", "schedulers: 2"))
    result = airfleet("plan")
    assert (result.code, result.out) == (1, "")
    assert "unknown key 'schedulers'" in result.err
    assert "there is no secret 'db'" in result.err  # what 'up' would say, all of it


def test_nothing_changes_when_the_file_is_the_one_that_runs(
    project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    project.paths.home.mkdir()
    brought_up(project)
    with agent_says(snapshot(component("agent"), *map(component, NAMES))):
        result = airfleet("plan")
    assert result.err == "\nnothing would change\n"


def test_what_would_start_stop_and_be_started_anew_and_why(
    project: Project, airfleet: Airfleet, agent_says: AgentSays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    project.fleet_file.write_text("workers: [{name: light, slots: 2}, {name: old}]\n")
    project.paths.home.mkdir()
    brought_up(project)
    project.fleet_file.write_text(
        "workers: [{name: light, slots: 4, memory: 2GB}, {name: new}]\nairflow: {core: {parallelism: 9}}\n"
    )
    names = [name for name in NAMES if name != "worker"]
    with agent_says(snapshot(component("agent"), *map(component, [*names, "light", "old"]))):
        result = airfleet("plan", "-o", "plain")
        whole = json.loads(airfleet("plan", "-o", "json").out)
        people = airfleet("plan").err
    settings = "airflow.cfg: core.parallelism"
    assert {row[2]: (row[0], row[6]) for row in rows(result.out)} == {
        "postgres": ("", ""),
        "valkey": ("", ""),
        **dict.fromkeys(("template", "migrate", "scheduler", "dag-processor", "triggerer"), ("~", settings)),
        "light": ("~", f"slots 2 → 4; memory without limit → 2GB; {settings}"),
        "new": ("+", ""),
        "api-server": ("~", settings),
        "old": ("-", ""),
    }
    assert people == "\n1 to start, 1 to stop, 7 to restart; 'airfleet down', then 'airfleet up', makes it so\n"
    (host,) = whole["hosts"]
    assert (host["host"], host["running"]) == ("local", True)
    light = next(one for one in host["components"] if one["name"] == "light")
    assert (light["change"], light["memory_bytes"], light["options"]["slots"]) == ("restart", 2**31, "4")


def test_what_an_older_agent_runs_is_compared_by_name(
    project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    project.paths.home.mkdir()
    (project.paths.home / "plan.json").write_text('{"host": "local"}')
    with agent_says(snapshot(*map(component, [*NAMES, "worker-2"]))):
        found = {row[2]: row[0] for row in rows(airfleet("plan", "-o", "plain").out)}
    assert {name: sign for name, sign in found.items() if sign} == {"worker-2": "-"}


def test_a_host_with_a_home_of_its_own_is_compared_with_its_agent(
    project: Project, airfleet: Airfleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = FIVE.replace(":${{ secrets.db }}", "")
    project.fleet_file.write_text(text)
    fleet = reader.read_file(project.fleet_file, project.environ)
    its = paths.of(project.root, {**project.environ, "AIRFLEET_HOST": "more"})
    its.home.mkdir(parents=True)
    context = preview.context(fleet, "more", its, secrets.load_or_generate(its.secrets), cores=2)
    its.plan.write_text(planning.plan(context).files[its.plan].text)
    project.fleet_file.write_text(text.replace("slots: 1", "slots: 3"))
    import fake_agent

    with fake_agent.listening(FakeAgent([snapshot(component("template"), component("worker"))]), its.socket):
        found = rows(airfleet("plan", "-o", "plain").out)
    changed = {(row[1], row[2]): (row[0], row[6]) for row in found if row[1] == "more"}
    assert changed["more", "worker"] == ("~", "slots 1 → 3")
    assert changed["more", "template"] == ("", "")
    assert {row[0] for row in found if row[1] != "more"} == {"+"}


# --- config ----------------------------------------------------------------------------------------


def test_config_is_the_merged_file_with_secrets_masked(project: Project, airfleet: Airfleet) -> None:
    (project.root / "fleet.yaml").write_text(
        "name: shop\nworkers: [{name: a, slots: 2}]\nbroker: redis://:s3cret@queue/0\n"
        "connections: {w: {type: http, password: s3cret, login: '${{ env.W }}'}}\n"
        "variables: {api_token: s3cret, other_token: {value: s3cret}, plain: {value: x}}\n"
    )
    (project.root / "fleet.prod.yaml").write_text(
        "workers: [{name: a, slots: 8}, {name: b}]\n"
        "database: postgresql://a:${{ secrets.db }}@db/a\nenv: {AWS_SECRET_ACCESS_KEY: s3cret, TZ: UTC}\n"
    )
    result = airfleet("config", "--env", "prod")
    assert "s3cret" not in result.out
    assert result.out.startswith("# fleet.yaml + fleet.prod.yaml\n")
    assert yaml.safe_load(result.out) == {
        "name": "shop",
        "workers": [{"name": "a", "slots": 8}, {"name": "b"}],
        "broker": "redis://:***@queue/0",
        "connections": {"w": {"type": "http", "password": "***", "login": "${{ env.W }}"}},
        "variables": {"api_token": "***", "other_token": {"value": "***"}, "plain": {"value": "x"}},
        "database": "postgresql://a:${{ secrets.db }}@db/a",
        "env": {"AWS_SECRET_ACCESS_KEY": "***", "TZ": "UTC"},
    }
    assert json.loads(airfleet("config", "-o", "json").out)["workers"] == [{"name": "a", "slots": 2}]


def test_config_of_a_file_that_is_no_yaml(project: Project, airfleet: Airfleet) -> None:
    project.fleet_file.write_text("name: [\n")
    result = airfleet("config")
    assert (result.code, result.out) == (1, "")
    assert "fleet.yaml:2:1: " in result.err


# --- schema ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["fleet", "pipeline"])
def test_schema_prints_a_schema(file: str, airfleet: Airfleet) -> None:
    found = json.loads(airfleet("schema", file).out)
    jsonschema.Draft202012Validator.check_schema(found)
    assert found["title"] == f"airfleet {file}"


# --- all of them -----------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("plan",), ("config",), ("schema", "fleet")])
def test_they_import_no_airflow_and_no_database_driver(words: tuple[str, ...], project: Project) -> None:
    program = (
        "import sys\nfrom airfleet.cli.main import cli\n"
        f"cli.main({list(words)!r}, standalone_mode=False)\n"
        "found = {'airflow', 'psycopg', 'sqlalchemy', 'celery', 'kombu', 'rich'} & set(sys.modules)\n"
        "sys.exit(str(found) if found else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=project.root, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.splitlines()[-1:] if done.returncode else "") == (0, "")
