"""``airfleet plan``, ``config`` and ``schema``: what fleet.yaml means, without starting anything."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import fake_agent
import jsonschema
import pytest
import yaml
from fake_agent import FakeAgent, component, snapshot

from airfleet.agent import nginx, setup
from airfleet.cli.project import Project
from airfleet.fleet import description, local_hosts, paths, planning, preview, reader, secrets
from airfleet.fleet.context import Context
from airfleet.fleet.description import Description
from airfleet.fleet.ports import PortBook, is_free
from airfleet.fleet.secrets import Secrets
from airfleet.fleet.spec import Fleet
from airfleet.testing.ports import free_ports
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
    plan = planning.plan(preview.context(fleet, fleet.hosts[0].name, project.paths, kept, preview.Machine(2)))
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


def test_a_plan_needs_nothing_that_comes_from_elsewhere(project: Project, airfleet: Airfleet) -> None:
    text = FIVE.replace("@db.internal", "@db.internal:${{ env.PORT }}").replace("/0", ":${{ env.PORT }}/0")
    project.fleet_file.write_text(
        f"{text}witness: '${{{{ env.GATEWAY }}}}:22'\npipelines: ${{{{ env.FOLDER }}}}\n"
        "flower: {on: '${{ env.ONE }}'}\n"
        "proxy: {name: shop, airflow: '${{ env.PATH_OF }}', on: ['${{ env.ONE }}', control]}\n"
    )
    result = airfleet("plan", "-o", "plain")
    assert (result.code, result.err) == (0, "")
    assert {row[1] for row in rows(result.out)} == {"control", "work", "more"}


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
    context = preview.context(fleet, "more", its, secrets.load_or_generate(its.secrets), preview.Machine(2))
    its.plan.write_text(planning.plan(context).files[its.plan].text)
    project.fleet_file.write_text(text.replace("slots: 1", "slots: 3"))
    with fake_agent.listening(FakeAgent([snapshot(component("template"), component("worker"))]), its.socket):
        found = rows(airfleet("plan", "-o", "plain").out)
    changed = {(row[1], row[2]): (row[0], row[6]) for row in found if row[1] == "more"}
    assert changed["more", "worker"] == ("~", "slots 1 → 3")
    assert changed["more", "template"] == ("", "")
    assert {row[0] for row in found if row[1] != "more"} == {"+"}


def test_a_host_whose_agent_was_started_without_its_name_is_compared_with_it(
    project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    """It was chosen by the machine's name, or is the only one: its home is the project's."""
    project.fleet_file.write_text(FIVE.replace(":${{ secrets.db }}", ""))
    project.paths.home.mkdir()
    brought_up(project)
    project.fleet_file.write_text(project.fleet_file.read_text().replace("scheduler: 2", "scheduler: 1"))
    running = ["template", "migrate", "scheduler", "scheduler-2", "dag-processor", "api-server", "log-server"]
    with agent_says(snapshot(component("agent"), *map(component, running))):
        found = rows(airfleet("plan", "-o", "plain").out)
        only = airfleet("plan", "--host", "work")
    control = {row[2]: row[0] for row in found if row[1] == "control" and row[2] not in ("broker", "nginx")}
    assert control == {**dict.fromkeys(running, ""), "scheduler-2": "-"}
    assert {row[0] for row in found if row[1] != "control"} == {"+"}
    assert only.err == "\nnothing runs here: 6 to start\n"


def test_hosts_that_this_machine_plays_are_those_of_the_plan(
    project: Project, airfleet: Airfleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    project.fleet_file.write_text("name: shop\nworkers: [{name: light, slots: 2}]\n")
    played(project, 3)
    project.fleet_file.write_text("name: shop\nworkers: [{name: light, slots: 4}]\n")
    with listens(project, "host-2", "broker", "template", "migrate", "scheduler", "light"):
        result = airfleet("plan", "--host", "host-2")
        found = rows(airfleet("plan", "-o", "plain").out)
        wrong = airfleet("plan", "--host", "local")
    assert result.err == (
        "\n1 to restart; 'airfleet down', then 'airfleet up --hosts 3', makes it so\n"  # and nothing else of it
    )
    assert {row[1] for row in found} == {"host-1", "host-2", "host-3"}
    assert [row[6] for row in found if row[1:3] == ["host-2", "light"]] == ["slots 2 → 4"]
    assert "the hosts are: host-1, host-2, host-3" in wrong.err


def test_hosts_that_were_played_are_not_those_of_the_plan(project: Project, airfleet: Airfleet) -> None:
    played(project, 3)
    assert {row[1] for row in rows(airfleet("plan", "-o", "plain").out)} == {""}


def played(project: Project, count: int) -> None:
    """Leave behind what the agents of so many hosts leave that this machine plays."""
    project.paths.home.mkdir()
    project.played.write_text(str(count))
    kept = secrets.load_or_generate(project.paths.secrets)
    first = project.on("host-1").paths
    first.home.mkdir(parents=True)
    first.ports.write_text(json.dumps({"api_server": 8085, "postgres": 5444, "broker": 6444}))
    fleet = local_hosts.spread(reader.read_file(project.fleet_file, project.environ), count)
    for host in fleet.hosts:
        its = project.on(host.name).paths
        its.home.mkdir(parents=True, exist_ok=True)
        seen = local_hosts.seen_from(host.name, fleet, first, kept)
        context = preview.context(seen, host.name, its, kept, preview.Machine(2, plays=True))
        its.plan.write_text(planning.plan(context).files[its.plan].text)


def listens(project: Project, host: str, *names: str) -> AbstractContextManager[FakeAgent]:
    """An agent of a host that runs these components."""
    return fake_agent.listening(FakeAgent([snapshot(*map(component, names))]), project.on(host).paths.socket)


# --- what the agent itself would plan ----------------------------------------------------------------


TWO = """\
api_server: {{port: {api}, count: 2}}
flower: {{port: {other}}}
"""
SERVED = """\
api_server: {{port: {api}, count: 2}}
proxy: {{name: airflow.example.com, airflow: /a, port: {other}}}
"""
HOSTS = """\
hosts:
  - {{name: a, address: 127.0.0.1, scheduler: 2, dag_processor: true, api_server: {{port: {api}, count: 2}}}}
  - {{name: b, address: 127.0.0.2, api_server: {{port: {api}}}, workers: [{{name: light, slots: 2}}]}}
