"""A web server that rests: its date goes on, and a signal ends it at once."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn

from airfleet.system import uvicorn_server
from airfleet.system.uvicorn_server import RestingServer

#: libuv, once used in this process, closes descriptors by their numbers in every later fork
TOLD: dict[str, Any] = {"host": "127.0.0.1", "loop": "asyncio", "log_config": None}


async def nothing(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    """An application that answers nobody."""


class Counting(RestingServer):
    ticks = 0

    async def on_tick(self, counter: int) -> bool:
        self.ticks += 1
        return await super().on_tick(counter)


def server() -> Counting:
    return Counting(uvicorn.Config(nothing, loop="asyncio", lifespan="off", log_config=None))


async def at_rest(resting: Counting) -> asyncio.Task[None]:
    loop = asyncio.create_task(resting.main_loop())
    while not resting.ticks:
        await asyncio.sleep(0)
    return loop


def test_a_signal_ends_its_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn_server, "REST_SECONDS", 3600.0)
    resting = server()

    async def told_to_end() -> None:
        loop = await at_rest(resting)
        resting.handle_exit(signal.SIGTERM, None)
        await asyncio.wait_for(loop, 30)

    asyncio.run(told_to_end())
    assert resting.ticks == 2


def test_it_renews_the_date_of_its_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn_server, "REST_SECONDS", 0.001)
    resting = server()

    async def renewed() -> list[tuple[bytes, bytes]]:
        loop = await at_rest(resting)
        resting.server_state.default_headers = [(b"date", b"long ago")]
        while (b"date", b"long ago") in resting.server_state.default_headers:
            await asyncio.sleep(0.001)
        resting.handle_exit(signal.SIGTERM, None)
        await loop
        return resting.server_state.default_headers

    headers = asyncio.run(asyncio.wait_for(renewed(), 30))
    assert [value.endswith(b" GMT") for name, value in headers if name == b"date"] == [True]


def test_a_signal_before_it_serves_is_not_lost() -> None:
    resting = server()
    resting.handle_exit(signal.SIGTERM, None)
    asyncio.run(asyncio.wait_for(resting.main_loop(), 30))
    assert resting.ticks == 1


def test_a_port_that_is_taken_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit) as ended:
        uvicorn_server.serve(nothing, port=taken.getsockname()[1], lifespan="off", **TOLD)
    assert ended.value.code == uvicorn_server.NOT_STARTED


def test_an_application_that_does_not_start_is_a_failure() -> None:
    async def breaks(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("it cannot start")

    with pytest.raises(SystemExit) as ended:
        uvicorn_server.serve(breaks, port=0, lifespan="on", **TOLD)
    assert ended.value.code == uvicorn_server.NOT_STARTED
