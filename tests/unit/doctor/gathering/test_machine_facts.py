"""Facts about this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from airfleet.agent.control import Snapshot
from airfleet.doctor.facts import AgentTrouble, LeftProcess
from airfleet.doctor.gathering import machine_facts
from airfleet.doctor.gathering.situation import Situation
from airfleet.errors import FleetError
from airfleet.fleet.planning.paths import Paths


def test_a_disk_counts_once_however_many_folders_lie_on_it(tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path / "run")
    paths.logs.mkdir()
    [disk] = machine_facts.disks(paths, tmp_path)
    assert disk.folder == str(tmp_path)
    assert disk.free_bytes == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.1)
    assert disk.has_home
    assert 0 <= disk.inodes_left <= 1


def test_a_fleet_that_was_never_started_has_no_disk(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="was not started here yet"):
        machine_facts.disks(Paths(tmp_path / "none", tmp_path / "none" / "run"), tmp_path / "none")


def test_file_descriptors_of_a_process_are_counted_beside_its_limit() -> None:
    [before] = machine_facts.descriptors([os.getpid()])
    with open(os.devnull):
        [after] = machine_facts.descriptors([os.getpid()])
    assert after.used == before.used + 1
    assert after.limit >= after.used


def test_no_process_is_no_fact() -> None:
    with pytest.raises(FleetError, match="no process of the fleet runs here"):
        machine_facts.descriptors([])


def test_a_process_that_no_living_agent_has_is_left(situation: Situation, marked: Callable[..., int]) -> None:
    left = marked("sleep", "60")
    assert machine_facts.left_processes(situation) == (LeftProcess(left, "sleep"),)


def test_a_process_below_the_agent_is_not_left(
    situation: Situation, snapshot: Snapshot, marked: Callable[..., int]
) -> None:
    marked("sleep", "60")
    up = replace(situation, agent=snapshot)  # the agent is this process, whose child it is
    assert machine_facts.left_processes(up) == ()


def test_what_runs_on_after_its_agent_is_not_left(situation: Situation, marked: Callable[..., int]) -> None:
    marked("sleep", "60")
    dead = replace(situation, agent=AgentTrouble("the agent has died", "airfleet up"))
    with pytest.raises(FleetError, match=r"the agent has died \(D301\)"):
        machine_facts.left_processes(dead)


def test_a_socket_without_an_agent_is_left(situation: Situation, snapshot: Snapshot) -> None:
    assert machine_facts.left_socket(situation) == ""
    situation.paths.runtime.mkdir()
    situation.paths.socket.touch()
    assert machine_facts.left_socket(situation) == str(situation.paths.socket)
    assert machine_facts.left_socket(replace(situation, agent=snapshot)) == ""


def test_a_damaged_file_is_named_with_what_brings_it_back(situation: Situation) -> None:
    paths = situation.paths
    assert machine_facts.damage(paths) == ()
    paths.ports.write_text("{")
    paths.secrets.write_text("[]")
    first, second = machine_facts.damage(paths)
    assert str(paths.secrets) in first.sentence
    assert first.next.startswith("bring it back from a backup")
    assert str(paths.ports) in second.sentence
    assert second.next == "delete it: free ports are looked for again"
