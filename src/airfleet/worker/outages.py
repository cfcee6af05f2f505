"""A request to the execution API, and an outage as this request meets it: values and rules, without a connection.

A round asks every server once. Rounds follow each other with pauses until a server answers or patience ends.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import httpx

from airfleet.spool import outbox

#: an error of httpx that an outage may be
Failure: TypeAlias = httpx.TransportError | httpx.HTTPStatusError

#: answers of a server that is busy, or of a proxy whose server is away
_BUSY_OR_AWAY = frozenset({429, 502, 503, 504})
#: states from which an attempt comes back under the same id
_COMES_BACK = frozenset({"deferred", "up_for_reschedule", "awaiting_input"})


@dataclass(frozen=True)
class ApiRequest:
    """A request to the execution API, at an address that is relative to a server."""

    method: str
    url: str
    options: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.url}"

    @property
    def text(self) -> str:
        """The body."""
        content = self.options.get("content")
        return content.decode() if isinstance(content, bytes) else str(content or "")

    @property
    def ends_attempt(self) -> str | None:
        """The attempt whose end it tells."""
        return outbox.ended_by(self.method, self.url)

    @property
    def is_heartbeat(self) -> bool:
        """Whether the next request like it follows soon."""
        return self.method == "PUT" and self.url.endswith("/heartbeat")

    @property
    def triggers_run(self) -> bool:
        """Whether it makes a run of a Dag."""
        return self.method == "POST" and self.url.startswith("dag-runs/")

    @cached_property
    def pauses_attempt(self) -> bool:
        """Whether it tells of an attempt that comes back."""
        return self.ends_attempt is not None and json.loads(self.text or "{}").get("state") in _COMES_BACK

    def is_done(self, refusal: Exception) -> bool:
        """Tell whether a refusal means that an earlier try has arrived: the run is there."""
        conflict = isinstance(refusal, httpx.HTTPStatusError) and refusal.response.status_code == 409
        return conflict and self.triggers_run


@dataclass(frozen=True)
class Outage:
    """The tries of one request so far; the next try is number ``asked`` of round ``rounds``."""

    error: Failure
    #: when the first try failed, by the monotonic clock
    began: float
    #: rounds that have ended, and servers that were asked since
    rounds: int = 0
    asked: int = 1
    #: a server may have heard one of the tries
    may_have_arrived: bool = False
    #: when people were told last
    told_at: float = float("-inf")

    @classmethod
    def begun(cls, error: Failure, now: float) -> Outage:
        """Return the outage after the first try."""
        return cls(error, now, may_have_arrived=_may_have_arrived(error))

    @property
    def is_servers_fault(self) -> bool:
        """Whether a server answered with an error of its own, which may be the fault of the request."""
        return isinstance(self.error, httpx.HTTPStatusError) and self.error.response.status_code not in _BUSY_OR_AWAY

    def failed_again(self, error: Failure) -> Outage:
        """Return the outage after another try."""
        arrived = self.may_have_arrived or _may_have_arrived(error)
        return replace(self, error=error, asked=self.asked + 1, may_have_arrived=arrived)

    def next_round(self) -> Outage:
        """Return the outage after every server was asked."""
        return replace(self, rounds=self.rounds + 1, asked=0)


def is_outage(error: Exception) -> bool:
    """Tell whether the same request may be answered later."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code >= 500 or error.response.status_code in _BUSY_OR_AWAY
    broken = isinstance(error, (httpx.UnsupportedProtocol, httpx.LocalProtocolError))
    return isinstance(error, httpx.TransportError) and not broken


def _may_have_arrived(error: httpx.HTTPError) -> bool:
    return not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))
