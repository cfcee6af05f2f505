"""The client of the execution API against real servers that are away, hang, fail and come back."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import chain, repeat
from typing import Any

import httpx
import pytest
from airflow.sdk.api.client import API_RETRIES, BearerAuth, Client, ServerResponseError

from airfleet.testing.ports import free_ports
from airfleet.worker import api_client
from airfleet.worker.api_client import FleetClient
from support.toy_api import DROP, HANG, Answer, toy_api

XCOM = "xcoms/dag/run/task/return_value"
HEARTBEAT = "task-instances/1/heartbeat"


def nowhere() -> str:
    """An address at which nothing listens."""
    return f"http://127.0.0.1:{free_ports(1)[0]}/execution/"


class Pauses(list[float]):
    """The pauses of a client, which pass at once; ``then`` is called with how many there were."""

    def __init__(self, then: Callable[[int], None] = lambda count: None) -> None:
        super().__init__()
        self.now = 0.0
        self._then = then

    def __call__(self, seconds: float) -> None:
        self.append(seconds)
        self.now += seconds
        self._then(len(self))


def client(*urls: str, pauses: Pauses | None = None, **options: Any) -> FleetClient:
    made = FleetClient(urls, clock=(lambda: pauses.now) if pauses is not None else time.monotonic, **options)
    if pauses is not None:
        made.pause = pauses
    return made


def answers(*first: Answer, then: Answer = 200) -> Callable[[str, str], Answer]:
    """These answers one after the other, then always the same."""
    line = chain(first, repeat(then))
    return lambda method, path: next(line)


def test_a_request_that_is_answered_is_one_request() -> None:
    with toy_api() as api, client(api.url) as asking:
        asking.pause = pytest.fail
        assert asking.post(XCOM, content='"value"').status_code == 200
        assert api.asked == [("POST", "/execution/" + XCOM)]


def test_what_is_sent_is_said_to_be_json() -> None:
    with toy_api() as api, client(api.url) as asking:
        assert asking.post(XCOM, content='"value"').request.headers["content-type"] == "application/json"


def test_a_request_says_what_airflows_own_says() -> None:
    with toy_api() as api, client(api.url) as asking, Client(base_url=api.url, token="mine") as stock:
        asking.auth = stock.auth
        for each in (asking, stock):
            each.post(XCOM, content='"value"')
    ours, theirs = api.headers
    ids = [headers.pop("correlation-id") for headers in (ours, theirs)]
    assert ours == theirs
    assert ours["authorization"] == "Bearer mine"
    assert len(set(ids)) == 2


def test_a_new_token_is_used_from_then_on() -> None:
    with toy_api() as api, client(api.url) as asking:
        asking.auth = BearerAuth("old")
        api.tells["Refreshed-API-Token"] = "new"
        asking.get(XCOM)
        asking.get(XCOM)
    assert [headers["authorization"] for headers in api.headers] == ["Bearer old", "Bearer new"]


def test_an_address_with_tls_is_asked_with_tls() -> None:
    with toy_api() as api, client(api.url.replace("http:", "https:"), patience_seconds=0.0) as asking:
        with pytest.raises(httpx.ConnectError, match="SSL"):
            asking.get(XCOM)
        assert api.asked == []


def test_nobody_listens_at_the_first_address_and_the_second_answers_at_once() -> None:
    with toy_api() as api, client(nowhere(), api.url) as asking:
        asking.pause = pytest.fail
        assert asking.get(XCOM).status_code == 200
        assert len(api.asked) == 1


def test_the_first_server_hangs_and_the_second_answers_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_client, "API_TIMEOUT", 60.0)
    monkeypatch.setattr(api_client, "ANSWER_SECONDS", 0.3)
    with toy_api(answers(then=HANG)) as hung, toy_api() as api, client(hung.url, api.url) as asking:
        monkeypatch.setattr(api_client, "ANSWER_SECONDS", 10.0)  # for the second one; the first was given its time
        asking.pause = pytest.fail
        began = time.monotonic()
        assert asking.get(XCOM).status_code == 200
        assert 0.3 <= time.monotonic() - began < 20.0
        asking.timeout = httpx.Timeout(10.0)
        assert asking.get(XCOM).status_code == 200  # the one that answered is asked first from now on
        assert (len(hung.asked), len(api.asked)) == (1, 2)


def test_the_first_address_is_asked_first_again_after_a_while() -> None:
    pauses = Pauses()
    with toy_api(answers(503)) as first, toy_api() as second, client(first.url, second.url, pauses=pauses) as asking:
        asking.get("one")
        asking.get("two")
        pauses.now += api_client.RETURN_SECONDS
        asking.get("three")
        assert first.paths() == ["/execution/one", "/execution/three"]
        assert second.paths() == ["/execution/one", "/execution/two"]
        assert pauses == []


@pytest.mark.parametrize("status", [429, 502, 503, 504, DROP])
def test_a_server_that_comes_back_answers_what_was_asked_meanwhile(status: Answer) -> None:
    pauses = Pauses()
    with toy_api(answers(*[status] * 40)) as api, client(api.url, pauses=pauses) as asking:
        assert asking.patch("task-instances/1/state", content="{}").status_code == 200
    assert len(pauses) == 40
    assert max(pauses) <= api_client.ROUND_BACKOFF.most
    assert sum(pauses) > 60  # Airflow's own client gives up after 41 s at the latest


def test_a_server_that_was_not_there_is_found_when_it_starts() -> None:
    port = free_ports(1)[0]
    servers = []

    def start_one(count: int) -> None:
        if count == 20:
            servers.append(toy_api(port=port))
            servers[0].__enter__()

    with client(f"http://127.0.0.1:{port}/execution/", pauses=Pauses(start_one)) as asking:
        try:
            assert asking.get(XCOM).status_code == 200
        finally:
            servers[0].__exit__(None, None, None)


def test_a_server_that_is_added_in_an_outage_is_asked() -> None:
    gone = nowhere()
    with toy_api() as added:
        known = [gone]
        pauses = Pauses(lambda count: known.append(added.url) if count == 3 else None)
        with client(gone, pauses=pauses, known=lambda: known) as asking:
            assert asking.get(XCOM).status_code == 200
        assert (len(pauses), added.paths()) == (3, ["/execution/" + XCOM])


def test_a_server_that_was_taken_away_is_not_asked_again() -> None:
    with toy_api() as old, toy_api() as new:
        known = [old.url]
        with client(*known, known=lambda: known) as asking:
            asking.get(XCOM)
            known[:] = [new.url]
            asking.look_again()
            asking.get(XCOM)
        assert (len(old.asked), len(new.asked)) == (1, 1)


def test_a_server_that_is_added_before_the_one_in_use_is_asked_first_from_then_on() -> None:
    with toy_api() as old, toy_api() as new:
        known = [old.url]
        with client(*known, known=lambda: known) as asking:
            known.insert(0, new.url)
            asking.look_again()
            asking.get(XCOM)
        assert (len(old.asked), len(new.asked)) == (0, 1)


def test_patience_has_an_end() -> None:
    pauses = Pauses()
    asking = client(nowhere(), nowhere(), pauses=pauses, patience_seconds=300.0)
    with asking, pytest.raises(httpx.ConnectError):
        asking.get(XCOM)
    assert 300 <= pauses.now < 300 + api_client.ROUND_BACKOFF.most


def test_a_heartbeat_is_tried_once_at_each_address() -> None:
    with toy_api(answers(then=503)) as one, toy_api(answers(then=503)) as other, client(one.url, other.url) as asking:
        asking.pause = pytest.fail
        with pytest.raises(httpx.HTTPStatusError):
            asking.put(HEARTBEAT, content="{}")
        assert (len(one.asked), len(other.asked)) == (1, 1)


def test_a_refusal_is_no_outage() -> None:
    with toy_api(answers(then=409)) as api, client(api.url) as asking:
        asking.pause = pytest.fail
        with pytest.raises(ServerResponseError):
            asking.patch("task-instances/1/run", content="{}")
        assert len(api.asked) == 1


def test_a_request_that_the_server_cannot_bear_fails_while_others_are_answered() -> None:
    def only_others(method: str, path: str) -> Answer:
        return 200 if path.endswith("/count") else 500

    pauses = Pauses()
    with toy_api(only_others) as api, client(api.url, pauses=pauses) as asking:
        with pytest.raises(httpx.HTTPStatusError):
            asking.post(XCOM, content='"poison"')
        assert api.paths() == ["/execution/" + XCOM] * API_RETRIES + ["/execution/dag-runs/count"]
    assert pauses.now < 10


def test_a_server_whose_database_is_away_is_waited_for() -> None:
    pauses = Pauses()
    with toy_api(answers(*[500] * 60)) as api, client(api.url, pauses=pauses) as asking:
        assert asking.post(XCOM, content='"value"').status_code == 200
    assert pauses.now > 60


def test_who_cannot_find_out_whose_fault_it_is_waits_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_client, "UNEXPLAINED_SECONDS", 60.0)

    def not_allowed(method: str, path: str) -> Answer:
        return 403 if path.endswith("/count") else 500

    pauses = Pauses()
    with toy_api(not_allowed) as api, client(api.url, pauses=pauses) as asking, pytest.raises(httpx.HTTPStatusError):
        asking.patch("task-instances/1/run", content="{}")
    assert api_client.UNEXPLAINED_SECONDS <= pauses.now < api_client.UNEXPLAINED_SECONDS + 10


def test_a_run_that_was_triggered_by_a_lost_request_is_not_refused() -> None:
    with toy_api(answers(DROP, then=409)) as api, client(api.url, pauses=Pauses()) as asking:
        assert asking.dag_runs.trigger("dag", "run").ok  # type: ignore[union-attr]


def test_a_run_that_is_there_already_is_refused() -> None:
    with toy_api(answers(then=409)) as api, client(nowhere(), api.url, pauses=Pauses()) as asking:
        assert not hasattr(asking.dag_runs.trigger("dag", "run"), "ok")


ATTEMPT = "019aa6d1-7a5b-7c09-a1c7-61a6f0e3b1de"
START = f"task-instances/{ATTEMPT}/run"
END = f"task-instances/{ATTEMPT}/state"
PAUSES = ["deferred", "up_for_reschedule", "awaiting_input"]


def pausing(asking: FleetClient, state: str) -> httpx.Response:
    """An attempt that was started says that it pauses."""
    asking.patch(START, content='{"state": "running", "hostname": "here", "pid": 7}')
    return asking.patch(END, content=f'{{"state": "{state}"}}')


@pytest.mark.parametrize("state", PAUSES)
@pytest.mark.parametrize("refusal", [404, 409, 410])
def test_a_pause_that_may_have_arrived_is_not_told_again_when_its_process_runs_no_more(
    state: str, refusal: int
) -> None:
    with toy_api(answers(200, DROP, refusal)) as api, client(api.url, pauses=Pauses()) as asking:
        pausing(asking, state)
    assert api.asked[1:] == [
        ("PATCH", f"/execution/{END}"), ("PUT", f"/execution/task-instances/{ATTEMPT}/heartbeat")
    ]  # fmt: skip
    assert api.sent[-1] == {"hostname": "here", "pid": 7}


@pytest.mark.parametrize("heard", [200, 403])
def test_a_pause_that_did_not_arrive_is_told_again(heard: int) -> None:
    with toy_api(answers(200, DROP, heard)) as api, client(api.url, pauses=Pauses()) as asking:
        assert pausing(asking, "deferred").status_code == 200
    assert [method for method, _ in api.asked] == ["PATCH", "PATCH", "PUT", "PATCH"]


def test_whether_a_pause_arrived_is_asked_before_each_time_that_it_is_told_again() -> None:
    told = answers(200, DROP, 503, DROP, 200, 503, 409)
    with toy_api(told) as api, client(api.url, pauses=Pauses()) as asking:
        assert pausing(asking, "deferred").status_code == 409
    assert [method for method, _ in api.asked] == ["PATCH", "PATCH", "PUT", "PUT", "PUT", "PATCH", "PUT"]


def test_an_end_and_what_cannot_have_arrived_are_told_again_at_once() -> None:
    with toy_api(answers(200, DROP)) as api, client(api.url, pauses=Pauses()) as asking:
        assert pausing(asking, "success").status_code == 200
        assert len(api.asked) == 3
    with toy_api() as api, client(nowhere(), api.url, pauses=Pauses()) as asking:
        assert pausing(asking, "deferred").status_code == 200
        assert len(api.asked) == 2


def test_the_pause_of_an_attempt_that_another_client_started_is_told_again() -> None:
    with toy_api(answers(DROP)) as api, client(api.url, pauses=Pauses()) as asking:
        assert asking.patch(END, content='{"state": "deferred"}').status_code == 200
    assert [method for method, _ in api.asked] == ["PATCH", "PATCH"]


def test_a_slow_server_is_given_more_time_in_each_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_client, "API_TIMEOUT", 0.2)
    line = answers(HANG, HANG)

    def slow(method: str, path: str) -> Answer:
        if (found := line(method, path)) == 200:
            time.sleep(0.5)
        return found

    began: list[float] = []
    pauses = Pauses(lambda count: began.append(time.monotonic()))
    with toy_api(slow) as api, client(api.url, pauses=pauses, patience_seconds=60.0) as asking:
        began.append(time.monotonic())
        assert asking.get(XCOM).status_code == 200
    first, second, third = began[:3]
    assert second - first >= 0.2
    assert third - second >= 0.4


def test_an_address_that_means_nothing_is_said_at_once() -> None:
    with client("nonsense://nowhere/") as asking, pytest.raises(httpx.UnsupportedProtocol):
        asking.get(XCOM)
