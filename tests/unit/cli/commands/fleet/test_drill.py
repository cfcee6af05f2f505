"""``drill`` before it breaks anything: whom it refuses; and what it says of what came of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from airfleet.agent.control import Snapshot
from airfleet.cli.commands.fleet import drill as command
from airfleet.client.project import Project
from airfleet.drill import fleet_drill, parts
from airfleet.drill.invariants import Violation
from airfleet.drill.placement import PipelineFile
from airfleet.drill.verdict import DrillVerdict
from airfleet.errors import FleetError, Unhealthy, WaitTimedOut
from airfleet.fleet.config.reader import read_file
from airfleet.fleet.config.spec import LOOPBACK, SIMPLE_AUTH_MANAGER, Fleet, Host, Instances, Worker
from airfleet.fleet.planning.paths import fleet_id
from airfleet.system.process_tree import MARK
from support import fake_agent
from support.command_line import Airfleet
from support.fake_agent import FakeAgent, component, snapshot
from support.fake_airflow import FakeAirflow

GOOD = DrillVerdict("worker", 1.234, 2.5, tasks=38, rerun=2, rerun_after=2.25, lost=0, twice=0, failed=0, violations=())
LATE = DrillVerdict(
    "scheduler", None, 2.5, tasks=38, rerun=0, rerun_after=0.0, lost=0, twice=0, failed=0, violations=()
)
BAD = DrillVerdict("worker", 1.0, 2.0, 38, 0, 0.0, 1, 0, 0, (Violation("I1", "run d/r is still running"),))
PRODUCTION = f"production: true\nairflow: {{core: {{auth_manager: {SIMPLE_AUTH_MANAGER}}}}}\n"
UNKNOWN = replace(GOOD, lost=None, failed=None)


def test_a_fleet_that_does_not_run_is_not_drilled(project: Project, airfleet: Airfleet) -> None:
    result = airfleet("drill", "scheduler")
    assert result.code == 1
    assert "is not running" in result.err


def test_production_is_not_broken_by_a_slip(airflow: FakeAirflow, project: Project, airfleet: Airfleet) -> None:
    project.fleet_file.write_text(f"name: shop\n{PRODUCTION}")
    result = airfleet("drill", "scheduler")
    assert result.code == 1
    assert "fleet 'shop' is production: a drill really kills what it names" in result.err
    assert "hint: --yes does it all the same" in result.err
    assert list((project.root / "pipelines").iterdir()) == []
    assert airflow.requests == []


@pytest.mark.parametrize("policy", ["approval: 1", "signed_by: keys/pushers"])
def test_releases_that_somebody_vouches_for_are_not_mixed_with_those_of_a_drill(project: Project, policy: str) -> None:
    project.fleet_file.write_text(f"name: shop\npolicies: {{push: {{{policy}}}}}\n")
    fleet = read_file(project.fleet_file, project.environ)
    with pytest.raises(FleetError, match="somebody has to vouch for each release of this fleet\nhint: drill a copy"):
        command._pipeline_place(project, fleet, has_releases=True)
    assert isinstance(command._pipeline_place(project, fleet, has_releases=False), PipelineFile)


def test_a_part_that_somebody_else_runs_is_theirs_to_break(airflow: FakeAirflow, airfleet: Airfleet) -> None:
    result = airfleet("drill", "database")
    assert result.code == 1
    assert "no database of fleet 'shop' runs on this host" in result.err


def test_an_unknown_part_is_a_slip_of_the_command_line(project: Project, airfleet: Airfleet) -> None:
    assert airfleet("drill", "nginx").code == 2


def test_the_words_of_the_command_are_those_of_the_drill() -> None:
    assert (*parts.PARTS, command.ALL) == command.PARTS


def test_a_program_is_told_everything_of_a_verdict() -> None:
    assert command.row(GOOD) == {
        "part": "worker",
        "gap": 1.23,
        "healthy_after": 2.5,
        "tasks": 38,
        "rerun": 2,
        "rerun_after": 2.25,
        "lost": 0,
        "twice": 0,
        "failed": 0,
        "held": True,
        "in_time": True,
        "violations": [],
    }
    assert command.row(LATE)["gap"] is None
    assert command.row(BAD)["violations"] == ["I1: run d/r is still running"]


@pytest.mark.parametrize(
    ("verdicts", "code"), [([GOOD], 0), ([GOOD, LATE], 124), ([UNKNOWN], 124), ([BAD, LATE], 1), ([], 0)]
)
def test_something_lost_is_worse_than_something_late(verdicts: list[DrillVerdict], code: int) -> None:
    assert command.exit_code(verdicts) == code


# --- what is drilled --------------------------------------------------------------------------------


@contextmanager
def started_with(project: Project, **variables: str) -> Iterator[Snapshot]:
    """A process that was started as an agent of the project is, with these variables; what it would say."""
    environ = {MARK: fleet_id(project.paths.home), **variables}
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env=environ) as process:
        yield snapshot(component("scheduler", pid=1), component("worker", pid=2), url="http://x", pid=process.pid)


def with_password(project: Project) -> None:
    project.paths.home.mkdir(parents=True)
    project.paths.password.write_text("a password\n")


def test_production_is_what_the_running_agent_was_started_as(project: Project, airfleet: Airfleet) -> None:
    (project.root / "fleet.prod.yaml").write_text(PRODUCTION)
    with (
        started_with(project, AIRFLEET_ENV="prod") as now,
        fake_agent.listening(FakeAgent([now]), project.paths.socket),
    ):
        result = airfleet("drill", "host")
    assert result.code == 1
    assert "fleet 'shop' is production" in result.err


def test_a_host_is_started_again_as_its_agent_was(project: Project) -> None:
    (project.root / "fleet.prod.yaml").write_text("workers: [{name: w, queues: [shop], slots: 3}]\n")
    with_password(project)
    with (
        started_with(project, AIRFLEET_ENV="prod", DB_PASSWORD="s=t") as now,
        fake_agent.listening(FakeAgent([now]), project.paths.socket),
    ):
        place = command.place_of(project, now, None, allowed=False)
    assert (place.environ["AIRFLEET_ENV"], place.environ["DB_PASSWORD"]) == ("prod", "s=t")
    assert (place.queue, place.slots) == ("shop", 3)


def test_what_an_agent_was_told_in_secret_comes_from_the_environment_of_the_drill(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_password(project)
    with (
        started_with(project, REGION="eu") as now,
        fake_agent.listening(FakeAgent([now]), project.paths.socket),
    ):
        here = Project(project.root, {**os.environ, "DB_PASSWORD": "s3cret", "REGION": "us", "AIRFLEET_ENV": "none"})
        environ = command.place_of(here, now, None, allowed=False).environ
    assert (environ["DB_PASSWORD"], environ["REGION"], "AIRFLEET_ENV" in environ) == ("s3cret", "eu", False)


def test_another_process_with_the_number_of_an_agent_says_nothing_of_it(project: Project) -> None:
    with_password(project)
    now = snapshot(component("worker", pid=2), url="http://x", pid=os.getpid())
    with fake_agent.listening(FakeAgent([now]), project.paths.socket):
        assert command.place_of(project, now, None, allowed=False).environ == project.environment


def worker(*queues: str) -> Worker:
    return Worker(queues=queues)


def two_hosts(*addresses: str) -> Fleet:
    first, second = addresses
    hosts = (
        Host("a", first, dag_processor=Instances(), workers=(worker("default"), worker("own", "more"))),
        Host("b", second, workers=(worker("default", "theirs"),)),
    )
    return Fleet("shop", "/shop", hosts=hosts)


APART, TOGETHER = two_hosts("10.0.0.1", "10.0.0.2"), two_hosts(LOOPBACK, LOOPBACK)


def test_the_queue_of_a_drill_is_one_whose_tasks_all_run_where_its_witness_is() -> None:
    assert command.queue_of(TOGETHER, "a", None) == "default"
    assert command.queue_of(TOGETHER, "a", "theirs") == "theirs"
    assert command.queue_of(APART, "a", None) == "own"
    assert command.queue_of(APART, "a", "more") == "more"
    assert command.queue_of(APART, "b", None) == "theirs"


def test_a_queue_that_no_worker_takes_is_refused_with_those_there_are() -> None:
    with pytest.raises(FleetError) as refused:
        command.queue_of(APART, "a", "xyz")
    assert str(refused.value) == (
        "no worker of fleet 'shop' takes tasks of queue 'xyz'\nhint: the queues are: default, own, more, theirs"
    )


def test_a_queue_that_another_host_takes_is_refused_with_why() -> None:
    with pytest.raises(FleetError) as refused:
        command.queue_of(APART, "a", "default")
    assert str(refused.value) == (
        "tasks of queue 'default' may run on host 'b', and this drill sees only tasks of this machine: "
        "its witness is a folder\nhint: --queue own"
    )
    with pytest.raises(FleetError) as refused:
        command.queue_of(on_each(APART, workers=(worker("default"),)), "a", None)
    assert str(refused.value) == (
        "no queue is taken by workers of host 'a' alone, and this drill sees only tasks of this machine: "
        "its witness is a folder\nhint: give host 'a' a worker with a queue that no other host's worker has"
    )


def on_each(fleet: Fleet, **keys: Any) -> Fleet:
    return replace(fleet, hosts=tuple(replace(one, **keys) for one in fleet.hosts))


def test_a_host_whose_pipelines_nothing_reads_is_not_drilled_but_another_one_is() -> None:
    command.require_reader(APART, "a")
    command.require_reader(TOGETHER, "b")
    with pytest.raises(FleetError) as refused:
        command.require_reader(APART, "b")
    assert str(refused.value) == (
        "host 'b' runs no dag-processor, so nothing would read the pipeline that a drill puts into its folder\n"
        "hint: drill on host 'a'"
    )


def test_where_no_host_can_be_drilled_it_is_said_what_one_would_need() -> None:
    with pytest.raises(FleetError) as refused:
        command.require_reader(replace(APART, hosts=(replace(APART.hosts[0], workers=()), APART.hosts[1])), "b")
    assert refused.value.hint == (
        "give host 'a', which has a dag-processor, a worker with a queue that no other host's worker has, "
        "and drill there"
    )


APART_YAML = """\
name: shop
database: postgresql://airflow@10.0.0.9/airflow
broker: redis://10.0.0.9/0
witness: 10.0.0.9:22
hosts:
  - name: a
    address: 10.0.0.1
    scheduler: true
    api_server: true
    dag_processor: true
    workers: [{name: light, queues: [own]}]
  - {name: b, address: 10.0.0.2, dag_processor: %s, workers: [{queues: [default, theirs]}]}
