"""``airfleet plan``, ``config`` and ``schema``: what fleet.yaml means, without starting anything."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from airfleet.agent.control import ComponentStatus, HostStatus, Snapshot
from airfleet.agent.host import machine_memory
from airfleet.agent.states import HostState, State
from airfleet.client.project import Project
from airfleet.fleet import names, preview
from airfleet.fleet.config import reader
from airfleet.fleet.planning import paths
from support import fake_agent
from support.command_line import Airfleet
from support.fake_agent import FakeAgent, component, snapshot
from support.left_behind import leave, played
from support.programs import programs

FIVE = """\
name: shop
database: postgresql://airflow:${{ secrets.db }}@db.internal/airflow
broker: redis://queue.internal/0
hosts:  # airfleet: ignore AF219
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
    leave(
        project.paths,
        fleet,
        fleet.hosts[0].name,
        preview.Machine(len(os.sched_getaffinity(0)), memory_bytes=machine_memory.usable_bytes()),
    )


def part(name: str, state: State = State.READY, **more: object) -> ComponentStatus:
    """A component, of the kind that its name says."""
    kind = re.sub(r"-\d+$", "", name)
    return component(name, state, kind=kind if kind in names.TAKEN else "worker", **more)


NAMES = ["postgres", "valkey", "zygote", "migrate", "scheduler", "dag-processor", "triggerer", "worker", "api-server"]


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
        ("control", "zygote", "", ""),
        ("control", "migrate", "", ""),
        ("control", "scheduler", "", ""),
        ("control", "scheduler-2", "", ""),
        ("control", "dag-processor", "", "1GB"),
        ("control", "api-server", "", ""),
        ("control", "log-server", "", ""),
        ("work", "zygote", "", ""),
        ("work", "light", "queues default, quick, 8 slots", "16GB"),
        ("work", "light-2", "queues default, quick, 8 slots", "16GB"),
        ("work", "heavy", "queue default, 16 slots, or what its memory allows", ""),
        ("work", "log-server", "", ""),
        ("more", "zygote", "", ""),
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
    with agent_says(snapshot(part("agent"), *map(part, NAMES))):
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
    with agent_says(snapshot(part("agent"), *map(part, [*names, "light", "old"]))):
        result = airfleet("plan", "-o", "plain")
        whole = json.loads(airfleet("plan", "-o", "json").out)
        people = airfleet("plan").err
    settings = "airflow.cfg: core.parallelism"
    assert {row[2]: (row[0], row[6]) for row in rows(result.out)} == {
        "postgres": ("", ""),
        "valkey": ("", ""),
        **dict.fromkeys(("zygote", "migrate", "scheduler", "dag-processor", "triggerer"), ("~", settings)),
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
    with agent_says(snapshot(*map(part, [*NAMES, "worker-2"]))):
        found = {row[2]: row[0] for row in rows(airfleet("plan", "-o", "plain").out)}
    assert {name: sign for name, sign in found.items() if sign} == {"worker-2": "-"}


def test_a_host_with_a_home_of_its_own_is_compared_with_its_agent(
    project: Project, airfleet: Airfleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = FIVE.replace(":${{ secrets.db }}", "")
    project.fleet_file.write_text(text)
    fleet = reader.read_file(project.fleet_file, project.environ)
    its = paths.of(project.root, {**project.environ, "AIRFLEET_HOST": "more"})
    leave(its, fleet, "more", preview.Machine(2))
    project.fleet_file.write_text(text.replace("slots: 1", "slots: 3"))
    with fake_agent.listening(FakeAgent([snapshot(part("zygote"), part("worker"))]), its.socket):
        found = rows(airfleet("plan", "-o", "plain").out)
    changed = {(row[1], row[2]): (row[0], row[6]) for row in found if row[1] == "more"}
    assert changed["more", "worker"] == ("~", "slots 1 → 3")
    assert changed["more", "zygote"] == ("", "")
    assert {row[0] for row in found if row[1] != "more"} == {"+"}


def test_a_host_whose_agent_was_started_without_its_name_is_compared_with_it(
    project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    """It was chosen by the machine's name, or is the only one: its home is the project's."""
    project.fleet_file.write_text(FIVE.replace(":${{ secrets.db }}", ""))
    project.paths.home.mkdir()
    brought_up(project)
    project.fleet_file.write_text(project.fleet_file.read_text().replace("scheduler: 2", "scheduler: 1"))
    running = ["zygote", "migrate", "scheduler", "scheduler-2", "dag-processor", "api-server", "log-server"]
    with agent_says(snapshot(part("agent"), *map(part, running))):
        found = rows(airfleet("plan", "-o", "plain").out)
        only = airfleet("plan", "--host", "work")
    control = {row[2]: row[0] for row in found if row[1] == "control" and row[2] not in ("broker", "nginx")}
    assert control == {**dict.fromkeys(running, ""), "scheduler-2": "-"}
    assert {row[0] for row in found if row[1] != "control"} == {"+"}
    assert only.err == "\n6 to start\nwhat host 'work' runs is not known here\n"


def test_hosts_that_this_machine_plays_are_those_of_the_plan(
    project: Project, airfleet: Airfleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    project.fleet_file.write_text("name: shop\nworkers: [{name: light, slots: 2}]\n")
    played(project, 3)
    project.fleet_file.write_text("name: shop\nworkers: [{name: light, slots: 4}]\n")
    with listens(project, "host-2", "broker", "zygote", "migrate", "scheduler", "light"):
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


def listens(project: Project, host: str, *names: str) -> AbstractContextManager[FakeAgent]:
    """An agent of a host that runs these components."""
    return fake_agent.listening(FakeAgent([snapshot(*map(part, names))]), project.on(host).paths.socket)


# --- what the agent and nginx are told -----------------------------------------------------------------


KNOWN = FIVE.replace(":${{ secrets.db }}", "")
CONTROL = ("broker", "zygote", "migrate", "scheduler", "scheduler-2", "dag-processor", "api-server", "log-server")
WORK = ("broker", "zygote", "light", "light-2", "heavy", "log-server")
MORE = ("broker", "zygote", "worker", "log-server")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("policies: {on_partition: keep}\n", "on_partition replace → keep"),
        ("policies: {push: {approval: 1}}\n", "approval nothing → 1"),
        ("log_retention: 30d\n", "log_retention for ever → 30d"),
        ("releases: {keep: 3}\n", "releases database, keep 10, budget 1GB → database, keep 3, budget 1GB"),
        ("witness: '10.0.0.1:22'\n", "witness nothing → 10.0.0.1:22"),
    ],
)
def test_the_agent_is_started_anew_for_what_it_goes_by_itself(
    more: str, why: str, project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    project.fleet_file.write_text(KNOWN)
    brought_up(project)
    project.fleet_file.write_text(KNOWN + more)
    with agent_says(snapshot(*map(part, CONTROL), host="control")):
        result = airfleet("plan", "--host", "control")
        found = rows(airfleet("plan", "--host", "control", "-o", "plain").out)
    assert [(row[0], row[2], row[6]) for row in found if row[0]] == [("~", "agent", why)]
    assert result.err == "\n1 to restart; 'airfleet down', then 'airfleet up', makes it so\n"


def test_another_policy_for_lost_workers_concerns_what_is_airflow(
    project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    project.fleet_file.write_text(KNOWN)
    brought_up(project)
    project.fleet_file.write_text(f"{KNOWN}policies: {{on_worker_lost: fail}}\n")
    with agent_says(snapshot(*map(part, CONTROL), host="control")):
        found = rows(airfleet("plan", "--host", "control", "-o", "plain").out)
    assert {row[6] for row in found if row[2] == "scheduler"} == {"airflow.cfg: airfleet.on_worker_lost"}


def test_another_host_in_the_file_concerns_every_agent(
    project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    project.fleet_file.write_text(KNOWN)
    brought_up(project)
    project.fleet_file.write_text(KNOWN.replace("{name: more", "{name: most"))
    with agent_says(snapshot(*map(part, CONTROL), host="control")):
        found = rows(airfleet("plan", "--host", "control", "-o", "plain").out)
    assert ["~", "agent", "hosts control, work, more → control, work, most"] in [
        [row[0], row[2], row[6]] for row in found
    ]


def test_another_database_is_said_of_the_agent_without_its_password(
    project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    text = FIVE.replace("${{ secrets.db }}", "${{ secrets.db_1 }}")
    for number in (1, 2):
        kept = project.root / "secrets" / f"db_{number}"
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(f"s3cret-{number}")
        kept.chmod(0o600)
    project.fleet_file.write_text(text)
    brought_up(project)
    project.fleet_file.write_text(text.replace("db_1", "db_2"))
    with agent_says(snapshot(*map(part, CONTROL), host="control")):
        whole = airfleet("plan", "--host", "control", "-o", "json").out
    agent, *_ = json.loads(whole)["hosts"][0]["components"]
    assert (agent["name"], agent["change"], agent["why"]) == ("agent", "restart", ["what it is told in secret"])
    assert "s3cret" not in whole + project.paths.plan.read_text()


PROXIED = "proxy: {name: a.example.com, port: 8443%s}\nflower: {port: 5678}\n"
TLS = ", tls: {certificate: c.pem, key: k.pem}"


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (TLS, TLS.replace("c.pem", "d.pem"), "tls {root}/c.pem → {root}/d.pem"),
        (TLS, f"{TLS}, redirect: 8081", "redirect nothing → 0.0.0.0:8081"),
        ("", TLS, "tls nothing → {root}/c.pem; key nothing → {root}/k.pem"),
        ("", ", flower: /f", "flower /flower at 127.0.0.1:5678 → /f at 127.0.0.1:5678"),
        ("", ", airflow: /a", "airflow / → /a"),
        ("", ", address: 127.0.0.1", "address 0.0.0.0:8443 → 127.0.0.1:8443"),
    ],
)
def test_nginx_is_started_anew_for_what_it_serves(
    before: str, after: str, why: str, project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    project.fleet_file.write_text(PROXIED % before)
    brought_up(project)
    project.fleet_file.write_text(PROXIED % after)
    with agent_says(snapshot(*map(part, [*NAMES, "flower", "nginx"]))):
        found = rows(airfleet("plan", "-o", "plain").out)
    assert [(row[0], row[6]) for row in found if row[2] == "nginx"] == [("~", why.format(root=project.root))]


def test_nginx_is_started_anew_for_another_name(project: Project, airfleet: Airfleet, agent_says: AgentSays) -> None:
    project.fleet_file.write_text(PROXIED % "")
    brought_up(project)
    project.fleet_file.write_text((PROXIED % "").replace("a.example", "b.example"))
    with agent_says(snapshot(*map(part, [*NAMES, "flower", "nginx"]))):
        found = {row[2]: row[6] for row in rows(airfleet("plan", "-o", "plain").out)}
    assert found["nginx"] == "name a.example.com → b.example.com"
    assert found["agent"] == "url http://a.example.com:8443 → http://b.example.com:8443"


# --- how what runs is ----------------------------------------------------------------------------------


def test_what_does_not_do_its_work_is_not_shown_as_if_it_did(
    project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    brought_up(project)
    well = [name for name in NAMES if name not in ("worker", "triggerer", "scheduler")]
    unwell = (
        part("worker", State.GAVE_UP, reason="exit code 1"),
        part("triggerer", State.WAITING),
        part("scheduler", State.BACKOFF, reason="killed by signal 9"),
    )
    with agent_says(snapshot(*map(part, well), *unwell)):
        found = {row[2]: (row[0], row[6]) for row in rows(airfleet("plan", "-o", "plain").out)}
        people = airfleet("plan").err
    assert found["worker"] == ("+", "failed: exit code 1")
    assert found["triggerer"] == ("", "waiting")
    assert found["scheduler"] == ("", "restarting: killed by signal 9")
    assert people == "\n1 to start; 'airfleet down', then 'airfleet up', makes it so\n"


def test_nothing_has_to_be_done_for_what_the_agent_starts_by_itself(
    project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    brought_up(project)
    with agent_says(snapshot(*(part(name, State.WAITING) for name in NAMES), state="starting")):
        assert airfleet("plan").err == "\nnothing would change\n"


def test_a_trouble_of_the_machine_is_no_component(project: Project, airfleet: Airfleet, agent_says: AgentSays) -> None:
    brought_up(project)
    troubles = (component(trouble, State.DEGRADED, reason="it is full") for trouble in ("disk", "clock"))
    with agent_says(snapshot(*map(part, NAMES), *troubles)):
        result = airfleet("plan")
    assert result.err == "\nnothing would change\n"
    assert "disk" not in result.out


def test_a_step_that_is_done_and_no_longer_planned_has_nothing_to_stop(
    project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    brought_up(project)
    steps = (part("migrate", State.DONE), part("objects", State.DONE))
    with agent_says(snapshot(*(part(name) for name in NAMES if name != "migrate"), *steps)):
        result = airfleet("plan")
    assert "objects" not in result.out
    assert result.err == "\nnothing would change\n"


def test_what_was_scaled_in_a_fleet_without_hosts_lasts_as_long_as_its_agent(
    project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    brought_up(project)
    stopped = part("worker", State.STOPPED, reason="drained")
    with agent_says(snapshot(*(part(name) for name in NAMES if name != "worker"), stopped, part("api-server-2"))):
        found = {row[2]: (row[0], row[6]) for row in rows(airfleet("plan", "-o", "plain").out)}
    assert (found["worker"], found["api-server-2"]) == (("+", "stopped: drained"), ("-", ""))


# --- other hosts ---------------------------------------------------------------------------------------


def host(name: str, *components: ComponentStatus, state: str = "up", **more: object) -> HostStatus:
    return HostStatus(name, HostState(state), address="10.0.0.9", components=components, **more)  # type: ignore[arg-type]


def on_control(
    project: Project, *others: HostStatus, own: tuple[ComponentStatus, ...] = (), orders: object = None
) -> Snapshot:
    """What the agent of ``control`` says, which was told to run fleet.yaml as it is now."""
    brought_up(project)
    own = own or tuple(map(part, CONTROL))
    return snapshot(*own, host="control", hosts=(host("control", *own, orders=orders or {}), *others))


NOT_HERE = "settings of hosts 'work' and 'more' are not known here: 'airfleet plan' there compares them\n"


def test_nothing_changes_in_a_fleet_of_several_machines_that_runs_as_planned(
    project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    project.fleet_file.write_text(KNOWN)
    said = on_control(project, host("work", *map(part, WORK)), host("more", *map(part, MORE)))
    with agent_says(said):
        result = airfleet("plan")
        whole = json.loads(airfleet("plan", "-o", "json").out)
    assert not re.search(r"^[-+~]", result.out, re.MULTILINE)
    assert result.err == f"\nnothing would change\n{NOT_HERE}"
    assert [(one["host"], one["running"], one["state"], one["settings_compared"]) for one in whole["hosts"]] == [
        ("control", True, "up", True),
        ("work", True, "up", False),
        ("more", True, "up", False),
    ]


def test_what_another_host_lacks_starts_and_what_it_has_too_many_stops(
    project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    project.fleet_file.write_text(KNOWN)
    names_there = [name for name in WORK if name != "light-2"]
    disk = component("disk", State.DEGRADED)
    said = on_control(project, host("work", *map(part, names_there), part("old"), disk), host("more", *map(part, MORE)))
    with agent_says(said):
        found = rows(airfleet("plan", "-o", "plain").out)
        people = airfleet("plan").err
    assert [(row[0], row[1], row[2]) for row in found if row[0]] == [("+", "work", "light-2"), ("-", "work", "old")]
    assert people == (
        "\n1 to start, 1 to stop\non host 'work', 'airfleet down', then 'airfleet up', makes it so\n" + NOT_HERE
    )


def test_what_has_given_up_on_another_host_is_not_shown_as_running(
    project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    project.fleet_file.write_text(KNOWN)
    worker = part("worker", State.GAVE_UP, reason="exit code 1")
    there = (*(part(name) for name in MORE if name != "worker"), worker)
    with agent_says(on_control(project, host("work", *map(part, WORK)), host("more", *there))):
        found = rows(airfleet("plan", "-o", "plain").out)
    assert [row[:3] + row[6:] for row in found if row[0]] == [["+", "more", "worker", "failed: exit code 1"]]


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ([host("more", state="left")], "host 'more' is down: 'airfleet up --host more' there starts it"),
        (
            [host("more", *map(part, MORE), state="gone", ended_by="work")],
            "host 'more' is gone, says work: 'airfleet up --host more' there starts it",
        ),
        ([], "host 'more' was not up yet: 'airfleet up --host more' there starts it"),
    ],
)
def test_a_host_that_does_not_run_is_brought_up_and_nothing_is_ended_for_it(
    there: list[HostStatus], said: str, project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    project.fleet_file.write_text(KNOWN)
    with agent_says(on_control(project, host("work", *map(part, WORK)), *there)):
        found = rows(airfleet("plan", "-o", "plain").out)
        people = airfleet("plan").err
    assert {row[1] for row in found if row[0]} == {"more"}
    assert people == (
        f"\n4 to start\n{said}\nsettings of host 'work' are not known here: 'airfleet plan' there compares them\n"
    )


def test_a_host_that_is_not_seen_is_said_to_be_so(project: Project, airfleet: Airfleet, agent_says: AgentSays) -> None:
    project.fleet_file.write_text(KNOWN)
    late = host("more", *map(part, MORE), state="late", age=42.0)
    with agent_says(on_control(project, host("work", *map(part, WORK)), late)):
        people = airfleet("plan").err
        whole = json.loads(airfleet("plan", "--host", "more", "-o", "json").out)
    assert people == (
        f"\nnothing would change\nhost 'more' is not seen for 42.0s: what it runs is what it said last\n{NOT_HERE}"
    )
    assert [(one["running"], one["state"]) for one in whole["hosts"]] == [(False, "late")]


def test_a_host_that_has_told_nothing_yet_is_not_known(
    project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    project.fleet_file.write_text(KNOWN)
    with agent_says(on_control(project, host("work"), host("more"))):
        assert airfleet("plan").err == "\n10 to start\nwhat hosts 'work' and 'more' run is not known here\n"


def test_a_host_that_fleet_yaml_has_no_more_is_to_be_ended(
    project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    project.fleet_file.write_text(KNOWN)
    told = (host(name, *map(part, there)) for name, there in (("work", WORK), ("more", MORE), ("old", MORE)))
    with agent_says(on_control(project, *told, host("older", state="left"))):
        found = rows(airfleet("plan", "-o", "plain").out)
        people = airfleet("plan").err
    assert [row[:3] for row in found if row[0]] == [["-", "old", name] for name in MORE]
    assert people == (
        "\n4 to stop\nfleet.yaml has no host 'old', which runs: 'airfleet down' there ends it\n" + NOT_HERE
    )


def test_the_host_of_this_machine_may_be_the_one_that_fleet_yaml_has_no_more(
    project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    project.fleet_file.write_text(KNOWN)
    said = on_control(project, host("work", *map(part, WORK)), host("more", *map(part, MORE)))
    project.fleet_file.write_text(KNOWN.replace("{name: control", "{name: main"))
    with agent_says(said):
        people = airfleet("plan").err
    assert people == (
        "\n8 to start, 8 to stop\nhost 'main' was not up yet: 'airfleet up --host main' there starts it\n"
        f"fleet.yaml has no host 'control', which runs: 'airfleet down' there ends it\n{NOT_HERE}"
    )


def test_what_changes_here_is_told_from_what_changes_elsewhere(
    project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    project.fleet_file.write_text(KNOWN)
    said = on_control(project, host("work", *map(part, WORK)), host("more", state="left"))
    project.fleet_file.write_text(f"{KNOWN}policies: {{on_partition: keep}}\n")
    with agent_says(said):
        people = airfleet("plan").err
        only = airfleet("plan", "--host", "work").err
    assert people == (
        "\n4 to start, 1 to restart; 'airfleet down', then 'airfleet up', makes it so here\n"
        "host 'more' is down: 'airfleet up --host more' there starts it\n"
        "settings of host 'work' are not known here: 'airfleet plan' there compares them\n"
    )
    assert only == (
        "\nnothing would change\nsettings of host 'work' are not known here: 'airfleet plan' there compares them\n"
    )


def test_what_was_scaled_outlives_the_agent_in_a_fleet_with_hosts(
    project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    project.fleet_file.write_text(KNOWN)
    own = tuple(map(part, [*CONTROL, "api-server-2"]))
    there = [*(name for name in WORK if name != "light-2"), "heavy-2"]
    scale = {"scale": {"light": {"count": 1}, "heavy": {"count": 2, "slots": 32}}}
    said = on_control(
        project,
        host("work", *map(part, there), orders=scale),
        host("more", *map(part, MORE)),
        own=own,
        orders={"scale": {"api-server": {"count": 2}}},
    )
    with agent_says(said):
        found = rows(airfleet("plan", "-o", "plain").out)
        people = airfleet("plan").err
    assert people == f"\nnothing would change\n{NOT_HERE}"
    assert ["work", "heavy-2", "queue default, 32 slots"] in [row[1:4] for row in found]
    assert "api-server-2" in [row[2] for row in found]


def test_workers_of_a_drained_host_stay_stopped(project: Project, airfleet: Airfleet, agent_says: AgentSays) -> None:
    project.fleet_file.write_text(KNOWN)
    drained = part("worker", State.STOPPED, reason="drained, finishes what it runs")
    there = (*(part(name) for name in MORE if name != "worker"), drained)
    said = on_control(
        project,
        host("work", state="left", drained=True, orders={"drained": True}),
        host("more", *there, drained=True, orders={"drained": True}),
    )
    with agent_says(said):
        found = {(row[1], row[2]): (row[0], row[6]) for row in rows(airfleet("plan", "-o", "plain").out)}
    assert found["more", "worker"] == ("", "stopped: drained, finishes what it runs")
    assert found["work", "heavy"] == ("", "stopped: drained")
    assert found["work", "log-server"] == ("+", "")


@pytest.mark.parametrize("has_nginx", [True, False])
def test_another_host_that_does_without_nginx_is_not_told_to_start_one(
    has_nginx: bool, project: Project, airfleet: Airfleet, agent_says: AgentSays
) -> None:
    project.fleet_file.write_text(KNOWN.replace("api_server: true", "api_server: 2"))
    own, beside = tuple(map(part, [*CONTROL, "api-server-2"])), (["nginx"] if has_nginx else [])
    told = (host(name, *map(part, [*there, *beside])) for name, there in (("work", WORK), ("more", MORE)))
    with agent_says(on_control(project, *told, own=own)):
        assert airfleet("plan").err == f"\nnothing would change\n{NOT_HERE}"


def test_a_host_of_this_machine_that_was_killed_is_known_from_another(project: Project, airfleet: Airfleet) -> None:
    played(project, 2)
    first = ("postgres", "valkey", *NAMES[2:])
    second = ("broker", "zygote", "migrate", "scheduler", "worker")
    rows_of_hosts = (host("host-1", *map(part, first)), host("host-2", *map(part, second), state="late", age=12.0))
    said = snapshot(*map(part, first), host="host-1", hosts=rows_of_hosts)
    with fake_agent.listening(FakeAgent([said]), project.on("host-1").paths.socket):
        people = airfleet("plan").err
    assert people.startswith("\nnothing would change\nhost 'host-2' is not seen for 12.0s")


def test_a_machine_without_nginx_is_not_told_for_ever_to_start_one(
    project: Project, airfleet: Airfleet, agent_says: AgentSays, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    programs(tmp_path, monkeypatch, nginx_is_there=False)
    project.fleet_file.write_text("api_server: 2\n")
    project.paths.home.mkdir()
    fleet = reader.read_file(project.fleet_file, project.environ)
    leave(
        project.paths,
        fleet,
        "local",
        preview.Machine(len(os.sched_getaffinity(0)), False, memory_bytes=machine_memory.usable_bytes()),
    )
    with agent_says(snapshot(*map(part, [*NAMES, "api-server-2"]))):
        assert airfleet("plan").err == "\nnothing would change\n"


# --- config ----------------------------------------------------------------------------------------
# --- schema ----------------------------------------------------------------------------------------


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


def test_a_server_of_the_machine_that_is_not_there_is_named_before_a_start(
    project: Project, airfleet: Airfleet, tmp_path: Path
) -> None:
    project.fleet_file.write_text(f"name: shop\ndatabase: system {tmp_path}/none\n")
    result = airfleet("plan")
    assert f"warning: 'database: system {tmp_path}/none' asks for a PostgreSQL of this machine, and" in result.err
    assert re.search(rf"^\+  postgres +system {tmp_path}/none", result.out, re.MULTILINE)


def test_the_programs_of_embedded_servers_stand_in_the_plan(project: Project, airfleet: Airfleet) -> None:
    found = json.loads(airfleet("plan", "-o", "json").out)["hosts"][0]["components"]
    told = {one["name"]: one["options"] for one in found if one["name"] in ("postgres", "valkey")}
    assert [options["server"] for options in told.values()] == ["embedded", "embedded"]
    assert re.fullmatch(r"PostgreSQL [\d.]+ of the wheel \(/.*\)", told["postgres"]["program"])
    assert re.fullmatch(r"Valkey [\d.]+ of the wheel \(/.*\)", told["valkey"]["program"])
