"""Tokens of attempts, checked once and remembered, and renewed long before they end. [A]"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import svcs
from airflow.api_fastapi.auth.tokens import JWTGenerator, JWTValidator
from airflow.api_fastapi.execution_api.datamodels.token import TIClaims, TIToken
from airflow.configuration import conf

#: tokens that are remembered
_MOST_TOKENS = 1_000
#: Airflow exchanges a token when less than this share of its life, or this many seconds, are left
_REFRESH_SHARE, _REFRESH_SECONDS = 0.2, 30


@dataclass(frozen=True)
class CheckedToken:
    """A token whose signature was checked; times are seconds since the epoch."""

    token: TIToken
    good_until: float
    #: the claims that a new token gets, and from when on it is made
    claims: Mapping[str, Any] = field(default_factory=dict)
    old_from: float = math.inf


class TokenCache:
    """Checks the tokens of requests to one application."""

    def __init__(self, application: Any, clock: Callable[[], float] = time.time) -> None:
        self._application = application
        self._clock = clock
        self._services: svcs.Container | None = None
        #: Seconds from which on a token is renewed. Airflow waits until a fifth of its life is left; a token that is
        #: renewed early outlives an outage.
        self._token_age_seconds = conf.getfloat("airfleet", "token_age_seconds", fallback=math.inf)
        #: the tokens of attempts that run, the oldest first
        self._checked: dict[str, CheckedToken] = {}

    def services(self) -> svcs.Container:
        """Return Airflow's services: the validator and the generator of tokens. Known once the lifespan has begun."""
        if self._services is None:
            self._services = svcs.Container(self._application.state.svcs_registry)
        return self._services

    async def check(self, text: str | None, scopes: frozenset[str], own: UUID | None) -> CheckedToken | None:
        """Return a token that is valid now for these scopes, and, where ``own`` is given, for this task instance."""
        if text is None:
            return None
        known = self._checked.get(text) or await self._validated(text)
        if known is None or (own is not None and known.token.id != own):
            return None
        return known if known.token.claims.scope in scopes and self._clock() < known.good_until else None

    def renewed(self, known: CheckedToken) -> str | None:
        """Return a new token when this one is old, else None."""
        if self._clock() < known.old_from:
            return None
        return str(self.services().get(JWTGenerator).generate(dict(known.claims)))

    async def _validated(self, text: str) -> CheckedToken | None:
        """Check signature and times; remember the token, for an attempt comes with it several times."""
        try:
            validator = await self.services().aget(JWTValidator)
            claims = {"scope": "execution"} | await validator.avalidated_claims(text, {})
            token = TIToken(id=claims["sub"], claims=TIClaims(**claims))
            is_execution = claims["scope"] == "execution"
            old_from = float(claims["iat"]) + self._token_age_seconds if is_execution else math.inf
            known = CheckedToken(token, _good_until(claims), claims, old_from)
        except Exception:  # whatever is wrong with it, Airflow says so
            return None
        if validator.secret_key:  # a public key may be withdrawn
            while len(self._checked) >= _MOST_TOKENS:
                del self._checked[next(iter(self._checked))]
            self._checked[text] = known
        return known


def _good_until(claims: Mapping[str, Any]) -> float:
    """Return the seconds since the epoch at which Airflow refuses a token or exchanges it (JWTReissueMiddleware)."""
    expires = int(claims.get("exp", 0))
    if claims["scope"] == "workload":
        return expires
    return expires - max((expires - int(claims.get("iat", 0))) * _REFRESH_SHARE, _REFRESH_SECONDS)