"""


def test_nothing_is_written_on_a_host_whose_pipelines_nothing_reads(project: Project, airfleet: Airfleet) -> None:
    project.fleet_file.write_text(APART_YAML % "false")
    now = snapshot(component("worker", pid=2), url="http://x", host="b")
    with fake_agent.listening(FakeAgent([now]), project.paths.socket):
        result = airfleet("drill", "worker")
    assert result.code == 1
    assert "host 'b' runs no dag-processor" in result.err
    assert "adding" not in result.err
    assert list((project.root / "pipelines").iterdir()) == []


@pytest.mark.parametrize(("reads", "others"), [("true", ("b",)), ("false", ())])
def test_other_machines_that_read_pipelines_are_known(project: Project, reads: str, others: tuple[str, ...]) -> None:
    project.fleet_file.write_text(APART_YAML % reads)
    with_password(project)
    now = snapshot(component("worker", pid=2), url="http://x", host="a")
    with fake_agent.listening(FakeAgent([now]), project.paths.socket):
        place = command.place_of(project, now, None, allowed=False)
    assert (place.queue, place.workers, place.other_readers) == ("own", ("light",), others)


class IllAfter:
    """A drill on a fleet that is not well when the second part is to be broken."""

    timeout_seconds = 120.0

    def __init__(self, *verdicts: DrillVerdict) -> None:
        self._verdicts = iter(verdicts)
        self.asked_for: list[str] = []

    @contextmanager
    def prepared(self) -> Iterator[None]:
        yield

    def run(self, part: str) -> DrillVerdict:
        self.asked_for.append(part)
        for verdict in self._verdicts:
            return verdict
        raise Unhealthy("the fleet is not healthy; a drill would show nothing", hint="airfleet status")


@pytest.mark.parametrize(
    ("before", "how"),
    [
        (replace(GOOD, part="scheduler", healthy_after=None), "was not well again within 2m00s"),
        (replace(GOOD, part="scheduler"), "was well again, but is not any more,"),
    ],
)
def test_a_part_after_which_the_fleet_is_not_well_ends_a_drill_of_all(
    before: DrillVerdict, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ill = IllAfter(before)
    with pytest.raises(WaitTimedOut) as late:
        command._drill(ill, ["scheduler", "worker", "host"], [], "plain")  # type: ignore[arg-type]
    assert late.value.exit_code == 124
    assert str(late.value) == (
        f"the fleet {how} after drill scheduler; not done: worker, host\n"
        "the fleet is not healthy; a drill would show nothing\nhint: airfleet status"
    )
    assert ill.asked_for == ["scheduler", "worker"]
    assert capsys.readouterr().out.startswith("scheduler\t")


@pytest.mark.parametrize(("before", "code"), [(replace(GOOD, healthy_after=None), 124), (BAD, 1)])
def test_a_fleet_that_is_not_well_after_a_part_is_late_unless_something_was_lost(
    before: DrillVerdict, code: int, airflow: FakeAirflow, airfleet: Airfleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_drill, "Drill", lambda *_: IllAfter(before))
    monkeypatch.setattr(parts, "available", lambda _: ("worker", "host"))
    result = airfleet("drill", "all")
    assert result.code == code
    assert "after drill worker; not done: host" in result.err


def test_a_fleet_that_falls_ill_before_the_first_part_was_not_healthy_before() -> None:
    with pytest.raises(Unhealthy):
        command._drill(IllAfter(), ["scheduler", "worker"], [], "plain")  # type: ignore[arg-type]


class Interrupted:
    """A drill whose second part the person does not wait for."""

    def __init__(self) -> None:
        self._verdicts = iter([BAD])

    def run(self, part: str) -> DrillVerdict:
        for verdict in self._verdicts:
            return verdict
        raise KeyboardInterrupt


def test_the_verdicts_so_far_are_told_whatever_ends_a_drill(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        command._drill(Interrupted(), ["worker", "host"], [], "plain")  # type: ignore[arg-type]
    said = capsys.readouterr()
    assert said.out.startswith("worker\t1.0\t2.0")
    assert "I1: run d/r is still running" in said.err


def test_what_is_not_known_is_not_called_lost(capsys: pytest.CaptureFixture[str]) -> None:
    command._put([UNKNOWN], "table")
    said = capsys.readouterr()
    assert "LOST" not in said.out
    assert said.err == "worker: whether a run was lost is not known; the API did not answer in time\n"
    assert UNKNOWN.held
    assert not UNKNOWN.in_time
