"""A boot and a folder have identities that no copy shares."""

from __future__ import annotations

import shutil
from pathlib import Path

from airfleet.system import machine_id


def test_a_boot_has_one_id() -> None:
    assert machine_id.boot_id() == machine_id.boot_id() != ""
    assert "\n" not in machine_id.boot_id()


def test_a_folder_keeps_its_id_under_every_path_that_leads_to_it(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "link").symlink_to("home")
    assert machine_id.place_of(tmp_path / "link") == machine_id.place_of(tmp_path / "home")


def test_neither_a_copy_nor_a_folder_that_was_moved_has_the_id(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    before = machine_id.place_of(tmp_path / "home")
    shutil.copytree(tmp_path / "home", tmp_path / "copy")
    (tmp_path / "home").rename(tmp_path / "moved")
    (tmp_path / "copy").rename(tmp_path / "home")
    assert before not in (machine_id.place_of(tmp_path / "home"), machine_id.place_of(tmp_path / "moved"))
