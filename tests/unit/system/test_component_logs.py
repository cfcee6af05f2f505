"""Tokens for the component logs of another host: of one key, for half a minute and the skew of clocks."""

from __future__ import annotations

import time

import jwt
import pytest

from airfleet.system.clock_skew import MAY_DIFFER_SECONDS
from airfleet.system.component_logs import TOKEN_SECONDS, opens, token

KEY = "a key of the agents " * 4


def test_a_token_opens_with_its_key_alone() -> None:
    now = time.time()
    assert opens(token(KEY, now), KEY)
    assert not opens(token(KEY, now), KEY + "x")


@pytest.mark.parametrize(
    ("seconds", "good"),
    [
        (0, True),
        (TOKEN_SECONDS + MAY_DIFFER_SECONDS - 10, True),
        (TOKEN_SECONDS + MAY_DIFFER_SECONDS + 10, False),
        (10 - MAY_DIFFER_SECONDS, True),
        (-10 - MAY_DIFFER_SECONDS, False),
    ],
)
def test_a_token_is_good_as_long_as_it_lasts_and_clocks_may_differ(seconds: float, good: bool) -> None:
    assert opens(token(KEY, time.time() - seconds), KEY) is good


@pytest.mark.parametrize("given", ["", "no token", "a.b.c"])
def test_what_is_no_token_opens_nothing(given: str) -> None:
    assert not opens(given, KEY)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another purpose", "iat": 0, "exp": 2**33},
        {"aud": "airfleet component logs", "iat": 0},
        {"aud": "airfleet component logs", "exp": 2**33},
        {"iat": 0, "exp": 2**33},
    ],
)
def test_a_token_for_something_else_or_without_an_end_opens_nothing(claims: dict[str, object]) -> None:
    assert not opens(jwt.encode(claims, KEY, "HS512"), KEY)
