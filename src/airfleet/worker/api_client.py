"""A client of the execution API that outlives outages of its servers, and knows several of them. [A]

Airflow's own asks one address five times at the most, within half a minute, and does nothing else meanwhile. Here:

==============================  ======================================================================
what comes                      what is done
==============================  ======================================================================
an answer (2xx, 3xx, 4xx)       it is given, as by Airflow's client
no answer; 429, 502, 503, 504   the next address is asked at once; when all were, again after a pause
500 and the like                the same, until some other question is answered: then it is the request
                                that the server cannot bear, and it fails after a few tries as in Airflow
==============================  ======================================================================

An outage is borne for ``patience_seconds``. The pauses belong to the owner of the client (``pause``), who may have
something to do meanwhile. A heartbeat is tried once at each address: the next one follows soon anyway.

Requests may be sent twice. That is safe: a start is accepted again from the same process, a state that is reached
already is confirmed, what is stored is stored again. A run that is triggered twice is refused the second time; where
an earlier try may have arrived, that refusal is the answer *done*. An attempt that pauses comes back under its id: told
late a second time, its pause would befall the process that runs by then. So where an earlier try may have arrived, a
heartbeat of the attempt's own process is sent first, and its refusal is the answer *done*.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import structlog
from airflow.sdk.api.client import API_RETRIES, API_TIMEOUT, Client

from airfleet.backoff import Backoff
from airfleet.spool import outbox
from airfleet.worker import http_transport, piggyback

log = structlog.get_logger(__name__)

#: seconds for which an outage is borne, unless the settings say otherwise
PATIENCE_SECONDS = 3600.0
#: seconds in which an address has to take a connection, and to answer, when there are others to ask
CONNECT_SECONDS, ANSWER_SECONDS = 1.0, 2.0
#: the longest time that an answer may take, in later rounds, seconds: logs wait meanwhile
LONGEST_ANSWER_SECONDS = 15.0
#: between two rounds: short, so that a return is noticed; of many who wait, not all shall come at the same moment
ROUND_BACKOFF = Backoff(first=0.25, most=3.0, jitter=0.5)
#: after this long the first address is asked first again, seconds
RETURN_SECONDS = 30.0
#: for how long an unused connection is kept, seconds
KEEP_ALIVE_SECONDS = 60.0
#: between two words in the worker's log about the same request, seconds
TOLD_SECONDS = 30.0
#: for how long an error is borne of which nobody can say whose fault it is, seconds
UNEXPLAINED_SECONDS = 600.0

_BUSY_OR_AWAY = frozenset({429, 502, 503, 504})
#: what a heartbeat is refused with when its process does not run the attempt any more
_RUNS_NO_MORE = frozenset({404, 409, 410})
#: states from which an attempt comes back under the same id
_COMES_BACK = frozenset({"deferred", "up_for_reschedule", "awaiting_input"})
#: a question to the database that anybody may ask who runs a task, and which changes nothing
_OTHER_QUESTION = "dag-runs/count"


class FleetClient(Client):
    """A client for the API servers at ``urls``, the preferred one first; ``known`` says which there are by now."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        known: Callable[[], Sequence[str]] | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        **options: Any,
    ) -> None:
        self.urls = tuple(urls)
        self._known = known or (lambda: urls)
        self._plain = None if "transport" in options else http_transport.transport(KEEP_ALIVE_SECONDS)
        options = {
            "limits": httpx.Limits(
                max_keepalive_connections=1, max_connections=10, keepalive_expiry=KEEP_ALIVE_SECONDS
            ),
            "mounts": {"http://": self._plain} if self._plain is not None else {},
            "timeout": self._time_for(round_=0),
            **options,
        }
        super().__init__(base_url=urls[0], token="", **options)
        self.patience_seconds = patience_seconds
        #: what is done between two rounds: waits about as long as it is told, in seconds
        self.pause: Callable[[float], None] = time.sleep
        #: what the next request that ends an attempt carries (:mod:`airfleet.worker.piggyback`); None once it was taken
        self.fields: str | None = None
        self._untold = outbox.folder(os.environ)
        #: a heartbeat of the process that was last said to start an attempt: its path and its body
        self._sign_of_life = ("", "")
        self._at = 0
        self._return_at = 0.0
        self._clock = clock
        self._chance = chance

    def request(self, method: str, url: Any, **options: Any) -> httpx.Response:  # type: ignore[override]
        """One request, answered by whichever server can.

        Raises httpx.HTTPStatusError for a refusal, and what the last try raised when the outage was too long.
        """
        if options.get("content") is not None and "content-type" not in (options.get("headers") or {}):
            options["headers"] = {"content-type": "application/json"}
        if self._at and self._clock() >= self._return_at:
            self._use(0)
        if method == "PATCH" and str(url).endswith("/run"):
            self._sign_of_life = _sign_of_life(str(url), _text(options.get("content")))
        if self.fields is None or outbox.ended_by(method, str(url)) is None:
            return self._answered(method, url, options)
        options["headers"] = {**(options.get("headers") or {}), piggyback.HEADER: self.fields}
        response = self._answered(method, url, options)
        if response.headers.get(piggyback.HEADER) == piggyback.STORED:
            self.fields = None
        return response

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """As httpx's; over plain HTTP without what the execution API never asks for: cookies, redirects, a sign-on."""
        if self._plain is None or request.url.scheme != "http":
            return super().send(request, **options)
        request = next(self.auth.sync_auth_flow(request)) if self.auth is not None else request
        hooks = self.event_hooks
        for hook in hooks["request"]:
            hook(request)
        response = self._plain.handle_request(request)
        response.read()
        for hook in hooks["response"]:
            hook(response)
        return response

    def _answered(self, method: str, url: Any, options: dict[str, Any]) -> httpx.Response:
        try:
            return self._once(method, url, options)
        except (httpx.TransportError, httpx.HTTPStatusError) as error:
            if not is_outage(error):
                raise
            return self._endure_and_remember(method, url, options, error)

    def _once(self, method: str, url: Any, options: dict[str, Any]) -> httpx.Response:
        return httpx.Client.request(self, method, url, **options)

    def _endure_and_remember(
        self, method: str, url: Any, options: dict[str, Any], error: httpx.TransportError | httpx.HTTPStatusError
    ) -> httpx.Response:
        """How an attempt ended outlives this process while nobody takes it (:mod:`airfleet.spool.outbox`)."""
        attempt, folder = outbox.ended_by(method, str(url)), self._untold
        if attempt is None or folder is None:
            return self._endure(method, url, options, error)
        try:
            auth, version = getattr(self.auth, "token", ""), self.headers.get("airflow-api-version", "")
            outbox.put(folder, outbox.OutboxRequest(attempt, _text(options.get("content")), auth, version))
        except OSError as refused:
            log.warning("The outcome of the attempt cannot be left on disk", error=str(refused))
        try:
            response = self._endure(method, url, options, error)
        except httpx.HTTPStatusError as refusal:
            if not is_outage(refusal):
                outbox.remove(folder, attempt)
            raise
        outbox.remove(folder, attempt)
        return response

    def _endure(
        self, method: str, url: Any, options: dict[str, Any], error: httpx.TransportError | httpx.HTTPStatusError
    ) -> httpx.Response:
        began, tries, told = self._clock(), 1, float("-inf")
        arrived, comes_back = _may_have_arrived(error), _comes_back(method, url, options)
        while True:
            round_, asked = divmod(tries, len(self.urls))
            if asked == 0:
                self._check_patience(method, url, round_, self._clock() - began, error)
                if self._clock() - told >= TOLD_SECONDS:
                    told = self._clock()
                    log.warning("The execution API does not answer", request=f"{method} {url}", error=repr(error))
                self._rest(round_)
                self.look_again()
            self._use((self._at + 1) % len(self.urls))
            try:
                if arrived and comes_back and (refusal := self._runs_no_more(str(url), round_)) is not None:
                    return refusal
                response = self._once(method, url, options | {"timeout": self._time_for(round_)})
            except (httpx.TransportError, httpx.HTTPStatusError) as again:
                if arrived and _says_done(method, url, again):
                    return again.response  # type: ignore[union-attr]
                if not is_outage(again):
                    raise
                error, tries = again, tries + 1
                arrived |= _may_have_arrived(again)
            else:
                if self._clock() - began >= 1.0:
                    seconds = round(self._clock() - began, 1)
                    log.info("The execution API answers again", request=f"{method} {url}", after_seconds=seconds)
                return response

    def _runs_no_more(self, url: str, round_: int) -> httpx.Response | None:
        """What refuses a heartbeat when the attempt's pause has arrived; None when it has not. Raises for an outage."""
        path, body = self._sign_of_life
        if path.rpartition("/")[0] != url.rpartition("/")[0]:
            return None
        headers = {"content-type": "application/json"}
        try:
            self._once("PUT", path, {"content": body, "headers": headers, "timeout": self._time_for(round_)})
        except httpx.HTTPStatusError as refusal:
            if refusal.response.status_code in _RUNS_NO_MORE:
                return refusal.response
            if is_outage(refusal):
                raise
        return None

    def _check_patience(self, method: str, url: Any, rounds: int, waited: float, error: httpx.HTTPError) -> None:
        """Raises ``error`` when it is no use to try again."""
        own_fault = isinstance(error, httpx.HTTPStatusError) and error.response.status_code not in _BUSY_OR_AWAY
        if _is_heartbeat(method, url) or waited >= self.patience_seconds:
            raise error
        if own_fault and rounds >= API_RETRIES and (waited >= UNEXPLAINED_SECONDS or self._answers_another()):
            raise error

    def _answers_another(self) -> bool:
        """Whether the API and its database are there for another question."""
        try:
            self._once("GET", _OTHER_QUESTION, {"params": {"dag_id": "-"}})
        except httpx.HTTPStatusError as refused:
            # Who may not ask yet (a task that has not started) does not learn whether the database is there.
            return refused.response.status_code < 500 and refused.response.status_code not in (401, 403)
        except httpx.TransportError:
            return False
        return True

    def _rest(self, round_: int) -> None:
        self.pause(ROUND_BACKOFF.delay(round_, self._chance))

    def look_again(self) -> None:
        """Ask the servers that there are by now, from the next request on."""
        urls = tuple(self._known())
        if urls == self.urls:
            return
        asked, self.urls = self.urls[self._at], urls
        self._at = urls.index(asked) if asked in urls else 0
        self.base_url = urls[self._at]
        self.timeout = self._time_for(round_=0)

    def _use(self, number: int) -> None:
        if number == self._at:
            return
        self._at = number
        self._return_at = self._clock() + RETURN_SECONDS
        self.base_url = self.urls[number]

    def _time_for(self, round_: int) -> httpx.Timeout:
        """Longer in each round: a server that is slow and not away has to be given its time in the end."""
        answer, connect = (ANSWER_SECONDS, CONNECT_SECONDS) if len(self.urls) > 1 else (API_TIMEOUT, API_TIMEOUT)
        longer = Backoff(first=min(answer, API_TIMEOUT), most=max(LONGEST_ANSWER_SECONDS, API_TIMEOUT))
        return httpx.Timeout(longer.delay(round_ + 1), connect=min(connect, API_TIMEOUT))


