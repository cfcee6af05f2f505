"""The embedded servers and the users that run them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from airfleet.agent.servers import embedded_servers


def test_another_user_reaches_only_what_every_folder_lets_through(tmp_path: Path) -> None:
    stranger = os.geteuid() + 1
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/tmp"):
            folder.chmod(0o711)
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert embedded_servers.can_reach(inner, stranger)
    assert embedded_servers.can_reach(inner / "not" / "there", stranger)
    (tmp_path / "a").chmod(0o700)
    assert not embedded_servers.can_reach(inner, stranger)
    assert embedded_servers.can_reach(inner, os.geteuid())


def test_data_are_found_whose_fleet_is_gone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name, its in (("kept", home), ("left", tmp_path / "gone")):
        (tmp_path / "state" / name).mkdir(parents=True)
        (tmp_path / "state" / name / "home").write_text(f"{its}\n")
    (tmp_path / "state" / "unknown").mkdir()
    found = embedded_servers.data_without_home(tmp_path / "state")
    assert found == {str(tmp_path / "state" / "left"): str(tmp_path / "gone")}
    assert embedded_servers.data_without_home(tmp_path / "none") == {}


@pytest.mark.needs("root")
def test_a_copy_of_programs_has_the_libraries_that_lie_beside_their_package(tmp_path: Path) -> None:
    program = tmp_path / "package" / "install" / "bin" / "server"
    library = tmp_path / "package.libs" / "libserver.so"
    for file in (program, library):
        file.parent.mkdir(parents=True)
        file.write_text(file.name)
    place = embedded_servers.SYSTEM_STATE / "programs" / f"test-{tmp_path.name}-{os.getpid()}"
    try:
        copy = embedded_servers.copy_of_package(program.parents[1], place)
        assert (copy / "bin" / "server").read_text() == "server"
        assert (copy / "bin" / "../../../package.libs/libserver.so").read_text() == "libserver.so"
        assert embedded_servers.copy_of_package(program.parents[1], place) == copy
    finally:
        shutil.rmtree(place)
