"""``doctor`` for people and for programs, whatever state the fleet is in."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from airfleet.agent.states import State
from airfleet.client.project import Project
from airfleet.doctor.checks import CHECKS, Group
from airfleet.fleet.servers import secrets
from support.command_line import Airfleet
from support.fake_agent import READY, component, snapshot

#: checks of this machine that no test can decide
_OF_THE_MACHINE = ("D103", "D305", "D701")
USUAL = [check.code for check in CHECKS if check.group is not Group.LIVE]


def examined(airfleet: Airfleet, *options: str) -> dict[str, str]:
    """Give the state of each check that the test decides."""
    found = json.loads(airfleet("doctor", "-o", "json", *options).out)
    return {one["code"]: one["state"] for one in found["checks"] if one["code"] not in _OF_THE_MACHINE}


def of_state(found: dict[str, str], state: str) -> list[str]:
    return [code for code, its in found.items() if its == state]


def test_a_fleet_that_was_never_started_is_examined_as_far_as_its_files_go(
    project: Project, airfleet: Airfleet
) -> None:
    found = examined(airfleet)
    assert of_state(found, "fine") == [
        "D101",
        "D102",
        "D105",
        "D304",
        "D306",
        "D401",
        "D403",
        "D404",
        "D405",
        "D703",
        "D704",
    ]
    assert of_state(found, "wrong") == []
    assert airfleet("doctor").code == 0


def test_a_fleet_yaml_with_problems_is_the_only_finding(project: Project, airfleet: Airfleet) -> None:
    project.fleet_file.write_text("name: shop\nworkrs: []\n")
    found = examined(airfleet)
    assert of_state(found, "wrong") == ["D101"]
    result = airfleet("doctor")
    assert result.code == 1
    assert "fleet.yaml has 1 problem, first: " in result.out
    assert "not made: D102, D202, D203" in result.err


def test_problems_of_pipelines_are_counted(project: Project, airfleet: Airfleet) -> None:
    (project.root / "pipelines" / "bad.yaml").write_text("dag_id: bad\ntasks: [{id: a, uses: nosuch}, {uses: bash}]\n")
    result = airfleet("doctor", "-o", "plain")
    count = airfleet("check", "-o", "json").out
    assert result.code == 1
    line = next(line for line in result.out.splitlines() if line.startswith("D102"))
    assert re.fullmatch(r"D102\twrong\t\d problems in 1 file of pipelines\tairfleet check", line)
    assert line.split("\t")[2].startswith(f"{len(json.loads(count)['problems'])} ")


def test_an_agent_that_is_unwell_is_exit_code_4(agent_says: Callable, airfleet: Airfleet) -> None:
    ill = snapshot(component("scheduler", State.GAVE_UP, reason="died 5 times"), state="failed")
    with agent_says(ill):
        result = airfleet("doctor")
    assert result.code == 4
    assert "  D301  wrong    scheduler is failed: died 5 times\n" in result.out
    assert "                 next: airfleet logs scheduler\n" in result.out


def test_findings_alone_are_shown_unless_all_are_asked_for(agent_says: Callable, airfleet: Airfleet) -> None:
    with agent_says(READY):
        short, long = airfleet("doctor").out, airfleet("doctor", "-v").out
    assert "D101" not in short
    shown = re.findall(r"^  (D\d{3})  ", long, re.MULTILINE)
    assert list(dict.fromkeys(shown)) == USUAL


def test_rights_that_are_too_wide_are_found_in_a_fleet_that_is_down(project: Project, airfleet: Airfleet) -> None:
    project.paths.home.mkdir(mode=0o711)
    secrets.load_or_generate(project.paths.secrets)
    assert of_state(examined(airfleet), "wrong") == []
    project.paths.secrets.chmod(0o644)
    assert of_state(examined(airfleet), "wrong") == ["D203"]
    assert airfleet("doctor").code == 1


def test_a_damaged_file_is_a_finding_and_not_only_a_check_that_could_not_be_made(
    project: Project, airfleet: Airfleet
) -> None:
    project.paths.home.mkdir(mode=0o711)
    project.paths.secrets.touch(mode=0o600)
    project.paths.secrets.write_text("{")
    assert of_state(examined(airfleet), "wrong") == ["D106"]
    assert airfleet("doctor").code == 1


def test_a_machine_that_is_none_of_the_hosts_judges_no_file_of_theirs(project: Project, airfleet: Airfleet) -> None:
    project.fleet_file.write_text(
        "name: shop\ndatabase: postgresql://me@127.0.0.1:1/shop\nbroker: redis://127.0.0.1:1/0\n"
        "policies: {on_partition: keep}\n"
        "proxy: {on: [one], name: 127.0.0.1, tls: {certificate: chain.pem, key: key.pem}}\n"
        "hosts:\n"
        "  - {name: one, address: 127.0.0.1, scheduler: true, api_server: true, dag_processor: true}\n"
        "  - {name: two, address: 127.0.0.2, workers: [{slots: 1}]}\n"
    )
    found = examined(airfleet)
    assert of_state(found, "wrong") == ["D403"]
    assert "D405" in of_state(found, "unknown")
    assert "say which one this is: --host NAME" in airfleet("doctor").err


def test_the_value_for_programs_has_each_check_with_its_reason(project: Project, airfleet: Airfleet) -> None:
    found = json.loads(airfleet("doctor", "-o", "json").out)
    assert (found["fleet"], found["host"], found["live"]) == ("shop", "local", False)
    assert [one["code"] for one in found["checks"]] == USUAL
    assert all(one["why"] and one["seen"] for one in found["checks"])
    live = json.loads(airfleet("doctor", "--live", "-o", "json").out)
    assert [one["code"] for one in live["checks"]] == [check.code for check in CHECKS]
    assert live["left_out"]


def test_a_bundle_has_fleet_yaml_with_its_secrets_masked(
    project: Project, airfleet: Airfleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.root / "secrets").mkdir()
    secret = project.root / "secrets" / "warehouse"
    secret.touch(mode=0o600)
    secret.write_text("of-the-warehouse-alone")
    project.fleet_file.write_text(
        'name: shop\nconnections: {w: {type: http, host: h, password: "${{ secrets.warehouse }}"}}\n'
    )
    project.paths.logs.mkdir(parents=True)
    other = project.root / "secrets" / "other"
    other.write_text("of-a-task-alone")
    monkeypatch.setenv("SHOP_API_KEY", "of-the-shell-alone")
    told = "it connects with of-the-warehouse-alone, of-a-task-alone and of-the-shell-alone\n"
    (project.paths.logs / "agent.log").write_text(told)
    file = tmp_path / "report.tar.gz"
    result = airfleet("doctor", "--bundle", file)
    assert f"the report is in {file}; look into it before you send it" in result.err
    with tarfile.open(file) as archive:
        archive.extractall(tmp_path, filter="data")
    folder = tmp_path / "airfleet-doctor"
    assert "${{ secrets.warehouse }}" in (folder / "fleet.yaml").read_text()
    assert (folder / "logs" / "agent.log").read_text() == "it connects with ***, *** and ***\n"
    assert json.loads((folder / "doctor.json").read_text())["fleet"] == "shop"
    assert json.loads((folder / "versions.json").read_text())["celery"]


def test_a_bundle_of_a_fleet_yaml_that_cannot_be_read_says_so(
    project: Project, airfleet: Airfleet, tmp_path: Path
) -> None:
    project.fleet_file.write_text("name: [\n")
    assert airfleet("doctor", "--bundle", tmp_path / "report.tar.gz").code == 1
    with tarfile.open(tmp_path / "report.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    assert (tmp_path / "airfleet-doctor" / "fleet.yaml").read_text().startswith("# it cannot be read: ")


def test_a_file_that_is_there_is_not_overwritten(project: Project, airfleet: Airfleet, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("x")
    result = airfleet("doctor", "--bundle", mine)
    assert (result.code, result.out) == (1, "")
    assert result.err == f"error: {mine} is there already\nhint: name another file\n"
    assert mine.read_text() == "x"
