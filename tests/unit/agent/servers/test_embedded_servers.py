"""The embedded servers and the users that run them."""

from __future__ import annotations

import os
from pathlib import Path

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
