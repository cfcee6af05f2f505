"""Airflow's REST API, as much of it as the command line needs.

A restarting api-server refuses connections for some seconds. A request that could not be sent goes to the next one, and
again until ``patience_seconds`` are over; so does a GET that got no good answer. A POST that may have arrived is sent
again only when the caller says that this does no harm.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from airfleet.agent.control import Snapshot
from airfleet.client import overrides
from airfleet.client.project import Project
from airfleet.errors import FleetError
from airfleet.system import http_client
from airfleet.system.http_client import HttpAnswer, NotConnected, OpenHttpAnswer, Timeouts

PATIENCE_SECONDS = 20.0
#: for a connection, and then for an answer
CONNECT_SECONDS, REQUEST_SECONDS = 5.0, 30.0
PAUSE_SECONDS = 0.3
#: Airflow gives no more than this many entries at a time unless told otherwise.
PAGE = 100
#: a token of the API in the environment, for auth managers that give none for airfleet's user
TOKEN = "AIRFLEET_TOKEN"
_TOKEN_HINT = f"get a token of its API from the auth manager, and put it into {TOKEN}"
#: of a fault on the side of the API, as while its database is away
_FAULT_HINT = "'airfleet status' says which part is not well; 'airfleet logs api-server' says more"
TRY_AGAIN = frozenset({502, 503, 504})


class ApiError(FleetError):
    """The API refused a request; ``status`` is HTTP's."""

    def __init__(self, status_code: int, detail: str, hint: str | None = None) -> None:
        self.status = status_code
        self.detail = detail
        super().__init__(f"the API said {status_code}: {detail}", hint=hint)


@dataclass
class Api:
    """One user's way to the API of one fleet: an api-server at ``url``, and ``others`` for when that one is away."""

    url: str
    user: str
    password: str = field(repr=False)
    others: tuple[str, ...] = ()
    patience_seconds: float = PATIENCE_SECONDS
    #: for one answer
    request_seconds: float = REQUEST_SECONDS
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    #: a token from elsewhere, in place of user and password
    token: str = field(default="", repr=False)
    _token: str = field(default="", repr=False)

    def get(self, *path: object, **query: Any) -> Any:
        """Send ``GET /api/v2/<path>``. Raises ApiError, FleetError."""
        return self._authorised("GET", _path(path, query), None, repeatable=True)

    def post(self, *path: str, body: Mapping[str, Any], repeatable: bool = False) -> Any:
        """Send ``POST /api/v2/<path>``. Raises ApiError, FleetError."""
        return self._authorised("POST", _path(path, {}), body, repeatable=repeatable)

    def patch(self, *path: str, body: Mapping[str, Any], **query: Any) -> Any:
        """Send ``PATCH /api/v2/<path>``. Raises ApiError, FleetError."""
        return self._authorised("PATCH", _path(path, query), body, repeatable=True)

    def delete(self, *path: str) -> Any:
        """Send ``DELETE /api/v2/<path>``. Raises ApiError, FleetError."""
        return self._authorised("DELETE", _path(path, {}), None, repeatable=True)

    def every(self, key: str, *path: str, **query: Any) -> Iterator[Any]:
        """Yield all entries of a list, page by page."""
        offset = 0
        while True:
            page = self.get(*path, limit=PAGE, offset=offset, **query)
            entries = page[key]
            yield from entries
            offset += len(entries)
            if not entries or offset >= page.get("total_entries", 0):
                return

    def end_of(self, *path: object, seconds: float, most_bytes: int, **query: Any) -> tuple[bytes, bool, bool]:
        """Read the end of an answer of JSON lines, as far as it comes in so many seconds.

        Told with it: whether that is all of it, and whether it is really the end. Raises ApiError, FleetError.
        """
        self._token = self._token or self.token or self._log_in()
        try:
            return _end_of(self.url, _path(path, query), self._token, seconds, most_bytes)
        except OSError as lost:
            raise self._silent(lost) from lost

    def _authorised(self, method: str, path: str, body: Any, *, repeatable: bool) -> Any:
        if not self._token:
            self._token = self.token or self._log_in()
        try:
            return self._persistent(method, path, body, self._token, repeatable=repeatable)
        except ApiError as refused:
            if refused.status != 401:
                raise
        if self.token:
            raise FleetError(f"the API at {self.url} does not take the token in {TOKEN}", hint="get a new one")
        # The token has run out; a second refusal is meant.
        self._token = self._log_in()
        return self._persistent(method, path, body, self._token, repeatable=repeatable)

    def _log_in(self) -> str:
        body = {"username": self.user, "password": self.password}
        try:
            answer = self._persistent("POST", "/auth/token", body, "", repeatable=True)
        except ApiError as refused:
            if refused.status in (401, 403):
                raise FleetError(
                    f"the API at {self.url} does not know user '{self.user}' with the password of this fleet",
                    hint=f"airfleet down; airfleet up; with an auth manager of your own: {_TOKEN_HINT}",
                ) from refused
            raise self._no_token(f"it said {refused.status}: {refused.detail}") from refused
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not token:
            raise self._no_token("it gave none")
        return str(token)

    def _no_token(self, why: str) -> FleetError:
        """Make the error for other auth managers than Airflow's own and FAB, which do not know airfleet's user."""
        return FleetError(
            f"the API at {self.url} gives the commands of airfleet no token for user '{self.user}': {why}",
            hint=_TOKEN_HINT,
        )

    def _persistent(self, method: str, path: str, body: Any, token: str, *, repeatable: bool) -> Any:
        """Send a request; to the next api-server, and again, while one is away."""
        deadline, asked = self.clock() + self.patience_seconds, 0
        while True:
            try:
                return send(self.url, method, path, body, token, self.request_seconds)
            except NotConnected as gone:
                reason: Exception = gone
            except OSError as lost:
                if not repeatable:
                    raise FleetError(
                        f"the connection to {self.url} broke while the answer was awaited: {lost}",
                        hint="airfleet status",
                    ) from lost
                reason = lost
            except ApiError as refused:
                if not (repeatable and refused.status in TRY_AGAIN):
                    raise
                reason = refused
            asked += 1
            if asked % (1 + len(self.others)) == 0:  # all of them
                if self.clock() >= deadline:
                    raise self._silent(reason) from reason
                self.sleep(PAUSE_SECONDS)
            self._turn()

    def _turn(self) -> None:
        """Ask the next one from now on: what is away stays away for longer than a request takes."""
        self.url, *others = *self.others, self.url
        self.others = tuple(others)

    def _silent(self, reason: Exception) -> FleetError:
        where = " or ".join(sorted((self.url, *self.others)))
        return FleetError(
            f"the API at {where} does not answer: {reason}", hint="airfleet status; airfleet logs api-server"
        )


