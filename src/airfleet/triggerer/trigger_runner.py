"""The process in which triggers run, of which none stops another one. [A]

Its class is that of the release of its run (:mod:`airfleet.triggerer.trigger_releases`). A trigger fails, with its task
and nothing else, when it

- cannot be made, whatever it raises;
- tells what cannot be passed on: an object, a value nested too deeply or in itself, more than a message may have;
- ends the process by ``sys.exit``;
- blocks the event loop. After a second its log says so, and where; after two thirds of ``[triggerer]
  runner_health_check_threshold``, from which on Airflow takes this process for dead, the call that blocks is
  interrupted by an exception. The process that watches this one (:mod:`airfleet.triggerer.job_runner`)
  sees a call that no exception can interrupt, and a trigger that ends the process at once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from types import FrameType
from typing import cast

import structlog
from airflow.configuration import conf
from airflow.jobs.triggerer_job_runner import TriggerEventEntry, TriggerRunner, messages
from airflow.sdk._shared.module_loading import import_string
from airflow.sdk.execution_time.comms import _RequestFrame
from airflow.triggers.base import BaseTrigger

from airfleet.metadata import database_errors
from airfleet.monitor.limits import most_bytes, too_long
from airfleet.trigger_failures import TriggerFailure, TriggerFault
from airfleet.triggerer.trigger_releases import TriggerReleases, split
from airfleet.triggerer.trigger_steps import Step, StepBoard, StepLoop

log = structlog.get_logger(logger_name=__name__)

#: seconds of one step after which it is said
SAID_SECONDS = 1.0
#: interrupts a step
_SIGNAL = signal.SIGUSR1
#: characters of a failure that are kept
_FAILURE_CHARACTERS = 20_000


class TriggerBlocks(TimeoutError):
    """A trigger did not give the event loop back."""


class TriggerBlocksAgain(BaseException):
    """The same, raised into a trigger that has caught the first one."""


class TriggerEndsProcess(Exception):
    """A trigger wanted to end the process that all triggers share."""


class CarefulTriggerRunner(TriggerRunner):
    """See the module. ``board`` tells the process that watches this one whose step runs."""

    def __init__(self, board: StepBoard | None = None, block_seconds: float | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._board = board or StepBoard()
        self._block_seconds = most_seconds() if block_seconds is None else block_seconds
        self._loop: StepLoop | None = None
        #: triggers that wanted to end the process, and how
        self._ends: dict[int, BaseException] = {}
        #: triggers that have ended, but have events that are still to be told
        self._finished: list[int] = []
        #: steps that were to be interrupted, by trigger, and how often
        self._interrupted: dict[int, int] = {}
        self._to_interrupt: Step | None = None
        #: None where code is in a folder
        self._releases = TriggerReleases.of_settings()

    def run(self) -> None:
        """Run as Airflow does, with an event loop that knows whose step it runs."""
        os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "client"
        signal.signal(signal.SIGINT, self._handle_signal)
        signal.signal(signal.SIGTERM, self._handle_signal)
        signal.signal(_SIGNAL, self._interrupt)
        watch = threading.Thread(target=self._watch_steps, name="steps of triggers", daemon=True)
        with asyncio.Runner(loop_factory=self._new_loop) as runner:
            watch.start()
            runner.run(self.arun())  # type: ignore[no-untyped-call]

    def _new_loop(self) -> StepLoop:
        self._loop = StepLoop(self._board, self._ends.setdefault)
        return self._loop

    # --- what triggers are made of ------------------------------------------------------------------

    async def create_triggers(self) -> None:
        """Make the triggers that are waited for, one by one."""
        waiting = list(self.to_create)
        self.to_create.clear()
        absent = [one for one in waiting if self._releases is not None and not self._releases.has(one.classpath)]
        for workload in waiting:
            if workload in absent:
                continue
            self.to_create.append(workload)
            try:
                self._own(workload.id)
                await super().create_triggers()  # type: ignore[no-untyped-call]
            except (Exception, SystemExit, TriggerBlocksAgain) as error:
                told = {"trigger_id": workload.id, "classpath": workload.classpath}
                log.exception("A trigger cannot be made; it fails", **told)
                self.failed_triggers.append((workload.id, _as_failure(error)))
            finally:
                self._own(0)
        self.to_create.extend(absent)

    def get_trigger_by_classpath(self, classpath: str) -> type[BaseTrigger]:
        """Import the class of a trigger as Airflow does, from the release that its path names."""
        if self._releases is not None:
            classpath = self._releases.qualified(classpath)
            self._releases.show(classpath)
            if classpath not in self.trigger_cache:
                self.trigger_cache[classpath] = import_string(split(classpath)[1])
        found: type[BaseTrigger] = super().get_trigger_by_classpath(classpath)
        return found

    def _own(self, trigger: int) -> None:
        if self._loop is not None:
            self._loop.own(trigger)

    async def cleanup_finished_triggers(self) -> list[int]:
        """Clean up as Airflow does, and fail triggers that wanted to end the process."""
        for trigger_id, end in self._ends.items():
            if trigger_id in self.triggers:
                self.failed_triggers.append((trigger_id, _as_failure(end)))
                self.triggers[trigger_id]["task"].cancel()
        self._ends.clear()
        finished: list[int] = await super().cleanup_finished_triggers()
        return finished

    # --- what triggers tell -------------------------------------------------------------------------

    async def sync_state_to_supervisor(self, finished_ids: list[int]) -> None:
        """Send changes as Airflow does; events that cannot be sent fail their triggers, and no message is too long."""
        told, kept = self._told_now(most_bytes("max_message_bytes"))
        waiting = {entry.trigger_id for entry in kept}
        ended = [*self._finished, *finished_ids]
        self._finished = [trigger for trigger in ended if trigger in waiting]
        self.events = told
        await super().sync_state_to_supervisor([trigger for trigger in ended if trigger not in waiting])
        self.events.extendleft(reversed(kept))

    def _told_now(self, most: int) -> tuple[deque[TriggerEventEntry], list[TriggerEventEntry]]:
        """Return the events of the next message, and those for which it has no room."""
        told: deque[TriggerEventEntry] = deque()
        room = most
        while self.events:
            entry = self.events[0]
            try:
                length = _length(entry)
                if length > most:
                    raise ValueError(too_long(length, "max_message_bytes"))
            except Exception as error:
                self.events.popleft()
                self._cannot_be_told(entry.trigger_id, error)
                continue
            if length > room:
                break
            room -= length
            told.append(self.events.popleft())
        kept, self.events = list(self.events), deque()
        return told, kept

    def _cannot_be_told(self, trigger_id: int, error: Exception) -> None:
        why = str(TriggerFailure(TriggerFault.EVENT_NOT_PASSED_ON, _one_line(error)))
        log.error(why, trigger_id=trigger_id)
        self.failed_triggers.append((trigger_id, ValueError(why)))

    def process_trigger_events(self, finished_ids: list[int]) -> messages.TriggerStateChanges:
        """Collect events as Airflow does; a failure is bounded text that can be stored."""
        told = super().process_trigger_events(finished_ids)
        if told.failures:
            told.failures = [(trigger, None if lines is None else _short(lines)) for trigger, lines in told.failures]
        return told

    # --- what has the loop for too long ---------------------------------------------------------------

    def _watch_steps(self) -> None:
        said: Step | None = None
        while True:
            time.sleep(SAID_SECONDS / 2)
            step = self._board.read()
            if step is None or (seconds := time.monotonic() - step.since) < SAID_SECONDS:
                continue
            if step != said:
                said = step
                self._say(step, seconds)
            if 0 < self._block_seconds < seconds:
                self._to_interrupt = step
                signal.pthread_kill(cast("int", threading.main_thread().ident), _SIGNAL)
                time.sleep(SAID_SECONDS)

    def _say(self, step: Step, seconds: float) -> None:
        frame = sys._current_frames().get(cast("int", threading.main_thread().ident))
        log.warning(
            "This trigger blocks the event loop of all triggers; one that waits has to await",
            trigger_id=step.trigger,
            seconds=round(seconds, 1),
            fails_after=self._block_seconds,
            where=_place(frame),
        )

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """Raise into the step that was to be interrupted; another one may have the loop by now."""
        step, self._to_interrupt = self._to_interrupt, None
        if step is None or self._board.read() != step:
            return
        times = self._interrupted[step.trigger] = self._interrupted.get(step.trigger, 0) + 1
        seconds = time.monotonic() - step.since
        why = str(TriggerFailure(TriggerFault.BLOCKED_LOOP, f"{seconds:.0f} s at {_place(frame)}"))
        raise TriggerBlocks(why) if times == 1 else TriggerBlocksAgain(why)


def most_seconds() -> float:
    """Return the seconds for which a step of a trigger may block the others; 0 is for ever."""
    return conf.getfloat("triggerer", "runner_health_check_threshold") * 2 / 3


def _length(entry: TriggerEventEntry) -> int:
    """Return the bytes of an event as it is passed on. Raises the errors of its value."""
    message = messages.TriggerStateChanges(events=[entry])
    return len(_RequestFrame(id=0, body=message.model_dump()).as_bytes())


def _as_failure(error: BaseException) -> BaseException:
    if isinstance(error, SystemExit | KeyboardInterrupt):
        return TriggerEndsProcess(str(TriggerFailure(TriggerFault.WANTED_TO_END_PROCESS, repr(error))))
    return error


def _one_line(error: BaseException) -> str:
    words = f"{type(error).__name__}: {error}".split("\n")
    return database_errors.storable(" ".join(word.strip() for word in words[:6])[:1000])


def _short(lines: Iterable[str]) -> list[str]:
    """Return the end of a traceback, as text that can be passed on."""
    text = "\n".join(lines)
    cut = text if len(text) <= _FAILURE_CHARACTERS else f"... {text[-_FAILURE_CHARACTERS:]}"
    return database_errors.storable(cut.encode(errors="backslashreplace").decode()).split("\n")


def _place(frame: FrameType | None) -> str:
    """Return the place of a step in the trigger's code: the innermost frame that is in no library."""
    found = frame
    while found is not None and "/lib/python" in found.f_code.co_filename:
        found = found.f_back
    found = found or frame
    return f"{found.f_code.co_filename}:{found.f_lineno} in {found.f_code.co_name}" if found else "an unknown place"
