"""The client of the REST API: patience, tokens, lists, and the password of a host that only works."""

from __future__ import annotations

import datetime as dt
import json
import socket
from typing import Any

import pytest

from airfleet.agent.control import HostStatus
from airfleet.agent.states import HostState
from airfleet.cli.commands.pipelines import trigger
from airfleet.client.api_client import Api, no_password_here
from airfleet.client.project import Project
from airfleet.errors import FleetError
from airfleet.fleet.servers import secrets
from support.command_line import Airfleet
from support.fake_agent import component, snapshot
from support.fake_airflow import PASSWORD, USER, FakeAirflow, dag, run
from support.toy_api import DROP, toy_api


@pytest.fixture
def no_password(airflow: FakeAirflow, project: Project) -> FakeAirflow:
    airflow.dags = {"orders": dag("orders")}
    project.paths.password.write_text("\n")
    return airflow


@pytest.mark.parametrize("command", [("trigger", "orders"), ("why", "orders")])
def test_it_says_where_the_password_is_and_how_to_carry_it(
    command: tuple[str, ...], no_password: FakeAirflow, airfleet: Airfleet
) -> None:
    result = airfleet(*command)
    assert result.code == 1
    assert f"was not given the password of user '{USER}'" in result.err
    assert "do it on a host with an api-server; or carry it here: airfleet secrets export" in result.err
    assert no_password.requests == []


def test_a_password_that_was_carried_there_is_used_at_once(
    no_password: FakeAirflow, project: Project, airfleet: Airfleet
) -> None:
    carried = json.dumps({secrets.FOR_FLEET: "shop", secrets.FOR_HOST: "work-1", "user_password": PASSWORD})
    secrets.write_private(project.paths.secrets, carried)
    assert airfleet("trigger", "orders").code == 0


def test_the_hosts_that_have_it_are_named() -> None:
    hosts = (
        HostStatus("front", HostState.UP, components=(component("api-server"),)),
        HostStatus("work-1", HostState.UP),
    )
    said = str(no_password_here(snapshot(host="work-1", hosts=hosts, user="admin")))
    assert "host 'work-1' was not given" in said
    assert "do it on front;" in said


@pytest.fixture(autouse=True)
def orders(airflow: FakeAirflow) -> FakeAirflow:
    airflow.dags = {"orders": dag("orders")}
    airflow.tasks = {"orders": {"load": [], "extract": ["load"]}}
    return airflow


def api(fake: FakeAirflow, **more: Any) -> Api:
    return Api(fake.url, USER, PASSWORD, **more)


def test_an_answer_that_gets_lost_makes_no_second_run(orders: FakeAirflow) -> None:
    orders.lose_answers = 1
    now = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
    made = trigger.start(api(orders, sleep=lambda _: None), "orders", {}, None, now=now)
    assert made["dag_run_id"] == "manual__2026-01-31T00:00:00+00:00"
    assert len(orders.runs) == 1


def test_a_restarting_api_server_is_waited_for(orders: FakeAirflow) -> None:
    pauses: list[float] = []
    orders.failures = [503, 502]
    assert api(orders, sleep=pauses.append).get("dags", "orders", "details")["dag_id"] == "orders"
    assert len(pauses) == 2


def test_a_fault_of_the_api_says_where_to_look_and_a_refusal_does_not(orders: FakeAirflow) -> None:
    client = api(orders)
    client.get("dags", "orders", "details")
    orders.failures = [500, 409]  # as while its database is away
    with pytest.raises(FleetError) as fault:
        client.get("dags", "orders", "details")
    assert str(fault.value) == (
        "the API said 500: not now\n"
        "hint: 'airfleet status' says which part is not well; 'airfleet logs api-server' says more"
    )
    with pytest.raises(FleetError) as refusal:
        client.get("dags", "orders", "details")
    assert str(refusal.value) == "the API said 409: not now"


def test_an_api_server_that_does_not_come_back_is_told() -> None:
    times = iter([0.0, 1.0, 30.0])
    gone = Api("http://127.0.0.1:9", USER, PASSWORD, clock=lambda: next(times), sleep=lambda _: None)
    with pytest.raises(FleetError) as told:
        gone.get("version")
    assert str(told.value) == (
        "the API at http://127.0.0.1:9 does not answer: [Errno 111] Connection refused\n"
        "hint: airfleet status; airfleet logs api-server"
    )