def connect(here: Project) -> tuple[Api, Snapshot]:
    """Connect to the API of the running fleet of a project; give it with the agent's snapshot.

    Raises:
        FleetError: the fleet does not run, or is not far enough up.
        Unhealthy: its agent does not answer.
    """
    snapshot = overrides.running(here)
    if not snapshot.url:
        raise FleetError(f"fleet '{snapshot.fleet}' has no API yet", hint="airfleet status")
    url, *others = (one.rstrip("/") for one in snapshot.api_urls or (snapshot.url,))
    if token := here.environ.get(TOKEN):
        return Api(url, snapshot.user, "", tuple(others), token=token), snapshot
    password_file = Path(snapshot.password_file or here.paths.password)
    try:
        password = password_file.read_text("utf-8").strip()
    except OSError as wrong:
        raise FleetError(f"cannot read the password in {password_file}: {wrong.strerror}") from wrong
    if not password and not (password := _carried_password(here)):
        raise no_password_here(snapshot)
    return Api(url, snapshot.user, password, tuple(others)), snapshot


def _carried_password(here: Project) -> str:
    """Load a password that was imported on this host since its agent started."""
    from airfleet.fleet.servers import secrets

    kept = secrets.load(here.paths.secrets)
    return kept.user_password if kept else ""


def no_password_here(snapshot: Snapshot) -> FleetError:
    """Make the error of a host of workers, which has no password: it needs none."""
    fronts = [host.host for host in snapshot.hosts if any(c.kind == "api-server" for c in host.components)]
    where = f"do it on {' or '.join(fronts)}" if fronts else "do it on a host with an api-server"
    return FleetError(
        f"host '{snapshot.host}' was not given the password of user '{snapshot.user}'",
        hint=f"{where}; or carry it here: airfleet secrets export --host {snapshot.host} --with-password -o FILE",
    )


def _path(parts: tuple[object, ...], query: Mapping[str, Any]) -> str:
    path = "/api/v2/" + "/".join(quote(str(part), safe="~") for part in parts)
    given = {key: value for key, value in query.items() if value is not None}
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


def send(url: str, method: str, path: str, body: Any, token: str, seconds: float = REQUEST_SECONDS) -> Any:
    """Send a request and give its answer, both JSON. Raises ApiError, NotConnected, OSError."""
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    return _value(http_client.ask(method, url + path, Timeouts(CONNECT_SECONDS, seconds), headers=headers, body=data))


def _end_of(url: str, path: str, token: str, seconds: float, most_bytes: int) -> tuple[bytes, bool, bool]:
    """See :meth:`Api.end_of`. Raises ApiError, OSError."""
    deadline = time.monotonic() + seconds
    headers = {"Accept": "application/x-ndjson", "Authorization": f"Bearer {token}"}
    timeouts = Timeouts(min(CONNECT_SECONDS, seconds), seconds)
    with http_client.begin("GET", url + path, timeouts, headers=headers) as answer:
        if answer.status >= 400:
            _value(HttpAnswer(answer.status, answer.read(most_bytes)))
        return _last_of(answer, deadline, most_bytes)


def _last_of(answer: OpenHttpAnswer, deadline: float, most_bytes: int) -> tuple[bytes, bool, bool]:
    kept, is_whole = bytearray(), True
    while (left := deadline - time.monotonic()) > 0:
        try:
            block = answer.read_some(left)
        except TimeoutError:
            break
        if not block:
            return bytes(kept), is_whole, True
        kept += block
        if len(kept) > 2 * most_bytes:
            del kept[:-most_bytes]
            is_whole = False
    return bytes(kept), is_whole, False


def _value(answer: HttpAnswer) -> Any:
    """Return what an answer says. Raises ApiError for a refusal."""
    try:
        value = json.loads(answer.body) if answer.body else None
    except ValueError:
        value = answer.body.decode("utf-8", errors="replace")
    if answer.status >= 400:
        raise ApiError(answer.status, _detail(value), hint=_FAULT_HINT if answer.status >= 500 else None)
    return value


def _detail(value: Any) -> str:
    """Give the API's description of an error as one line."""
    detail = value.get("detail", value) if isinstance(value, dict) else value
    if isinstance(detail, list):
        return "; ".join(_complaint(entry) for entry in detail)
    if isinstance(detail, dict):
        return str(detail.get("reason") or detail.get("message") or detail)
    return str(detail).strip()[:500] or "no reason given"


def _complaint(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    where = ".".join(str(part) for part in entry.get("loc", ()) if part != "body")
    return f"{where}: {entry.get('msg')}" if where else str(entry.get("msg"))
