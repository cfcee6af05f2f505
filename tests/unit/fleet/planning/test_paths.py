"""The home of a fleet, and every place in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airfleet.errors import FleetError
from airfleet.fleet.planning import paths


def test_the_home_is_beside_fleet_yaml_unless_the_environment_names_another(tmp_path: Path) -> None:
    assert paths.of(tmp_path, {}).home == tmp_path / ".airfleet"
    assert paths.of(tmp_path, {"AIRFLEET_HOME": "/data/shop"}).home == Path("/data/shop")
    assert paths.of(tmp_path, {"AIRFLEET_HOME": ""}).home == tmp_path / ".airfleet"


def test_every_place_lies_in_the_home_whatever_the_environment(tmp_path: Path) -> None:
    places = paths.of(tmp_path, {"XDG_RUNTIME_DIR": "/run/user/1001", "TMPDIR": "/elsewhere", "HOME": "/nowhere"})
    in_home = [places.secrets, places.password, places.ports, places.airflow_home, places.task_logs, places.log("a")]
    in_home += [places.releases]
    running = [places.socket, places.lock, places.processes, places.outcomes]
    assert all(places.home in place.parents for place in (*in_home, *running))
    assert {place.parent for place in running} == {places.runtime}
    assert places == paths.of(tmp_path, {})


def test_a_relative_home_is_beside_fleet_yaml_from_whichever_folder_the_command_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    assert paths.of(tmp_path, {"AIRFLEET_HOME": "state"}).home == tmp_path / "state"


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/srv/new\nline", "the path '/srv/new\\nline' has the character '\\n', which PostgreSQL refuses"),
        ("/srv/a\rb", "the path '/srv/a\\rb' has the character '\\r', which PostgreSQL refuses"),
        ("/srv/$HOME/x", "the path /srv/$HOME/x has '$HOME', for which Airflow puts in a value"),
        (
            "/srv/a$NOT_SET ${HOME}b",
            "the path /srv/a$NOT_SET ${HOME}b has '${HOME}', for which Airflow puts in a value",
        ),
        ("/srv/%(home)s", "the path /srv/%(home)s has '%(home)s', for which Airflow puts in a value"),
    ],
)
def test_a_path_that_a_part_of_the_fleet_takes_for_another_one_is_refused(path: str, sentence: str) -> None:
    with pytest.raises(FleetError) as refused:
        paths.require_fit({"HOME": "/root"}, Path("/srv/shop"), Path(path))
    assert (refused.value.sentence, refused.value.hint) == (sentence, paths.RENAME)


@pytest.mark.parametrize(
    "path", ["/srv/100%", "/srv/мой «x» $5 $NOT_SET ${NOT_SET} %s $", "/srv/a\tb'\"\\;#[x]", "/srv/$$"]
)
def test_any_other_path_will_do(path: str) -> None:
    paths.require_fit({"HOME": "/root"}, Path(path))
    paths.require_text(Path(path))


def test_a_path_that_is_no_text_is_refused() -> None:
    with pytest.raises(FleetError, match=r"the path /srv/a\\xff is not UTF-8 text"):
        paths.require_text(Path(os.fsdecode(b"/srv/a\xff")))


def test_two_homes_never_share_a_socket_and_one_home_always_has_the_same(tmp_path: Path) -> None:
    one, other = paths.of(tmp_path / "a", {}), paths.of(tmp_path / "b", {})
    assert one.socket != other.socket
    assert one == paths.of(tmp_path / "a", {})
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "a").mkdir()
    assert paths.fleet_id(tmp_path / "link") == paths.fleet_id(tmp_path / "a")


def test_agents_that_share_a_folder_have_homes_of_their_own_and_the_same_secrets(tmp_path: Path) -> None:
    one, two = (paths.of(tmp_path, {"AIRFLEET_HOST": name}) for name in ("one", "two"))
    assert one.home == tmp_path / ".airfleet" / "hosts" / "one"
    assert one.runtime != two.runtime
    assert one.secrets == two.secrets == tmp_path / ".airfleet" / "secrets.json"
    elsewhere = paths.of(tmp_path, {"AIRFLEET_HOST": "one", "AIRFLEET_HOME": "/data"})
    assert (elsewhere.home, elsewhere.secrets) == (Path("/data"), Path("/data/secrets.json"))
