"""The relay of the outbox: results whose monitors are gone are sent to the API. See :mod:`airfleet.spool.outbox`.

Only the end of an attempt without any process is told here: a monitor that lives tells it itself. An answer that is no
outage settles it, whatever it says; as long as there is none, the attempt is not called lost.

Failures:

- A server is silent: it is not asked again in the same round, for other results wait. The result that it was asked
  about comes last the next time, for that may be the cause.
- A result makes no request, or servers answer for an hour that they cannot hear it: it is thrown away, the log says so,
  and its attempt is lost like one that left nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from airfleet.events import Event, Log
from airfleet.spool import outbox
from airfleet.spool.outbox import OutboxRequest
from airfleet.system import http_client
from airfleet.system.http_client import Timeouts

#: seconds that a server may take for an answer
ANSWER_SECONDS = 3.0
#: seconds after which what nobody waits for is thrown away
OLD_SECONDS = 300.0
#: seconds for which an answer that means an outage is believed
OUTAGE_SECONDS = 3600.0
#: try again later
_AWAY = frozenset({408, 425, 429})


class OutboxRelay:
    """The outbox of this host's workers; ``urls`` gives those of the execution API."""

    def __init__(
        self, folder: Path, urls: Callable[[], Sequence[str]], log: Log, clock: Callable[[], float] = time.time
    ) -> None:
        self._folder = folder
        self._urls = urls
        self._log = log
        self._clock = clock
        #: attempts about which a server was asked, and said nothing
        self._unanswered: set[str] = set()

    def tell(self, gone: Collection[str], running: Collection[str]) -> frozenset[str]:
        """Send the results of those in ``gone`` that left one; return the attempts whose results nobody heard.

        ``running`` are all attempts that the database calls running on this host.
        """
        unheard = set()
        silent: set[str] = set()
        for outcome, left_at in self._kept():
            if outcome.attempt in gone:
                if not self._tell(outcome, left_at, silent):
                    unheard.add(outcome.attempt)
            elif outcome.attempt not in running and self._clock() - left_at > OLD_SECONDS:
                outbox.remove(self._folder, outcome.attempt)
        return frozenset(unheard)

    def _kept(self) -> list[tuple[OutboxRequest, float]]:
        last, self._unanswered = self._unanswered, set()
        return sorted(outbox.pending(self._folder), key=lambda kept: kept[0].attempt in last)

    def _tell(self, outcome: OutboxRequest, left_at: float, silent: set[str]) -> bool:
        """Send one result; tell whether it is settled. Servers in ``silent``, which grows, are not asked."""
        asked = [url for url in self._urls() if url not in silent]
        try:
            status = _best_answer(asked, outcome, silent)
        except ValueError as unsendable:
            # Only its kind: what it says may quote the token.
            return self._give_up(outcome, f"{type(unsendable).__name__}: it makes no request")
        if not silent.isdisjoint(asked):
            self._unanswered.add(outcome.attempt)
        if status is None:
            return False
        if _means_outage(status):
            late = self._clock() - left_at > OUTAGE_SECONDS
            return late and self._give_up(outcome, f"the API answers {status}")
        outbox.remove(self._folder, outcome.attempt)
        self._log(Event.OUTCOME_TOLD, attempt=outcome.attempt, status=status)
        return True

    def _give_up(self, outcome: OutboxRequest, why: str) -> bool:
        outbox.remove(self._folder, outcome.attempt)
        self._log(Event.OUTCOME_UNTELLABLE, attempt=outcome.attempt, why=why)
        return True


def _best_answer(urls: Iterable[str], outcome: OutboxRequest, silent: set[str]) -> int | None:
    """Return the first status that is no outage, else the last; mute servers join ``silent``. Raises ValueError."""
    found = None
    for url in urls:
        status = _send(url, outcome)
        if status is None:
            silent.add(url)
        elif not _means_outage(status):
            return status
        found = status or found
    return found


def _means_outage(status: int) -> bool:
    return status >= 500 or status in _AWAY


def _send(url: str, outcome: OutboxRequest) -> int | None:
    """Send a result; return the status of the answer, None without one. Raises ValueError when this is no request."""
    headers = {"Authorization": f"Bearer {outcome.token}", "Content-Type": "application/json"}
    if outcome.version:
        headers["Airflow-API-Version"] = outcome.version
    asked, timeouts = f"{url.rstrip('/')}/{outcome.path}", Timeouts(ANSWER_SECONDS, ANSWER_SECONDS)
    try:
        return http_client.ask(
            "PATCH", asked, timeouts, headers=headers, body=outcome.body.encode(), most_bytes=0
        ).status
    except OSError:
        return None
