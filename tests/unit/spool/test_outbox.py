"""How an attempt ended outlives the monitor that could not tell it, and is told once there is somebody to hear it."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import httpx
import pytest

from airfleet.agent.recovery.outbox_relay import OLD_SECONDS, OutboxRelay
from airfleet.events import Event
from airfleet.spool import outbox
from airfleet.spool.outbox import OutboxRequest
from airfleet.testing.ports import free_ports
from airfleet.worker.api_client import FleetClient
from support.toy_api import DROP, Answer, toy_api

ATTEMPT = "019aa6d1-7a5b-7c09-a1c7-61a6f0e3b1de"
OTHER = "019aa6d1-7a5b-7c09-a1c7-61a6f0e3b1df"
STATE = f"task-instances/{ATTEMPT}/state"
BODY = '{"state":"success"}'


class Killed(BaseException):
    """The end of a process that gets no time for anything."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("AIRFLEET_COMPONENT", "worker")
    return tmp_path / outbox.FOLDER


def answers(*first: Answer, then: Answer = 200) -> Callable[[str, str], Answer]:
    line = chain(first, repeat(then))
    return lambda method, path: next(line)


def client(url: str, pause: Callable[[float], Any] = lambda _: None) -> FleetClient:
    made = FleetClient([url])
    made.auth.token = "the attempt's own"  # type: ignore[union-attr]
    made.pause = pause
    return made


def left(folder: Path) -> list[OutboxRequest]:
    return [outcome for outcome, _ in outbox.pending(folder)]


def killed(_: float) -> None:
    raise Killed


def test_an_outcome_that_is_taken_at_once_leaves_nothing_on_disk(folder: Path) -> None:
    with toy_api() as api, client(api.url) as asking:
        assert asking.patch(STATE, content=BODY).status_code == 200
    assert not folder.exists()


def test_an_outcome_is_on_disk_while_it_waits_and_gone_when_it_was_taken(folder: Path) -> None:
    seen: list[list[OutboxRequest]] = []
    with toy_api(answers(503, DROP)) as api, client(api.url, lambda _: seen.append(left(folder))) as asking:
        assert asking.patch(STATE, content=BODY).status_code == 200
    [[kept], *_] = seen
    assert (kept.attempt, kept.body, kept.token) == (ATTEMPT, BODY, "the attempt's own")
    assert left(folder) == []


def test_a_refusal_settles_it(folder: Path) -> None:
    with toy_api(answers(503, then=409)) as api, client(api.url) as asking, pytest.raises(httpx.HTTPStatusError):
        asking.patch(STATE, content=BODY)
    assert left(folder) == []


def test_a_monitor_that_is_killed_leaves_it_to_the_agent_for_nobody_else_to_read(folder: Path) -> None:
    with toy_api(answers(then=503)) as api, client(api.url, killed) as asking, pytest.raises(Killed):
        asking.patch(STATE, content=BODY)
    [kept] = left(folder)
    assert kept.attempt == ATTEMPT
    assert oct(folder.stat().st_mode & 0o777) == "0o700"
    assert oct((folder / ATTEMPT).stat().st_mode & 0o777) == "0o600"
    assert "own" not in repr(kept)


@pytest.mark.parametrize(("method", "path"), [("PUT", f"task-instances/{ATTEMPT}/heartbeat"), ("POST", "xcoms/a/b")])
def test_nothing_but_an_outcome_is_left(method: str, path: str, folder: Path) -> None:
    with toy_api(answers(503, then=409)) as api, client(api.url) as asking, pytest.raises(httpx.HTTPStatusError):
        asking.request(method, path, content="{}")
    assert not folder.exists()


# --- the agent -------------------------------------------------------------------------------------------------------


def agent(folder: Path, *urls: str, now: float = 0.0) -> tuple[OutboxRelay, list[tuple[Event, dict[str, Any]]]]:
    said: list[tuple[Event, dict[str, Any]]] = []
    return OutboxRelay(folder, lambda: urls, lambda event, **data: said.append((event, data)), lambda: now), said


def nowhere() -> str:
    return f"http://127.0.0.1:{free_ports(1)[0]}/execution/"


def test_the_agent_tells_it_to_the_server_that_answers_with_the_attempts_own_token(tmp_path: Path) -> None:
    folder = tmp_path / "untold"
    outbox.put(folder, OutboxRequest(ATTEMPT, BODY, "t0ken", "2026-01-01"))
    with toy_api() as api:
        telling, said = agent(folder, nowhere(), api.url)
        assert telling.tell([ATTEMPT], [ATTEMPT, OTHER]) == frozenset()
        assert api.asked == [("PATCH", f"/execution/{STATE}")]
    assert left(folder) == []
    assert said == [(Event.OUTCOME_TOLD, {"attempt": ATTEMPT, "status": 200})]


@pytest.mark.parametrize("answer", [503, 500, 429, DROP])
def test_what_nobody_hears_is_kept_and_its_attempt_not_called_lost(answer: Answer, tmp_path: Path) -> None:
    folder = tmp_path / "untold"
    outbox.put(folder, OutboxRequest(ATTEMPT, BODY, "t0ken"))
    with toy_api(answers(then=answer)) as api:
        telling, said = agent(folder, api.url, nowhere())
        assert telling.tell([ATTEMPT], [ATTEMPT]) == {ATTEMPT}
    assert [one.attempt for one in left(folder)] == [ATTEMPT]
    assert said == []


def test_a_refusal_is_an_answer_too(tmp_path: Path) -> None:
    folder = tmp_path / "untold"
    outbox.put(folder, OutboxRequest(ATTEMPT, BODY, "t0ken"))
    with toy_api(answers(then=409)) as api:
        telling, said = agent(folder, api.url)
        assert telling.tell([ATTEMPT], [ATTEMPT]) == frozenset()
    assert left(folder) == []
    assert said[0][1]["status"] == 409


def test_what_a_living_monitor_waits_with_is_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "untold"
    outbox.put(folder, OutboxRequest(ATTEMPT, BODY, "t0ken"))
    with toy_api() as api:
        telling, _ = agent(folder, api.url, now=2e9 + OLD_SECONDS)
        assert telling.tell([], [ATTEMPT]) == frozenset()
        assert api.asked == []
    assert len(left(folder)) == 1


def test_what_nobody_waits_for_any_more_is_thrown_away_after_a_while(tmp_path: Path) -> None:
    folder = tmp_path / "untold"
    outbox.put(folder, OutboxRequest(ATTEMPT, BODY, "t0ken"))
    at = (folder / ATTEMPT).stat().st_mtime
    for now, remain in ((at + 1, 1), (at + OLD_SECONDS + 1, 0)):
        agent(folder, now=now)[0].tell([], [])
        assert len(left(folder)) == remain


def test_a_file_that_was_cut_off_is_no_outcome(tmp_path: Path) -> None:
    folder = tmp_path / "untold"
    outbox.put(folder, OutboxRequest(ATTEMPT, BODY, "t0ken"))
    (folder / OTHER).write_text(json.dumps({"attempt": OTHER})[:-4])
    assert [one.attempt for one in left(folder)] == [ATTEMPT]
