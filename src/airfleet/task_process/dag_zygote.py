"""A process that has loaded one Dag file and forks an attempt for each of its tasks.

States: loading -> warm -> retired (no more attempts come; ends with the last that runs). A file whose
load fails, or cannot be shared (:mod:`airfleet.task_process.side_effects`), is never warm: its attempts go back to
the pool, which forks them without the file, and they load it themselves and report what is wrong with it.

A zygote answers each attempt by forking it or by sending it back: when one of the files that loading
read has changed, or when it has grown older than what it loaded may. Its first attempt was there before it
began to load, so the loaded Dags are as new as that attempt could have them. A file that reads changing data gets a
zygote for each attempt, and none without end.
"""

from __future__ import annotations

import gc
import selectors
import socket
import time
from typing import Any, NoReturn

from airfleet.task_process import ipc
from airfleet.task_process.children import Attempts, Descriptor
from airfleet.task_process.idle_children import Spares
from airfleet.task_process.side_effects import Observation, observed
from airfleet.task_process.work import AttemptWork, Unshareable


def serve(file: ipc.DagFile, connection: socket.socket, work: AttemptWork, inherited: frozenset[Descriptor]) -> None:
    """Load ``file`` and fork what comes over ``connection``; returns when it was retired and is done.

    ``inherited``: the descriptors that attempts may have too.
    """
    loaded, observation = _load(file, work)
    gc.freeze()
    _DagZygote(file, connection, work, loaded, observation, inherited).run()


def _load(file: ipc.DagFile, work: AttemptWork) -> tuple[Any, Observation]:
    try:
        return observed(lambda: work.load(file))
    except Unshareable as error:
        return None, Observation({}, (str(error),))
    except Exception as error:  # the attempt itself will report it, in its own log
        return None, Observation({}, (f"it cannot be loaded: {type(error).__name__}: {error}",))


class _DagZygote:
    def __init__(
        self,
        file: ipc.DagFile,
        connection: socket.socket,
        work: AttemptWork,
        loaded: Any,
        observation: Observation,
        inherited: frozenset[Descriptor],
    ) -> None:
        self._connection = connection
        self._work = work
        self._loaded = loaded
        self._observation = observation
        self._selector = selectors.DefaultSelector()
        self._attempts = Attempts(self._selector, inherited, self._become)
        self._spares = Spares(
            self._selector,
            self._attempts,
            connection,
            obey=self._obey,
            may_run=self._may_run,
            retire=self._retire,
        )
        self._good_until = time.monotonic() + work.seconds_good(file)
        self._used = False
        self._retired = False

    def run(self) -> None:
        while not self._retired or len(self._attempts) or len(self._spares):
            waits = (self._attempts.wait_seconds(), self._spares.wait_seconds())
            for key, _ in self._selector.select(min((wait for wait in waits if wait is not None), default=None)):
                key.data()
            self._attempts.end_overdue()
            self._spares.tend()

    def _obey(self) -> None:
        received = ipc.receive(self._connection)
        if received is None or "retire" in received[0]:
            self._retire()
            return
        attempt = ipc.attempt(*received)
        if self._may_run(attempt):
            self._used = True
            self._attempts.start(attempt)
            self._spares.attempt_started()

    def _retire(self) -> None:
        self._retired = True
        self._spares.close()

    def _become(self, attempt: ipc.Attempt) -> NoReturn:
        self._work.run(attempt, self._loaded)

    def _may_run(self, attempt: ipc.Attempt) -> bool:
        """Tell whether an attempt may run here; send it back otherwise."""
        reason = self._why_not()
        if reason is not None:
            ipc.send(self._connection, attempt.message() | reason, attempt.descriptors)
            ipc.close(attempt.descriptors)
        return reason is None

    def _why_not(self) -> dict[str, Any] | None:
        if self._observation.reasons:
            return {"cold": list(self._observation.reasons)}
        if self._used and (time.monotonic() > self._good_until or not self._observation.holds()):
            return {"stale": True}
        return None
