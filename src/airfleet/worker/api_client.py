"""A client of the execution API that survives outages of its servers, and knows several of them. [A]

Airflow's own client asks one address five times at the most, within half a minute, and blocks meanwhile. Here:

::

    answer                       action
    ───────────────────────────────────────────────────────────────────────────────────────────────
    2xx, 3xx, 4xx                it is given, as by Airflow's client
    none; 429, 502, 503, 504     the next server is asked at once; after the last one, all again after a pause
    500 and the like             the same, until a server answers another question: then the request is at fault,
                                 and fails after a few tries as in Airflow

An outage may last for ``patience_seconds``. The owner of the client may work during its pauses (``pause``). A heartbeat
is tried once at each server: the next one follows soon.

Requests may be sent twice, safely. A start is accepted again from the same process, a state that is reached is
confirmed, a value is stored again. Where an earlier try may have arrived, the refusal of a second run means *done*. An
attempt that pauses comes back under its id, and a pause told late a second time would befall the process that runs by
then. So a heartbeat of the attempt's own process is sent first; its refusal means *done*.
"""

from __future__ import annotations

import json
import os
import random
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import httpx
import structlog
from airflow.sdk.api.client import API_RETRIES, API_TIMEOUT, Client

from airfleet.backoff import Backoff
from airfleet.spool import outbox
from airfleet.worker import http_transport, piggyback
from airfleet.worker.outages import ApiRequest, Outage, is_outage

log = structlog.get_logger(__name__)

#: the longest outage that an attempt survives, unless the settings say otherwise, seconds
PATIENCE_SECONDS = 3600.0
#: in which a server has to take a connection, and to answer, when there are others to ask, seconds
CONNECT_SECONDS, ANSWER_SECONDS = 1.0, 2.0
#: the longest time that an answer may take, in later rounds, seconds: logs wait meanwhile
LONGEST_ANSWER_SECONDS = 15.0
#: between two rounds: short, so that a return is noticed; with jitter, for many clients wait for the same server
ROUND_BACKOFF = Backoff(first=0.25, most=3.0, jitter=0.5)
#: until the preferred server is asked first again, seconds
RETURN_SECONDS = 30.0
#: for how long an unused connection is kept, seconds
KEEP_ALIVE_SECONDS = 60.0
#: between two lines in the worker's log about the same request, seconds
TOLD_SECONDS = 30.0
#: the longest time that a server's own error is retried while nobody can say whose fault it is, seconds
UNEXPLAINED_SECONDS = 600.0

#: refusals of a heartbeat whose process does not run the attempt any more
_RUNS_NO_MORE = frozenset({404, 409, 410})
_JSON = {"content-type": "application/json"}
#: a question to the database that every running task may ask, and which changes nothing
_OTHER_QUESTION = "dag-runs/count"


