"""The runner of experiments: a steady load, faults one after the other, and what two witnesses say became of the work.

::

    load on ─> quiet ─> each trial: moment ─> inflict ─> heal ─> stopwatches ─> quiet ─> load off ─> drain ─> verdict

``airfleet drill`` runs one trial on a fleet that is there (:mod:`airfleet.drill.fleet_drill`). The laboratory of the
fault matrix, which is no part of the package, runs many on systems of its own.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from airfleet.client.api_client import Api
from airfleet.drill import journal
from airfleet.drill.invariants import Violation
from airfleet.drill.killing import Attempts
from airfleet.drill.load_generator import LoadGenerator, RunMix
from airfleet.drill.records import ApiAnswer, History, Injection, Note, NoteKind, RunKey
from airfleet.drill.recovery_times import Stopwatch
from airfleet.drill.workload import RunRequest

#: between two looks for a moment, and for the end of runs
_MOMENT_SECONDS, _DRAIN_LOOK_SECONDS = 0.05, 0.5
_FINAL = ("success", "failed")


class DrillTarget(Protocol):
    """An Airflow that is broken, with the folder into which its tasks write their journals."""

    @property
    def api(self) -> Api:
        """Give its REST API."""

    @property
    def witness_folder(self) -> Path:
        """Give the folder."""


T = TypeVar("T", bound=DrillTarget)
T_contra = TypeVar("T_contra", contravariant=True)


class FaultInjector(Protocol[T_contra]):
    """Something that breaks, as a value."""

    @property
    def name(self) -> str:
        """Give the name in tables."""

    @property
    def seconds(self) -> float:
        """Give the seconds from ``inflict`` to ``heal``."""

    @property
    def silences(self) -> bool:
        """Tell whether no api-server is left meanwhile."""

    def inflict(self, target: T_contra, /) -> Attempts:
        """Break it; the attempts that may suffer."""

    def heal(self, target: T_contra, /) -> None:
        """Repair it, where it does not come back by itself."""


@dataclass(frozen=True)
class Pace:
    """The times of an experiment, in seconds."""

    #: under load, before the first fault
    before_seconds: float
    #: under load, after the last recovery
    after_seconds: float
    #: until a recovery is given up
    patience_seconds: float
    #: without a run that ends, until the rest is given up
    drain_seconds: float
    #: until the moment for a fault is given up
    moment_seconds: float
    #: between two looks at the witnesses
    look_seconds: float


@dataclass(frozen=True)
class Trial(Generic[T]):
    """One fault of an experiment, and the stopwatches that measure it."""

    fault: FaultInjector[T]
    watches: Mapping[str, Stopwatch]
    #: of quiet before it
    after_seconds: float = 0.0
    #: more runs, asked for just before; it is given a label for their ids
    before: Callable[[str], Sequence[RunRequest]] = lambda label: ()
    #: asked after those were asked for, until it is true: the moment has come
    moment: Callable[[T, str], bool] = lambda target, label: True
    #: whether no scheduler dies of it, so that none may be given up
    spares_schedulers: bool = False


@dataclass(frozen=True)
class Recovery:
    """The cost of one fault."""

    injection: Injection
    #: seconds by each stopwatch; None is longer than patience
    seconds: dict[str, float | None]
    #: seconds from the healing until all stopwatches had stopped and all was well
    waited: float = 0.0


@dataclass(frozen=True)
class ExperimentOutcome:
    """The result of an experiment."""

    recoveries: tuple[Recovery, ...]
    violations: tuple[Violation, ...]
    history: History = field(repr=False)

    @property
    def runs(self) -> int:
        """Count the runs that were asked for."""
        return len(self.history.asked)

    @property
    def tasks(self) -> int:
        """Count the attempts that began."""
        return len({note.attempt for note in self.history.notes if note.attempt})

    @property
    def recovered(self) -> bool:
        """Tell whether nobody has to help, so that the target can be used again."""
        return not self.history.helped


class ExperimentRunner(ABC, Generic[T]):
    """One run of an experiment. ``label`` makes the ids of its Dag runs unique."""

    def __init__(self, target: T, mix: RunMix, pace: Pace, label: str) -> None:
        self.target = target
        self.pace = pace
        self.label = label
        self.load = LoadGenerator(replace(target.api, patience_seconds=0.0), mix, label)
        self._recoveries: list[Recovery] = []
        #: sentences: the help that a person would have had to give so far
        self.helped: list[str] = []

    def run(self, trials: Sequence[Trial[T]]) -> ExperimentOutcome:
        """Do all trials under load, and judge the history."""
        with self._under_load():
            time.sleep(self.pace.before_seconds)
            for number, trial in enumerate(trials):
                time.sleep(trial.after_seconds)
                self._recoveries.append(self._try(f"{self.label}-{number}", trial))
            time.sleep(self.pace.after_seconds)
        self._drain()
        history = replace(self.final_history(), injections=tuple(one.injection for one in self._recoveries))
        return ExperimentOutcome(tuple(self._recoveries), self.judge(history), history)

    # --- what differs between a drill and the laboratory -------------------------------------------

    @abstractmethod
    def is_well(self) -> bool:
        """Tell whether every component is there and answers."""

    @abstractmethod
    def states(self) -> Mapping[RunKey, str] | None:
        """Give the state of every run; None while nobody says it."""

    @abstractmethod
    def final_history(self) -> History:
        """Give the history after the last run has ended, with the states of the runs."""

    @abstractmethod
    def judge(self, history: History) -> tuple[Violation, ...]:
        """List the invariants that the history violates."""

    def history(self) -> History | None:
        """Give the history so far; None while a witness is silent."""
        return self.told_by_tasks()

    def prepare(self, trial: Trial[T]) -> None:
        """Do what a trial has to wait for."""

    def on_missed_moment(self, trial: Trial[T]) -> None:
        """Do something about a moment that did not come."""

    def on_injection(self, injection: Injection) -> None:
        """Tell that a fault has begun and ended."""

    def gives_up_at(self, injection: Injection) -> float:
        """Give the time at which a recovery is given up: patience counts from the healing."""
        return injection.ended + self.pace.patience_seconds

    def on_look(self, injection: Injection, seconds: Mapping[str, float | None]) -> None:
        """Tell what the stopwatches show now."""

    def on_recovery(self, recovery: Recovery) -> None:
        """Tell that a recovery is over, or given up."""

    @contextmanager
    def _under_load(self) -> Iterator[None]:
        self.load.start()
        try:
            yield
        finally:
            self.load.stop()

    # --- one trial ---------------------------------------------------------------------------------

    def _try(self, label: str, trial: Trial[T]) -> Recovery:
        self.prepare(trial)
        self.load.ask(trial.before(label))
        if not self._wait_for_moment(label, trial):
            self.on_missed_moment(trial)
        injection = self._inject(trial)
        seconds = self._wait_for_recovery(injection, trial.watches)
        recovery = Recovery(injection, seconds, time.monotonic() - injection.ended)
        self.on_recovery(recovery)
        return recovery

    def _wait_for_moment(self, label: str, trial: Trial[T]) -> bool:
        deadline = time.monotonic() + self.pace.moment_seconds
        while not trial.moment(self.target, label):
            if time.monotonic() > deadline:
                return False
            time.sleep(_MOMENT_SECONDS)
        return True

    def _inject(self, trial: Trial[T]) -> Injection:
        fault, began = trial.fault, time.monotonic()
        attempts = fault.inflict(self.target)
        self.on_injection(Injection(fault.name, began, began, attempts))
        time.sleep(fault.seconds)
        fault.heal(self.target)
        ended = time.monotonic()
        return Injection(fault.name, began, ended, attempts, fault.silences, trial.spares_schedulers)

    def _wait_for_recovery(self, injection: Injection, watches: Mapping[str, Stopwatch]) -> dict[str, float | None]:
        deadline = self.gives_up_at(injection)
        while True:
            history = self.history()
            seconds = {name: stopwatch(history, injection) for name, stopwatch in watches.items()} if history else {}
            self.on_look(injection, seconds)
            over = bool(seconds) and None not in seconds.values()
            if (over and self.is_well()) or time.monotonic() > deadline:
                return seconds or dict.fromkeys(watches)
            time.sleep(self.pace.look_seconds)

    # --- the end -----------------------------------------------------------------------------------

    def _drain(self) -> None:
        if lost := self.load.settle(self.pace.drain_seconds):
            self.helped.append(f"{lost} runs could not be asked for")
        if not drained(lambda: self._left(self.states()), self.is_well, self.pace.drain_seconds):
            if not self.is_well():
                self.helped.append("not every component came back")
            if self._left(self.states()) != 0:
                self.helped.append("runs did not end")

    def _left(self, states: Mapping[RunKey, str] | None) -> int | None:
        """Count the runs and callbacks that have not come to their end; None while nobody says it."""
        if states is None:
            return None
        told = {note.task for note in self.notes() if note.event == NoteKind.CALLBACK}
        running = [one for one in self.load.asked if states.get(one.run) not in _FINAL]
        callbacks = {task for one in self.load.asked for task in one.callbacks}
        return len(running) + len(callbacks - told)

    # --- the first witness -------------------------------------------------------------------------

    def notes(self) -> tuple[Note, ...]:
        """Give what the tasks of this experiment wrote, in order of time."""
        ours = {one.run for one in self.load.asked}
        return tuple(note for note in journal.read(self.target.witness_folder) if note.task.run in ours)

    def told_by_tasks(self) -> History:
        """Give the history as far as tasks and the load know it."""
        asked, notes = self.load.asked, self.notes()
        return History(
            notes=notes,
            changes=(),
            asked={one.run: one.must_end for one in asked},
            callbacks=frozenset(task for one in asked for task in one.callbacks),
            answers=self.answers(),
            seconds={one.run: float(one.conf.get("seconds", 0.0)) for one in asked},
            accepted=self.load.accepted,
        )

    def answers(self) -> tuple[ApiAnswer, ...]:
        """Give the answers of the API to all questions so far."""
        return self.load.answers


def drained(
    left: Callable[[], int | None],
    is_well: Callable[[], bool],
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Wait until nothing is left and all is well; False when for so many seconds nothing got less."""
    fewest, deadline = math.inf, clock() + seconds
    while clock() < deadline:
        now = left()
        if now == 0 and is_well():
            return True
        if now is not None and now < fewest:
            fewest, deadline = now, clock() + seconds
        sleep(_DRAIN_LOOK_SECONDS)
    return False
