"""Break things under load and see what becomes of it: one experiment, from the first run to the verdict.

Order: audit on → load → quiet window → for each step: fault, heal, wait until its stopwatch stops (or patience ends),
quiet → window → load off → wait until every run has ended → witnesses read → verdict. What did not recover is written
into the history as help that a person would have had to give (I7); the system is then of no further use.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg

from airfleet.drill import invariants, journal
from airfleet.drill.invariants import Violation
from airfleet.drill.load_generator import LoadGenerator
from airfleet.drill.records import ApiAnswer, History, Injection, RunKey
from airfleet.drill.recovery_times import Stopwatch, backlog
from airfleet.drill.workload import Mix, RunRequest
from airfleet.events import Event as LogEvent
from faultlab.faults.fault import Fault
from faultlab.measuring import secret_scan, state_audit
from faultlab.measuring.api_probe import Probe
from faultlab.systems.system import System

#: between two looks at the witnesses
LOOK_SECONDS = 0.5
#: until the API answers again when nothing had been left that could
RETURN_SECONDS = 60.0
Say = Callable[[str], None]
#: stands in each such line of an agent's log
_SURPRISED = f'"action": "{LogEvent.SURPRISED.name.lower()}"'


@dataclass(frozen=True)
class Shape:
    """How an experiment goes; times in seconds."""

    mix: Mix = field(default_factory=Mix)
    #: under load, before the first fault and after the last recovery: what I11 compares
    window_seconds: float = 15.0
    #: from a recovery to the window, for what waited meanwhile
    settle_seconds: float = 5.0
    #: given up after so long
    patience_seconds: float = 60.0
    #: after the load, for which no further run may come to its end: what piled up in an outage of minutes takes longer,
    #: and is worked off
    drain_seconds: float = 120.0
    #: two attempts at a task may run at once for so long (I3)
    overlap_seconds: float = 0.0


@dataclass(frozen=True)
class Trial:
    """One fault of an experiment, and what measures it."""

    fault: Fault
    watches: Mapping[str, Stopwatch]
    #: of quiet before it
    after_seconds: float = 0.0
    #: more runs, asked for just before; it is given a label for their ids
    before: Callable[[str], Sequence[RunRequest]] = lambda label: ()
    #: asked until it is true, after those were asked for: the moment has come
    moment: Callable[[System, str], bool] = lambda system, label: True
    #: whether no scheduler dies of it, so that none may be given up
    spares_schedulers: bool = False


@dataclass(frozen=True)
class Recovery:
    """What one fault cost."""

    injection: Injection
    #: seconds by each stopwatch; None is longer than patience
    seconds: dict[str, float | None]
    #: seconds from the healing until all of them had stopped and all was well
    waited: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What came of an experiment."""

    recoveries: tuple[Recovery, ...]
    violations: tuple[Violation, ...]
    runs: int
    tasks: int
    history: History = field(repr=False)

    @property
    def recovered(self) -> bool:
        """Whether the system is of use for another one."""
        return not self.history.helped


