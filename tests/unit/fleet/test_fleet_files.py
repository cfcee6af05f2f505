"""Where a fleet keeps its things, which ports it takes, and how it keeps its secrets."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from itertools import count
from pathlib import Path

import pytest

from airfleet.errors import FleetError
from airfleet.fleet.config.spec import ApiServer, Fleet, Flower, Proxy, Tls, local_host
from airfleet.fleet.planning import paths, ports
from airfleet.fleet.servers import secrets


def test_the_home_is_beside_fleet_yaml_unless_the_environment_names_another(tmp_path: Path) -> None:
    assert paths.of(tmp_path, {}).home == tmp_path / ".airfleet"
    assert paths.of(tmp_path, {"AIRFLEET_HOME": "/data/shop"}).home == Path("/data/shop")
    assert paths.of(tmp_path, {"AIRFLEET_HOME": ""}).home == tmp_path / ".airfleet"


def test_every_place_lies_in_the_home_whatever_the_environment(tmp_path: Path) -> None:
    places = paths.of(tmp_path, {"XDG_RUNTIME_DIR": "/run/user/1001", "TMPDIR": "/elsewhere", "HOME": "/nowhere"})
    in_home = [places.secrets, places.password, places.ports, places.airflow_home, places.task_logs, places.log("a")]
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


# --- ports -----------------------------------------------------------------------------------------


@contextmanager
def listening(port: int = 0) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", port)) as server:
        yield server.getsockname()[1]


def free_pair() -> int:
    """A port that is free, and the next one too."""
    for _ in range(50):
        with listening() as port:
            pass
        if port < 65000 and ports.is_free(port) and ports.is_free(port + 1):
            return port
    raise AssertionError("no two free ports beside each other")


def test_the_usual_port_is_taken_when_it_is_free_and_the_next_one_when_not(tmp_path: Path) -> None:
    usual = free_pair()
    assert ports.PortBook(tmp_path / "one.json").port("api_server", usual) == usual
    with listening(usual):
        assert ports.PortBook(tmp_path / "two.json").port("api_server", usual) == usual + 1


def test_a_port_stays_the_same_from_start_to_start(tmp_path: Path) -> None:
    usual = free_pair()
    with listening(usual):
        before = ports.PortBook(tmp_path / "ports.json").port("broker", usual)
    assert before == usual + 1
    assert ports.PortBook(tmp_path / "ports.json").port("broker", usual) == before
    with listening(before):
        assert ports.PortBook(tmp_path / "ports.json").port("broker", usual) == usual


def test_a_port_that_another_fleet_has_chosen_but_does_not_listen_on_yet_is_left_to_it(tmp_path: Path) -> None:
    usual = free_pair()
    other = ports.PortBook(tmp_path / "other.json")
    assert other.port("api_server", usual) == usual
    assert ports.PortBook(tmp_path / "ours.json").port("api_server", usual) == usual + 1
    with pytest.raises(FleetError, match="is taken by another fleet that starts"):
        ports.PortBook(tmp_path / "third.json").fixed("api_server", usual, "127.0.0.1")
    other.close()
    assert ports.PortBook(tmp_path / "ours.json").port("postgres", usual) == usual


def test_one_port_is_never_given_twice(tmp_path: Path) -> None:
    usual, book = free_pair(), ports.PortBook(tmp_path / "ports.json")
    assert book.port("one", usual) == usual
    assert book.port("two", usual) == usual + 1
    assert json.loads((tmp_path / "ports.json").read_text()) == {"one": usual, "two": usual + 1}


def test_a_port_that_a_person_asked_for_and_that_is_in_use(tmp_path: Path) -> None:
    with listening() as port, pytest.raises(FleetError) as refused:
        ports.PortBook(tmp_path / "ports.json").fixed("api_server", port, "127.0.0.1")
    assert refused.value.sentence == (
        f"port {port} of 127.0.0.1, which fleet.yaml gives to api_server, is in use by another program"
    )
    assert refused.value.hint == (
        "choose another port in fleet.yaml, or leave it out to get a free one; "
        f"'ss -ltnp sport = :{port}' names the program"
    )


FLEET = Fleet(
    "shop",
    "/srv/shop",
    hosts=(local_host(api_server=ApiServer(port=9000, count=2)),),
    proxy=Proxy(on=("local",), name="shop", tls=Tls("a", "b")),
    flower=Flower(on="local", port=5556),
)


def test_the_ports_that_fleet_yaml_gives_away() -> None:
    assert ports.given(FLEET, FLEET.hosts[0]) == {
        9000: "api_server", 9001: "api_server_2", 5556: "flower", 443: "proxy", 80: "proxy"
    }  # fmt: skip
    elsewhere = replace(FLEET, hosts=(local_host(),), proxy=replace(FLEET.proxy, on=()), flower=None)  # type: ignore[type-var]
    assert ports.given(elsewhere, elsewhere.hosts[0]) == {}


def test_who_looks_for_a_free_port_keeps_off_what_fleet_yaml_gives_to_another(tmp_path: Path) -> None:
    usual = free_pair()
    (tmp_path / "ports.json").write_text(json.dumps({"api_server": usual}))
    book = ports.PortBook(tmp_path / "ports.json")
    book.keep_off({usual: "flower"})
    assert book.port("api_server", usual) == usual + 1
    assert book.port("flower", usual) == usual


@pytest.mark.parametrize("text", ["{", "[]", '"x"', '{"api_server": "8080"}', '{"api_server": null}', b"\xff\xfe"])
def test_damaged_ports_are_said(text: str | bytes, tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FleetError) as refused:
        ports.PortBook(file)
    assert refused.value.sentence == f"{file} is damaged: it is not what airfleet has written there"
    assert refused.value.hint == "delete it: free ports are looked for again"


def test_no_free_port_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ports, "SEARCH_RANGE", 1)
    with listening() as port, pytest.raises(FleetError) as refused:
        ports.PortBook(tmp_path / "ports.json").port("api_server", port)
    assert refused.value.sentence == f"ports {port} to {port} of 127.0.0.1 are all in use"


# --- secrets ---------------------------------------------------------------------------------------


def test_secrets_are_made_once_and_kept_for_their_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    before = os.umask(0)
    try:
        made = secrets.load_or_generate(file)
    finally:
        os.umask(before)
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert secrets.load_or_generate(file, lambda: pytest.fail("nothing is missing")) == made
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"fernet_key": 1}', b"\xff\xfe"])
@pytest.mark.parametrize("act", [secrets.load, secrets.load_or_generate, secrets.is_parcel])
def test_damaged_secrets_are_said_and_left_as_they_are(
    act: Callable[[Path], object], text: str | bytes, tmp_path: Path
) -> None:
    file, data = tmp_path / "secrets.json", text if isinstance(text, bytes) else text.encode()
    file.write_bytes(data)
    with pytest.raises(FleetError) as refused:
        act(file)
    assert refused.value.sentence == f"{file} is damaged: it is not what airfleet has written there"
    assert (refused.value.hint or "").startswith("bring it back from a backup, or from the host that has it")
    assert file.read_bytes() == data


def test_secrets_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").mkdir()
    with pytest.raises(FleetError) as refused:
        secrets.load(tmp_path / "secrets.json")
    assert refused.value.sentence == f"{tmp_path}/secrets.json cannot be read: Is a directory"


def test_every_secret_is_its_own_and_long() -> None:
    made = secrets.generate()
    values = [getattr(made, field.name) for field in fields(made)]
    assert len(set(values)) == len(values) == 10
    assert all(len(value) >= 24 for value in values)
    assert secrets.generate() != made


def test_secrets_come_from_the_random_bytes_alone() -> None:
    numbers = count()
    made = secrets.generate(lambda size: next(numbers).to_bytes(1, "big") * size)
    numbers = count()
    assert secrets.generate(lambda size: next(numbers).to_bytes(1, "big") * size) == made


def test_no_representation_shows_a_secret() -> None:
    made = secrets.generate()
    assert repr(made) == str(made) == "Secrets()"


def test_a_private_file_is_replaced_at_once_and_never_wider_than_asked(tmp_path: Path) -> None:
    file = tmp_path / "new" / "airflow.cfg"
    secrets.write_private(file, "one")
    file.chmod(0o644)
    secrets.write_private(file, "two")
    assert file.read_text() == "two"
    assert oct(file.stat().st_mode & 0o777) == "0o600"