class FleetClient(Client):
    """A client of the API servers at ``urls``, the preferred one first; ``known`` reads the present list."""

    @staticmethod
    def _get_ssl_context_cached(ca_file: str | None = None, ca_path: str | None = None) -> ssl.SSLContext:
        """Return the context of Airflow's own client, so that certificates are loaded once for both.

        Airflow keeps a context for each class.
        """
        context: ssl.SSLContext = Client._get_ssl_context_cached(ca_file, ca_path)
        return context

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
        """Make one request, to any server that answers.

        Raises httpx.HTTPStatusError for a refusal, and what the last try raised when the outage was too long.
        """
        if options.get("content") is not None and "content-type" not in (options.get("headers") or {}):
            options["headers"] = _JSON
        if self._at and self._clock() >= self._return_at:
            self._use(0)
        asked = ApiRequest(method, str(url), options)
        if method == "PATCH" and asked.url.endswith("/run"):
            self._sign_of_life = _sign_of_life(asked)
        if self.fields is None or asked.ends_attempt is None:
            return self._answered(asked)
        headers = {**(options.get("headers") or {}), piggyback.HEADER: self.fields}
        response = self._answered(replace(asked, options={**options, "headers": headers}))
        if response.headers.get(piggyback.HEADER) == piggyback.STORED:
            self.fields = None
        return response

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send as httpx does; over plain HTTP without cookies, redirects and a sign-on: the API asks for none."""
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

    def _answered(self, request: ApiRequest) -> httpx.Response:
        try:
            return self._once(request)
        except (httpx.TransportError, httpx.HTTPStatusError) as error:
            if not is_outage(error):
                raise
            return self._endure_and_remember(request, Outage.begun(error, self._clock()))

    def _once(self, request: ApiRequest, **options: Any) -> httpx.Response:
        return httpx.Client.request(self, request.method, request.url, **{**request.options, **options})

    def _endure_and_remember(self, request: ApiRequest, outage: Outage) -> httpx.Response:
        """Endure; keep the end of an attempt on disk meanwhile (:mod:`airfleet.spool.outbox`)."""
        attempt, folder = request.ends_attempt, self._untold
        if attempt is None or folder is None:
            return self._endure(request, outage)
        try:
            auth, version = getattr(self.auth, "token", ""), self.headers.get("airflow-api-version", "")
            outbox.put(folder, outbox.OutboxRequest(attempt, request.text, auth, version))
        except OSError as refused:
            log.warning("The outcome of the attempt cannot be left on disk", error=str(refused))
        try:
            response = self._endure(request, outage)
        except httpx.HTTPStatusError as refusal:
            if not is_outage(refusal):
                outbox.remove(folder, attempt)
            raise
        outbox.remove(folder, attempt)
        return response

    def _endure(self, request: ApiRequest, outage: Outage) -> httpx.Response:
        """Ask one server after the other until one answers. Raises a refusal, or the last failure."""
        while True:
            if outage.asked >= len(self.urls):
                outage = self._between_rounds(request, outage.next_round())
            self._use((self._at + 1) % len(self.urls))
            try:
                response = self._again(request, outage)
            except (httpx.TransportError, httpx.HTTPStatusError) as error:
                if outage.may_have_arrived and request.is_done(error):
                    return error.response  # type: ignore[union-attr]
                if not is_outage(error):
                    raise
                outage = outage.failed_again(error)
                continue
            waited = self._clock() - outage.began
            if waited >= 1.0:
                log.info("The execution API answers again", request=str(request), after_seconds=round(waited, 1))
            return response

    def _between_rounds(self, request: ApiRequest, outage: Outage) -> Outage:
        """Rest, and look which servers there are; return the outage with the time of the last line in the log."""
        self._check_patience(request, outage)
        now = self._clock()
        if now - outage.told_at >= TOLD_SECONDS:
            outage = replace(outage, told_at=now)
            log.warning("The execution API does not answer", request=str(request), error=repr(outage.error))
        self._rest(outage.rounds)
        self.look_again()
        return outage

    def _again(self, request: ApiRequest, outage: Outage) -> httpx.Response:
        """Ask one server again; before a pause of an attempt that may have arrived, ask whether it has."""
        timeout = self._time_for(outage.rounds)
        if outage.may_have_arrived and request.pauses_attempt:
            refusal = self._runs_no_more(request, timeout)
            if refusal is not None:
                return refusal
        return self._once(request, timeout=timeout)

    def _runs_no_more(self, request: ApiRequest, timeout: httpx.Timeout) -> httpx.Response | None:
        """Return the refusal of a heartbeat when the attempt's pause has arrived, else None. Raises for an outage."""
        path, body = self._sign_of_life
        if path.rpartition("/")[0] != request.url.rpartition("/")[0]:
            return None
        try:
            self._once(ApiRequest("PUT", path, {"content": body, "headers": _JSON, "timeout": timeout}))
        except httpx.HTTPStatusError as refusal:
            if refusal.response.status_code in _RUNS_NO_MORE:
                return refusal.response
            if is_outage(refusal):
                raise
        return None

    def _check_patience(self, request: ApiRequest, outage: Outage) -> None:
        """Raise the failure of an outage when another round is of no use."""
        waited = self._clock() - outage.began
        if request.is_heartbeat or waited >= self.patience_seconds:
            raise outage.error
        if not outage.is_servers_fault or outage.rounds < API_RETRIES:
            return
        if waited >= UNEXPLAINED_SECONDS or self._answers_another():
            raise outage.error

    def _answers_another(self) -> bool:
        """Tell whether the API and its database answer another question."""
        try:
            self._once(ApiRequest("GET", _OTHER_QUESTION, {"params": {"dag_id": "-"}}))
        except httpx.HTTPStatusError as refused:
            # A task that has not started may not ask, and does not learn whether the database is there.
            return refused.response.status_code < 500 and refused.response.status_code not in (401, 403)
        except httpx.TransportError:
            return False
        return True

    def _rest(self, round_: int) -> None:
        self.pause(ROUND_BACKOFF.delay(round_, self._chance))

    def look_again(self) -> None:
        """Ask the servers of the present list, from the next request on."""
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
        """Return a timeout that grows with each round: a slow server gets its time in the end."""
        answer, connect = (ANSWER_SECONDS, CONNECT_SECONDS) if len(self.urls) > 1 else (API_TIMEOUT, API_TIMEOUT)
        longer = Backoff(first=min(answer, API_TIMEOUT), most=max(LONGEST_ANSWER_SECONDS, API_TIMEOUT))
        return httpx.Timeout(longer.delay(round_ + 1), connect=min(connect, API_TIMEOUT))


def _sign_of_life(start: ApiRequest) -> tuple[str, str]:
    """Return path and body of a heartbeat of the process that starts an attempt."""
    told = json.loads(start.text or "{}")
    body = json.dumps({name: told.get(name) for name in ("hostname", "pid")})
    return start.url.removesuffix("run") + "heartbeat", body
