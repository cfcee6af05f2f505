"""Tells the API how attempts ended whose monitors cannot tell it any more. See :mod:`airfleet.runtime.untold`.

Only the end of an attempt without any process is told here: a monitor that lives tells it itself. An answer that is no
outage settles it, whatever it says; as long as there is none, the attempt is not called lost.

What fails: a server is silent - it is not asked again in the same round, for others wait meanwhile; what was left makes
no request - it is thrown away, the log says so, and its attempt is lost like one that left nothing.
"""

from __future__ import annotations

import http.client
import os
import time
import urllib.parse
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from airfleet.events import Event, Log
from airfleet.runtime import untold
from airfleet.runtime.untold import Outcome

#: seconds that a server may take for an answer
ANSWER_SECONDS = 3.0
#: seconds after which what nobody waits for is thrown away
OLD_SECONDS = 300.0
#: try again later
_AWAY = frozenset({408, 425, 429})


class Untold:
    """What the workers of this host have left in a folder; ``urls`` gives those of the execution API."""

    def __init__(
        self, folder: Path, urls: Callable[[], Sequence[str]], log: Log, clock: Callable[[], float] = time.time
    ) -> None:
        self._folder = folder
        self._urls = urls
        self._log = log
        self._clock = clock

    def tell(self, gone: Collection[str], running: Collection[str]) -> frozenset[str]:
        """Tell how those of ``gone`` ended of which that is known; the ones that nobody heard.

        ``running`` are all attempts that the database calls running on this host.
        """
        unheard = set()
        silent: set[str] = set()
        for outcome, left_at in untold.kept(self._folder):
            if outcome.attempt in gone:
                if not self._tell(outcome, silent):
                    unheard.add(outcome.attempt)
            elif outcome.attempt not in running and self._clock() - left_at > OLD_SECONDS:
                untold.forget(self._folder, outcome.attempt)
        return frozenset(unheard)

    def _tell(self, outcome: Outcome, silent: set[str]) -> bool:
        """Whether that is settled; ``silent`` are servers that are not asked, and becomes more."""
        try:
            status = _first_answer((url for url in self._urls() if url not in silent), outcome, silent)
        except ValueError as unsendable:
            untold.forget(self._folder, outcome.attempt)
            self._log(Event.OUTCOME_UNTELLABLE, attempt=outcome.attempt, why=str(unsendable))
            return True
        if status is None:
            return False
        untold.forget(self._folder, outcome.attempt)
        self._log(Event.OUTCOME_TOLD, attempt=outcome.attempt, status=status)
        return True


def _first_answer(urls: Iterable[str], outcome: Outcome, silent: set[str]) -> int | None:
    """The first status that is no outage; those who say nothing become ``silent``. Raises ValueError."""
    for url in urls:
        status = _send(url, outcome)
        if status is None:
            silent.add(url)
        elif status < 500 and status not in _AWAY:
            return status
    return None


def _send(url: str, outcome: Outcome) -> int | None:
    """The status of the answer; None when there was none. Raises ValueError when this is no request."""
    where = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
    headers = {"Authorization": f"Bearer {outcome.token}", "Content-Type": "application/json"}
    if outcome.version:
        headers["Airflow-API-Version"] = outcome.version
    connection = kind(where.netloc, timeout=ANSWER_SECONDS)
    try:
        connection.request("PATCH", os.path.join(where.path, outcome.path), outcome.body.encode(), headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
