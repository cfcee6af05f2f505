"""What a request to the execution API is, and which try of it comes next."""

from __future__ import annotations

import httpx
import pytest

from airfleet.worker.outages import ApiRequest, Outage, is_outage

STATE = "task-instances/00000000-0000-0000-0000-000000000007/state"


def refusal(status: int) -> httpx.HTTPStatusError:
    request = httpx.Request("GET", "http://a/")
    return httpx.HTTPStatusError("", request=request, response=httpx.Response(status, request=request))


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (refusal(500), True),
        (refusal(503), True),
        (refusal(429), True),
        (refusal(404), False),
        (refusal(409), False),
        (httpx.ConnectError(""), True),
        (httpx.ReadTimeout(""), True),
        (httpx.LocalProtocolError(""), False),
        (httpx.UnsupportedProtocol(""), False),
        (ValueError(), False),
    ],
    ids=repr,
)
def test_an_outage_is_what_may_be_answered_later(error: Exception, found: bool) -> None:
    assert is_outage(error) is found


def test_a_round_asks_every_server_once() -> None:
    servers, tries = 3, []
    outage = Outage.begun(httpx.ConnectError(""), 0.0)
    for _ in range(7):
        if outage.asked >= servers:
            outage = outage.next_round()
        tries.append((outage.rounds, outage.asked))
        outage = outage.failed_again(httpx.ConnectError(""))
    assert tries == [(0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]


@pytest.mark.parametrize("first", [httpx.ConnectError(""), httpx.ReadTimeout("")], ids=repr)
@pytest.mark.parametrize("second", [httpx.ConnectError(""), httpx.ReadTimeout("")], ids=repr)
def test_a_try_that_may_have_arrived_stays_one(first: httpx.TransportError, second: httpx.TransportError) -> None:
    outage = Outage.begun(first, 0.0).failed_again(second)
    assert outage.may_have_arrived is any(isinstance(error, httpx.ReadTimeout) for error in (first, second))
    assert outage.error is second


@pytest.mark.parametrize(
    ("error", "found"), [(refusal(500), True), (refusal(503), False), (httpx.ReadTimeout(""), False)], ids=repr
)
def test_only_an_error_of_the_server_itself_may_be_the_fault_of_the_request(
    error: httpx.TransportError | httpx.HTTPStatusError, found: bool
) -> None:
    assert Outage.begun(error, 0.0).is_servers_fault is found


@pytest.mark.parametrize(
    ("request_", "heartbeat", "triggers", "pauses"),
    [
        (ApiRequest("PUT", STATE.replace("state", "heartbeat"), {}), True, False, False),
        (ApiRequest("POST", "dag-runs/dag/run", {}), False, True, False),
        (ApiRequest("GET", "dag-runs/dag/run/state", {}), False, False, False),
        (ApiRequest("PATCH", STATE, {"content": b'{"state": "deferred"}'}), False, False, True),
        (ApiRequest("PATCH", STATE, {"content": '{"state": "success"}'}), False, False, False),
        (ApiRequest("PATCH", STATE, {}), False, False, False),
    ],
)
def test_what_kind_of_request_it_is(request_: ApiRequest, heartbeat: bool, triggers: bool, pauses: bool) -> None:
    assert (request_.is_heartbeat, request_.triggers_run, request_.pauses_attempt) == (heartbeat, triggers, pauses)


@pytest.mark.parametrize(("status", "done"), [(409, True), (404, False)])
def test_a_second_run_that_is_refused_means_that_the_first_try_has_arrived(status: int, done: bool) -> None:
    assert ApiRequest("POST", "dag-runs/dag/run", {}).is_done(refusal(status)) is done
    assert not ApiRequest("PATCH", STATE, {}).is_done(refusal(status))