def test_while_an_api_server_is_away_the_next_one_is_asked_at_once(orders: FakeAirflow) -> None:
    pauses: list[float] = []
    client = Api("http://127.0.0.1:9", USER, PASSWORD, others=(orders.url,), sleep=pauses.append)
    assert client.get("dags", "orders", "details")["dag_id"] == "orders"
    assert (client.url, pauses) == (orders.url, [])


def test_every_api_server_is_asked_however_late_it_is(orders: FakeAirflow) -> None:
    client = Api("http://127.0.0.1:9", USER, PASSWORD, others=(orders.url,), patience_seconds=0.0)
    assert client.get("dags", "orders", "details")["dag_id"] == "orders"


def test_an_api_server_that_hangs_is_given_up_after_as_long_as_wished(orders: FakeAirflow) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hangs:  # takes a connection, and never says anything
        url = f"http://127.0.0.1:{hangs.getsockname()[1]}"
        client = Api(url, USER, PASSWORD, others=(orders.url,), request_seconds=0.5)
        assert client.get("dags", "orders", "details")["dag_id"] == "orders"


def test_it_is_said_of_every_api_server_that_it_does_not_answer() -> None:
    times, pauses = iter([0.0, 30.0]), list[float]()
    gone = Api(
        "http://127.0.0.1:8",
        USER,
        PASSWORD,
        others=("http://127.0.0.1:9",),
        clock=lambda: next(times),
        sleep=pauses.append,
    )
    with pytest.raises(FleetError) as told:
        gone.get("version")
    assert str(told.value).startswith("the API at http://127.0.0.1:8 or http://127.0.0.1:9 does not answer: ")
    assert pauses == []


def test_a_token_that_has_run_out_is_renewed(orders: FakeAirflow) -> None:
    client = api(orders, _token="old")
    assert client.get("dags", "orders", "details")["dag_id"] == "orders"


def test_a_wrong_password_is_told(orders: FakeAirflow) -> None:
    with pytest.raises(FleetError, match="does not know user 'admin' with the password of this fleet"):
        Api(orders.url, USER, "wrong").get("dags")


def test_an_auth_manager_that_gives_no_token_for_the_fleets_user_is_told(orders: FakeAirflow) -> None:
    orders.failures = [500]
    with pytest.raises(FleetError) as refused:
        Api(orders.url, USER, PASSWORD).get("dags", "orders")
    assert refused.value.sentence == (
        f"the API at {orders.url} gives the commands of airfleet no token for user '{USER}': it said 500: not now"
    )
    assert refused.value.hint == "get a token of its API from the auth manager, and put it into AIRFLEET_TOKEN"


def test_a_token_of_the_environment_is_used_and_nobody_logs_in(
    orders: FakeAirflow, airfleet: Airfleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLEET_TOKEN", "token-1")
    assert airfleet("trigger", "orders").code == 0
    assert "/auth/token" not in {path for _, path, _ in orders.requests}


def test_a_token_of_the_environment_that_is_refused_is_told(orders: FakeAirflow) -> None:
    orders.failures = [401]
    with pytest.raises(FleetError, match="does not take the token in AIRFLEET_TOKEN"):
        Api(orders.url, USER, "", token="old").get("dags", "orders")


def test_the_password_is_not_in_what_the_client_shows(orders: FakeAirflow) -> None:
    assert PASSWORD not in repr(api(orders))


def test_lists_are_read_page_by_page(orders: FakeAirflow) -> None:
    orders.runs = [run("orders", f"r{number}") for number in range(250)]
    runs = list(api(orders).every("dag_runs", "dags", "orders", "dagRuns"))
    assert [entry["dag_run_id"] for entry in runs] == [f"r{number}" for number in range(250)]


def test_a_post_that_may_have_arrived_is_not_repeated() -> None:
    with toy_api(lambda *_: DROP) as toy:
        asking = Api(toy.url.removesuffix("/execution/"), USER, "", token="t", patience_seconds=0.0)
        with pytest.raises(FleetError, match="broke while the answer was awaited"):
            asking.post("dags", body={})
        assert len(toy.asked) == 1


def test_the_end_of_an_answer_is_asked_for_with_tls_where_the_api_has_it() -> None:
    with toy_api() as toy:
        url = toy.url.removesuffix("/execution/")
        with pytest.raises(FleetError, match="SSL"):
            Api(url.replace("http:", "https:"), USER, "", token="t").end_of("logs", seconds=2.0, most_bytes=100)
        assert toy.asked == []
        found = Api(url, USER, "", token="t").end_of("logs", seconds=2.0, most_bytes=100)
        assert found == (b'{"detail": "as it was told"}', True, True)
