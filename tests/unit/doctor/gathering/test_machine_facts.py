"""Facts about this machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from airfleet.doctor.gathering import machine_facts
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