def is_outage(error: Exception) -> bool:
    """Whether the same request may well be answered later."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code >= 500 or error.response.status_code in _BUSY_OR_AWAY
    broken = isinstance(error, (httpx.UnsupportedProtocol, httpx.LocalProtocolError))
    return isinstance(error, httpx.TransportError) and not broken


def _text(content: Any) -> str:
    return content.decode() if isinstance(content, bytes) else str(content or "")


def _may_have_arrived(error: httpx.HTTPError) -> bool:
    return not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))


def _says_done(method: str, url: Any, error: Exception) -> bool:
    """Whether a run that was to be triggered is refused because it is there."""
    conflict = isinstance(error, httpx.HTTPStatusError) and error.response.status_code == 409
    return conflict and method == "POST" and str(url).startswith("dag-runs/")


def _comes_back(method: str, url: Any, options: dict[str, Any]) -> bool:
    """Whether a request says of an attempt that it pauses."""
    if outbox.ended_by(method, str(url)) is None:
        return False
    return json.loads(_text(options.get("content")) or "{}").get("state") in _COMES_BACK


def _sign_of_life(url: str, start: str) -> tuple[str, str]:
    """The path and the body of a heartbeat of the process that starts an attempt."""
    told = json.loads(start or "{}")
    return url.removesuffix("run") + "heartbeat", json.dumps({name: told.get(name) for name in ("hostname", "pid")})


def _is_heartbeat(method: str, url: Any) -> bool:
    return method == "PUT" and str(url).endswith("/heartbeat")
