"""A log server and who reads from it, over real connections: which parts a log has, and who may read them."""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from airflow.configuration import conf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airfleet.api_server import remote_logs
from airfleet.api_server.remote_logs import Server
from airfleet.cli.queries import task_logs as ends
from airfleet.log_server import main
from airfleet.testing.ports import free_ports
from support.http_served import serving

LOG = "dag_id=shop/run_id=manual__2026-11-21T06:00:00+00:00/task_id=sell/attempt=1.log"
KEY = "k" * 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    log = tmp_path / "logs" / LOG
    log.parent.mkdir(parents=True)
    log.write_text("sold\nagain\n")
    log.with_name(f"{log.name}.trigger.7.log").write_text("waited\n")
    log.with_name("attempt=2.log").write_text("another\n")
    (tmp_path / "password").write_text("nobody's business\n")
    return tmp_path / "logs"


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(folder))
    monkeypatch.setenv("AIRFLOW__API__SECRET_KEY", KEY)
    monkeypatch.setenv("AIRFLOW__AIRFLEET__LOGS_KEY", KEY)
    with serving(main.application(folder)) as address:
        yield Server("work-1", address.removeprefix("http://"))


def lines(server: Server, path: str = LOG) -> tuple[list[str], list[list[str]]]:
    found = remote_logs.ask(server, path)
    return list(found.sources), [list(stream) for stream in found.streams]


def test_a_log_comes_with_all_its_parts_and_says_where_they_are(server: Server) -> None:
    sources, parts = lines(server)
    assert sources == [f"work-1: {LOG}", f"work-1: {LOG}.trigger.7.log"]
    assert parts == [["sold", "again"], ["waited"]]


def test_a_host_that_has_nothing_of_a_log_says_nothing(server: Server) -> None:
    assert lines(server, LOG.replace("sell", "buy")) == ([], [])


def test_what_is_written_while_a_log_is_read_does_not_cut_it_off(server: Server, folder: Path) -> None:
    found = remote_logs.ask(server, LOG)
    with (folder / LOG).open("a") as file:
        file.write("later\n" * 100_000)
    assert list(found.streams[0]) == ["sold", "again"]
    assert len(lines(server)[1][0]) == 100_002


def test_a_host_that_does_not_answer_is_named(server: Server) -> None:
    (port,) = free_ports(1)
    sources, parts = lines(Server("work-2", f"127.0.0.1:{port}"))
    assert parts == []
    assert sources[0].startswith(f"The logs of host 'work-2' (127.0.0.1:{port}) could not be read: ")


ATTEMPT = {
    "dag_id": "shop",
    "dag_run_id": "manual__2026-11-21T06:00:00+00:00",
    "task_id": "sell",
    "map_index": -1,
    "try_number": 1,
    "hostname": "work-1.3fa80c12",
}


def test_the_command_line_reads_the_end_of_a_long_log_only(server: Server, folder: Path) -> None:
    with (folder / LOG).open("a") as file:
        file.seek(2**33)  # most of it is a hole
        file.write("".join(f'\n{{"event": "line {number}"}}' for number in range(50_000)))
    places = ends.LogPlaces(servers={"work-1": server.place}, key=KEY)
    found = places.end_of(ATTEMPT, time.time())
    assert found is not None
    assert found.entries[-1] == {"event": "line 49999"}
    assert len(found.entries) < 50_000
    assert places.end_of({**ATTEMPT, "hostname": "work-2.3fa80c12"}, time.time()) is None
    assert places.end_of({**ATTEMPT, "task_id": "buy"}, time.time()) is None
    assert ends.LogPlaces(servers=places.servers, key="another").end_of(ATTEMPT, time.time()) is None
    assert places.end_of(ATTEMPT, time.time() - 3600) is None  # the token has run out


