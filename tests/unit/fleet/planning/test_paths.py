"""Homes of agents."""

from __future__ import annotations

from pathlib import Path

from airfleet.fleet.planning import paths


def test_agents_that_share_a_folder_have_homes_of_their_own_and_the_same_secrets(tmp_path: Path) -> None:
    one, two = (paths.of(tmp_path, {"AIRFLEET_HOST": name}) for name in ("one", "two"))
    assert one.home == tmp_path / ".airfleet" / "hosts" / "one"
    assert one.runtime != two.runtime
    assert one.secrets == two.secrets == tmp_path / ".airfleet" / "secrets.json"
    elsewhere = paths.of(tmp_path, {"AIRFLEET_HOST": "one", "AIRFLEET_HOME": "/data"})
    assert (elsewhere.home, elsewhere.secrets) == (Path("/data"), Path("/data/secrets.json"))
