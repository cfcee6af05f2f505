"""Whose a fleet is, and which folders are trusted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airfleet.errors import FleetError
from airfleet.fleet.planning import ownership
from airfleet.fleet.planning.paths import Paths


def places(home: Path, shared: Path | None = None) -> Paths:
    return Paths(home, home / "run", shared)


def test_the_fleet_of_somebody_else_is_refused_with_the_command_for_its_owner(tmp_path: Path) -> None:
    with pytest.raises(FleetError) as refused:
        ownership.require_own(places(tmp_path), "airfleet up", euid=os.geteuid() + 1)
    me = ownership.described(os.geteuid())
    assert refused.value.sentence == f"this fleet belongs to {me}"
    assert refused.value.hint == f"sudo -u {me.partition(' ')[0]} airfleet up"


def test_root_is_somebody_else_too(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        os.chown(tmp_path, 54321, 54321)
    with pytest.raises(FleetError, match="this fleet belongs to "):
        ownership.require_own(places(tmp_path), "airfleet down", euid=0 if os.geteuid() == 0 else 12345)


def test_a_user_without_a_name_is_known_by_the_number() -> None:
    assert ownership.described(54321) == "uid 54321"


def test_a_host_in_a_folder_of_somebody_elses_hosts_is_refused_before_it_has_a_home(tmp_path: Path) -> None:
    with pytest.raises(FleetError):
        ownership.require_own(places(tmp_path / "hosts" / "one", shared=tmp_path), "x", euid=os.geteuid() + 1)


@pytest.mark.parametrize("missing", ["home", "shared"])
def test_a_folder_that_is_not_there_does_not_hide_the_owner_of_the_other(tmp_path: Path, missing: str) -> None:
    home, shared = (tmp_path / "none" if name == missing else tmp_path for name in ("home", "shared"))
    with pytest.raises(FleetError):
        ownership.require_own(places(home, shared), "airfleet up", euid=os.geteuid() + 1)


def test_a_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    ownership.make_folder(tmp_path / "above" / "made", 0o700)
    assert (tmp_path / "above" / "made").is_dir()


def test_a_fleet_that_never_ran_is_everybodys(tmp_path: Path) -> None:
    ownership.require_own(places(tmp_path / "none"), "airfleet up", euid=os.geteuid() + 1)


@pytest.mark.parametrize("umask", [0o077, 0o000, 0o022])
def test_a_folder_has_its_mode_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        ownership.make_folder(tmp_path / "made", 0o711)
    finally:
        os.umask(before)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o711


def test_a_folder_of_the_groups_becomes_private(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made").chmod(0o775)
    ownership.make_folder(tmp_path / "made", 0o700)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o700


def test_a_folder_into_which_everybody_could_write_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made").chmod(0o777)
    with pytest.raises(FleetError) as refused:
        ownership.make_folder(tmp_path / "made", 0o700)
    assert refused.value.sentence == f"everybody on this machine can write into {tmp_path}/made"


def test_a_folder_that_somebody_else_made_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made").mkdir()
    if os.geteuid() == 0:
        os.chown(tmp_path / "made", 54321, 54321)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(FleetError) as refused:
        ownership.make_folder(tmp_path / "made", 0o700)
    assert "belongs to" in refused.value.sentence


def test_a_link_is_followed_only_where_it_may_be_one(tmp_path: Path) -> None:
    (tmp_path / "large-disk").mkdir()
    (tmp_path / "logs").symlink_to("large-disk")
    ownership.make_folder(tmp_path / "logs", 0o700)
    with pytest.raises(FleetError) as refused:
        ownership.make_folder(tmp_path / "logs", 0o700, may_be_link=False)
    assert refused.value.sentence == f"{tmp_path}/logs is no folder"
