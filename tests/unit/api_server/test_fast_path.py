"""The fast path's own answers, and what it leaves to Airflow's application."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Response

from airfleet.api_server import fast_path, token_cache
from airfleet.api_server.fast_handlers import FastRoute
from airfleet.api_server.fast_path import FastPath
from airfleet.api_server.fast_requests import FastRequest
from airfleet.api_server.token_cache import CheckedToken

ROUTE = FastRoute(None, 204, lambda call, session: Response(status_code=204))


class Tokens(token_cache.TokenCache):
    """Takes every token for one of age; makes a new one unless its key is away."""

    def __init__(self, key: Path) -> None:
        super().__init__(SimpleNamespace(state=SimpleNamespace(svcs_registry=SimpleNamespace())))
        self._key = key

    async def check(self, *_: Any) -> CheckedToken:
        token: Any = None
        return CheckedToken(token, good_until=1.0, old_from=0.0)

    def renewed(self, known: CheckedToken) -> str:
        return self._key.read_text()


def answer(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> Response | None:
    """What the fast path says to a request that its handler has answered."""
    monkeypatch.setattr(fast_path.fast_queries, "database", lambda: None)
    around = FastPath(SimpleNamespace(routes=[]))
    around._tokens = tokens
    return asyncio.run(around._answer(FastRequest(ROUTE, None, {}, {}), b""))


def test_an_answer_brings_a_new_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("new")
    said = answer(Tokens(tmp_path / "key"), monkeypatch)
    assert said is not None
    assert (said.status_code, said.headers["refreshed-api-token"]) == (204, "new")


def test_where_no_new_token_can_be_made_airflow_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert answer(Tokens(tmp_path / "missing"), monkeypatch) is None