flower: {{on: b, port: {other}}}
policies: {{on_partition: keep}}
"""
SERVERS = "database: postgresql://db.internal/airflow\nbroker: redis://queue.internal/0\n"


@pytest.mark.parametrize(
    ("text", "host", "nginx_is_there", "nginx_runs"),
    [
        ("", "local", True, False),
        (TWO, "local", True, True),
        (TWO, "local", False, False),
        (SERVED, "local", True, True),
        (HOSTS, "a", True, False),
        (HOSTS, "b", True, True),
        (HOSTS, "b", False, False),
        (TWO, "host-1", True, True),
        (TWO, "host-2", False, False),
        (SERVED, "host-3", True, True),
    ],
)
def test_a_preview_is_what_the_agent_would_plan(
    text: str,
    host: str,
    nginx_is_there: bool,
    nginx_runs: bool,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    programs(tmp_path, monkeypatch, nginx_is_there=nginx_is_there)
    project.fleet_file.write_text(SERVERS + text.format(api=two_ports(), other=free_ports(1)[0]))
    fleet = reader.read_file(project.fleet_file, project.environ)
    its, plays = project.on("" if host == "local" else host).paths, host.startswith("host-")
    for folder in (its.home, its.runtime, its.airflow_home):
        folder.mkdir(parents=True, exist_ok=True)
    kept = secrets.load_or_generate(its.secrets)
    if plays:
        fleet = seen_among_three(fleet, host, project, kept)
    with closing(PortBook(its.ports)) as book:
        agent = described(setup._context(fleet, fleet.host(host), its, book, kept, together=plays), kept)
    machine = preview.Machine(len(os.sched_getaffinity(0)), nginx_is_there, plays)
    assert described(preview.context(fleet, host, its, kept, machine), kept) == agent
    assert ("nginx" in [one.name for one in agent.components]) == nginx_runs


def seen_among_three(fleet: Fleet, host: str, project: Project, kept: Secrets) -> Fleet:
    """The fleet on three hosts of this machine, the first of which has run."""
    first = project.on("host-1").paths
    first.home.mkdir(parents=True, exist_ok=True)
    first.ports.write_text(json.dumps({"api_server": fleet.hosts[0].api_server.port}))
    return local_hosts.seen_from(host, local_hosts.spread(fleet, 3), first, kept)


def described(context: Context, kept: Secrets) -> Description:
    return description.describe(planning.plan(context), kept.jwt_secret)


def programs(folder: Path, monkeypatch: pytest.MonkeyPatch, *, nginx_is_there: bool) -> None:
    """A path on which there is an nginx, or none."""
    (folder / "bin").mkdir()
    if nginx_is_there:
        (folder / "bin" / "nginx").write_text("#!/bin/sh\necho nginx version: nginx/1.22.1\n")
        (folder / "bin" / "nginx").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(nginx, "SYSTEM_FOLDERS", ())


def two_ports() -> int:
    """A free port with a free one behind it."""
    while True:
        (port,) = free_ports(1)
        if is_free(port + 1):
            return port


def test_a_machine_without_nginx_is_not_told_for_ever_to_start_one(
    project: Project, airfleet: Airfleet, agent_says: AgentSays, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    programs(tmp_path, monkeypatch, nginx_is_there=False)
    project.fleet_file.write_text("api_server: 2\n")
    project.paths.home.mkdir()
    fleet = reader.read_file(project.fleet_file, project.environ)
    kept = secrets.load_or_generate(project.paths.secrets)
    context = preview.context(
        fleet, "local", project.paths, kept, preview.Machine(len(os.sched_getaffinity(0)), has_nginx=False)
    )
    project.paths.plan.write_text(planning.plan(context).files[project.paths.plan].text)
    with agent_says(snapshot(*map(component, [*NAMES, "api-server-2"]))):
        assert airfleet("plan").err == "\nnothing would change\n"


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


def test_config_masks_nothing_where_there_is_no_secret(project: Project, airfleet: Airfleet) -> None:
    project.fleet_file.write_text(
        "connections: {c: {type: http, password: null, extra: {use_token: true}}}\n"
        "variables: {pin_token: 5}\nenv: {API_TOKEN: ''}\n"
    )
    assert json.loads(airfleet("config", "-o", "json").out) == {
        "connections": {"c": {"type": "http", "password": None, "extra": {"use_token": True}}},
        "variables": {"pin_token": "***"},
        "env": {"API_TOKEN": ""},
    }


def test_config_shows_texts_as_they_are_written_and_numbers_as_numbers(project: Project, airfleet: Airfleet) -> None:
    project.fleet_file.write_text(
        "name: 007\nproduction: True\nlog_retention: 30d\nworkers: [{queues: [1_000], slots: 1_000}]\n"
        "pools: {few: 0x10, more: {slots: 0o20}}\n"
        "env: {V: 1.10, N: 007, M: 1_000, X: .nan, D: 2026-01-01 00:00:00, B: True, I: 8, F: 1.5, T: true}\n"
        "variables: {limit: -.inf, port: 0x10}\nairflow: {core: {parallelism: 0_32}}\n"
        "connections: {w: {type: http, port: 8_080, login: 1e3, extra: {timeout: 1.10, wait: .inf}}}\n"
    )
    found = json.loads(airfleet("config", "-o", "json").out, parse_constant=pytest.fail)
    assert yaml.safe_load(airfleet("config").out) == found
    texts = {"V": "1.10", "N": "007", "M": "1_000", "X": ".nan", "D": "2026-01-01 00:00:00", "B": "True"}
    assert found == {
        "name": "007",
        "production": True,
        "log_retention": "30d",
        "workers": [{"queues": ["1_000"], "slots": 1000}],
        "pools": {"few": 16, "more": {"slots": 16}},
        "env": {**texts, "I": 8, "F": 1.5, "T": True},
        "variables": {"limit": "-.inf", "port": "0x10"},
        "airflow": {"core": {"parallelism": "0_32"}},
        "connections": {"w": {"type": "http", "port": 8080, "login": "1e3", "extra": {"timeout": 1.1, "wait": "inf"}}},
    }


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