@pytest.mark.parametrize("question", [main.PARTS, "/log/"])
def test_nobody_reads_a_log_without_a_token_for_it(
    server: Server, question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://{server.place}{question}{LOG}"
    assert requests.get(url, timeout=10).status_code == 403
    other = {"Authorization": remote_logs.token("another.log")}
    assert requests.get(url, timeout=10, headers=other).status_code == 403
    monkeypatch.setenv("AIRFLOW__AIRFLEET__LOGS_KEY", "of another fleet" * 4)
    assert conf.get("airfleet", "logs_key") != KEY
    strange = {"Authorization": remote_logs.token(LOG)}
    assert requests.get(url, timeout=10, headers=strange).status_code == 403


def test_nothing_outside_the_folder_is_a_part_of_a_log(folder: Path) -> None:
    assert main.parts_of(folder, "../password") == []
    (folder / "link.log").symlink_to(folder.parent / "password")
    assert main.parts_of(folder, "link.log") == []
    assert main.parts_of(folder, LOG)[0] == (LOG, len("sold\nagain\n"))


def test_a_part_that_is_a_link_to_outside_is_not_listed(folder: Path) -> None:
    (folder / f"{LOG}.trigger.8.log").symlink_to(folder.parent / "password")
    (folder / f"{LOG}.trigger.9.log").mkdir()
    os.mkfifo(folder / f"{LOG}.trigger.10.log")
    assert [name for name, _ in main.parts_of(folder, LOG)] == [LOG, f"{LOG}.trigger.7.log"]


def test_what_lies_outside_is_no_log_though_it_leads_inside(folder: Path) -> None:
    (folder.parent / "lead.log").symlink_to(folder / LOG)
    (folder.parent / "lead.log.trigger.1.log").symlink_to(folder / LOG)
    (folder.parent / "real.log").write_text("")
    (folder.parent / "real.log.trigger.1.log").symlink_to(folder / LOG)
    assert main.parts_of(folder, "../real.log") == []


NAMES = [
    "..",
    ".",
    "",
    "%2e%2e",
    "%2E.",
    "a\0b",
    "x" * 300,
    "\ud800",
    "password",
    "link.log",
    "round.log",
    "logs",
    "*",
    LOG,
]
_PATHS = st.lists(st.sampled_from(NAMES) | st.text(max_size=4), min_size=1, max_size=6).map("/".join)


@settings(max_examples=80, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=st.sampled_from([main.PARTS, "/log/"]), path=_PATHS)
def test_whatever_is_asked_for_nothing_outside_the_folder_is_given(
    server: Server, folder: Path, question: str, path: str
) -> None:
    for name, target in (("link.log", folder.parent / "password"), ("round.log", folder / "round.log")):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(target)
    sent = quote(path, safe="/", errors="surrogatepass")
    connection = http.client.HTTPConnection(server.place, timeout=60)
    connection.request("GET", question + sent, headers={"Authorization": remote_logs.token(path)})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status in (200, 403, 404), path
    assert b"business" not in body
    if question == main.PARTS and answer.status == 200:
        assert all(not name.startswith((".", "/")) for name, _ in json.loads(body))


def test_its_health_needs_no_token(server: Server) -> None:
    assert requests.get(f"http://{server.place}{main.HEALTH}", timeout=10).json() == {"status": "healthy"}


def test_the_middle_of_a_part_that_is_too_long_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__AIRFLEET__SERVE_LOGS", "False")
    path = tmp_path / LOG
    path.parent.mkdir(parents=True)
    path.write_text("".join(f"line {number}\n" for number in range(100_000)))
    handler = remote_logs.FleetTaskHandler(str(tmp_path))
    _, (stream,) = handler._read_from_local(path)
    lines = list(stream)
    assert (lines[0], lines[remote_logs.FIRST_LINES - 1]) == ("line 0", f"line {remote_logs.FIRST_LINES - 1}")
    assert json.loads(lines[remote_logs.FIRST_LINES])["event"] == (
        "... (70,000 lines were left out here; the file of the log has them)"
    )
    assert [line for line in lines[-2:] if line] == ["line 99998", "line 99999"]
    assert len(lines) == remote_logs.FIRST_LINES + 1 + remote_logs.LAST_LINES


def test_no_part_is_held_whatever_the_length_of_its_lines() -> None:
    lines = list(remote_logs.bounded(("x" * 1_000_000 for _ in range(50)), first=1, last=100, characters=3_000_000))
    assert len(lines) == 1 + 1 + 3
    assert list(remote_logs.bounded(iter(["a", "b"]))) == ["a", "b"]