class Experiment:
    """One run of it. ``label`` makes the ids of its runs unique."""

    def __init__(self, system: System, shape: Shape, label: str, say: Say = lambda line: None) -> None:
        self._system = system
        self._shape = shape
        self._label = label
        self._say = say
        self._load = LoadGenerator(replace(system.api, patience_seconds=0.0), shape.mix, label)
        self._probe = Probe(replace(system.api, patience_seconds=0.0))
        self._recoveries: list[Recovery] = []
        self._helped: list[str] = []

    def run(self, trials: Sequence[Trial]) -> Outcome:
        """The whole story."""
        self._load.start()
        self._probe.start()
        try:
            time.sleep(self._shape.window_seconds)
            for number, trial in enumerate(trials):
                time.sleep(trial.after_seconds)
                self._recoveries.append(self._one(f"{self._label}-{number}", trial))
            time.sleep(self._shape.settle_seconds + self._shape.window_seconds)
        finally:
            self._load.stop()
            self._probe.stop()
        self._drain()
        return self._verdict()

    def _one(self, label: str, trial: Trial) -> Recovery:
        self._wait_until_worked_off()
        self._load.ask(trial.before(label))
        self._wait_for_moment(label, trial)
        fault, began = trial.fault, time.monotonic()
        hurt = fault.inflict(self._system)
        self._say(fault.name)
        time.sleep(fault.seconds)
        fault.heal(self._system)
        injection = Injection(fault.name, began, time.monotonic(), hurt, fault.silences, trial.spares_schedulers)
        seconds = self._wait_for(injection, trial.watches)
        recovery = Recovery(injection, seconds, time.monotonic() - injection.ended)
        self._say(f"{fault.name}: {_shown(recovery.seconds)}")
        return recovery

    def _wait_until_worked_off(self) -> None:
        """Wait until no task waits for a slot, so that no fault is timed behind the backlog of the one before it.

        A backlog that does not get less within the patience is left to the invariants, which judge progress.
        """
        drained(lambda: in_line(self._history()), lambda: True, self._shape.patience_seconds)

    def _wait_for_moment(self, label: str, trial: Trial) -> None:
        deadline = time.monotonic() + self._shape.patience_seconds
        while not trial.moment(self._system, label):
            if time.monotonic() > deadline:
                raise AssertionError(f"the moment for '{trial.fault.name}' did not come")
            time.sleep(0.05)

    def _wait_for(self, injection: Injection, watches: Mapping[str, Stopwatch]) -> dict[str, float | None]:
        deadline = injection.ended + self._shape.patience_seconds
        while True:
            history = self._history()
            seconds = {name: stopwatch(history, injection) for name, stopwatch in watches.items()} if history else {}
            over = bool(seconds) and None not in seconds.values()
            if (over and self._system.is_well()) or time.monotonic() > deadline:
                return seconds or dict.fromkeys(watches)
            time.sleep(LOOK_SECONDS)

    def _history(self) -> History | None:
        """None while the database is away."""
        try:
            with closing(psycopg.connect(self._system.database_url, autocommit=True, connect_timeout=5)) as connection:
                changes = state_audit.changes(connection)
                gone = state_audit.gone_schedulers(connection)
                run_states = state_audit.run_states(connection)
                given_up = state_audit.given_up(connection)
        except psycopg.Error:
            return None
        ours = {one.run for one in self._load.asked}
        callbacks = frozenset(task for one in self._load.asked for task in one.callbacks)
        return History(
            notes=tuple(n for n in journal.read(self._system.witness_folder) if n.task.run in ours),
            changes=tuple(change for change in changes if change.task.run in ours),
            gone=gone,
            run_states=tuple((run, state) for run, state in run_states if run in ours),
            given_up=given_up,
            callbacks=callbacks,
            answers=self._answers(),
            seconds={one.run: float(one.conf.get("seconds", 0.0)) for one in self._load.asked},
        )

    def _answers(self) -> tuple[ApiAnswer, ...]:
        return *self._load.answers, *self._probe.answers

    def _drain(self) -> None:
        if lost := self._load.settle(self._shape.drain_seconds):
            self._helped.append(f"{lost} runs could not be asked for")
        if not drained(self._left, self._system.is_well, self._shape.drain_seconds):
            if not self._system.is_well():
                self._helped.append("not every component came back")
            if self._left() != 0:
                self._helped.append("runs did not end")

    def _left(self) -> int | None:
        """How many runs and callbacks have not come to their end; None when nobody can say."""
        states, history = self._states(), self._history()
        if states is None or history is None:
            return None
        told = {note.task for note in history.notes if note.event == "callback"}
        running = [one for one in self._load.asked if states.get(one.run) not in ("success", "failed")]
        return len(running) + len(history.callbacks - told)

    def _states(self) -> dict[RunKey, str] | None:
        try:
            with closing(psycopg.connect(self._system.database_url, autocommit=True, connect_timeout=5)) as connection:
                return state_audit.states(connection)
        except psycopg.Error:
            return None

    def _verdict(self) -> Outcome:
        history, states = self._history(), self._states()
        assert history is not None, "the database did not come back"
        assert states is not None, "the database did not come back"
        self._helped += surprises(self._system.logs())
        history = History(
            notes=history.notes,
            changes=history.changes,
            asked={one.run: one.must_end for one in self._load.asked},
            states=states,
            injections=tuple(one.injection for one in self._recoveries),
            callbacks=history.callbacks,
            helped=tuple(self._helped),
            answers=self._answers(),
            leaks=secret_scan.leaks(self._system.secrets(), self._system.logs()),
            run_states=history.run_states,
            given_up=history.given_up,
        )
        shape = self._shape
        found = (
            *invariants.violations(history, shape.overlap_seconds),
            *invariants.silence(history, return_seconds=min(shape.patience_seconds, RETURN_SECONDS)),
            *invariants.standstill(history, self._settled(), shape.window_seconds, self._is_steady),
        )
        return Outcome(tuple(self._recoveries), found, len(history.asked), _tasks(history), history)

    def _is_steady(self, run: RunKey) -> bool:
        return self._shape.mix.is_steady(self._label, run)

    def _settled(self) -> float:
        """From the end of the last fault to the beginning of the window after it."""
        return self._recoveries[-1].waited + self._shape.settle_seconds


def in_line(history: History | None) -> int | None:
    """Count the tasks that wait for a slot; None while nobody can say."""
    return None if history is None else len(backlog(history))


def drained(
    left: Callable[[], int | None],
    is_well: Callable[[], bool],
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Wait until nothing is left and all is well; False when for so long nothing got less."""
    fewest, deadline = math.inf, clock() + seconds
    while clock() < deadline:
        now = left()
        if now == 0 and is_well():
            return True
        if now is not None and now < fewest:
            fewest, deadline = now, clock() + seconds
        sleep(LOOK_SECONDS)
    return False


def surprises(logs: Sequence[Path]) -> list[str]:
    """What agents met that nobody had thought of: they go on, and somebody has to look at it all the same."""
    agents = [path for path in logs if path.name == "agent.log"]
    lines = (line for path in agents for line in path.read_text(errors="replace").splitlines())
    return [f"an agent says: {line.strip()}" for line in lines if _SURPRISED in line]


def _tasks(history: History) -> int:
    return len({note.attempt for note in history.notes if note.attempt})


def _shown(seconds: dict[str, Any]) -> str:
    parts = (f"{name} {'not in time' if one is None else f'{one:.2f} s'}" for name, one in seconds.items())
    return ", ".join(parts)
