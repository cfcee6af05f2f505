"""An experiment of the laboratory: the runner of drills, with the database as second witness and all invariants.

The audit of the database, the probe of the API and the scan of all logs for secrets add to what tasks tell. A component
that did not come back is written into the history as help that a person would have had to give (I7); the system is
then of no further use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import psycopg

from airfleet.drill import invariants, runner
from airfleet.drill.invariants import Violation
from airfleet.drill.records import ApiAnswer, History, Injection, RunKey
from airfleet.drill.recovery_times import backlog
from airfleet.drill.runner import ExperimentRunner, Pace, Recovery, drained
from airfleet.drill.workload import Mix
from airfleet.testing import own_errors
from faultlab.measuring import secret_scan, state_audit
from faultlab.measuring.api_probe import ApiProbe
from faultlab.systems.system import System

#: between two looks at the witnesses
LOOK_SECONDS = 0.5
#: until the API answers again after no api-server was left
RETURN_SECONDS = 60.0
Say: TypeAlias = Callable[[str], None]
Trial: TypeAlias = runner.Trial[System]


@dataclass(frozen=True)
class Shape:
    """The load and the times of an experiment; times in seconds."""

    mix: Mix = field(default_factory=Mix)
    #: under load, before the first fault and after the last recovery: I11 compares the two
    window_seconds: float = 15.0
    #: from a recovery to the window, for what waited meanwhile
    settle_seconds: float = 5.0
    #: until a recovery is given up
    patience_seconds: float = 60.0
    #: without a run that ends after the load; the backlog of an outage of minutes takes longer, and is worked off
    drain_seconds: float = 120.0
    #: for which two attempts at a task may run at once (I3)
    overlap_seconds: float = 0.0

    @property
    def pace(self) -> Pace:
        """Give the times for the runner."""
        return Pace(
            before_seconds=self.window_seconds,
            after_seconds=self.settle_seconds + self.window_seconds,
            patience_seconds=self.patience_seconds,
            drain_seconds=self.drain_seconds,
            moment_seconds=self.patience_seconds,
            look_seconds=LOOK_SECONDS,
        )


class Experiment(ExperimentRunner[System]):
    """One run of it. ``label`` makes the ids of its runs unique."""

    def __init__(self, system: System, shape: Shape, label: str, say: Say = lambda line: None) -> None:
        super().__init__(system, shape.mix, shape.pace, label)
        self._shape = shape
        self._say = say
        self._probe = ApiProbe(replace(system.api, patience_seconds=0.0))
        self._waited = 0.0

    @contextmanager
    def _under_load(self) -> Iterator[None]:
        with super()._under_load():
            self._probe.start()
            try:
                yield
            finally:
                self._probe.stop()

    def is_well(self) -> bool:
        """Ask the system."""
        return self.target.is_well()

    def prepare(self, trial: Trial) -> None:
        """Wait until no task waits for a slot, so that no fault is timed behind the backlog of the one before it.

        A backlog that does not get less within the patience is left to the invariants, which judge progress.
        """
        drained(lambda: in_line(self.history()), lambda: True, self._shape.patience_seconds)

    def on_missed_moment(self, trial: Trial) -> None:
        """Give up. Raises AssertionError."""
        raise AssertionError(f"the moment for '{trial.fault.name}' did not come")

    def on_injection(self, injection: Injection) -> None:
        """Name the fault."""
        self._say(injection.name)

    def on_recovery(self, recovery: Recovery) -> None:
        """Say how long it took."""
        self._waited = recovery.waited
        self._say(f"{recovery.injection.name}: {_shown(recovery.seconds)}")

    def answers(self) -> tuple[ApiAnswer, ...]:
        """Add those to the probe."""
        return *super().answers(), *self._probe.answers

    def history(self) -> History | None:
        """Add what the database recorded; None while it is away."""
        try:
            with self._database() as connection:
                changes = state_audit.changes(connection)
                gone = state_audit.gone_schedulers(connection)
                run_states = state_audit.run_states(connection)
                given_up = state_audit.given_up(connection)
        except psycopg.Error:
            return None
        told = self.told_by_tasks()
        return replace(
            told,
            changes=tuple(change for change in changes if change.task.run in told.asked),
            gone=gone,
            run_states=tuple((run, state) for run, state in run_states if run in told.asked),
            given_up=given_up,
        )

    def states(self) -> Mapping[RunKey, str] | None:
        """Ask the database; None while it is away."""
        try:
            with self._database() as connection:
                return state_audit.states(connection)
        except psycopg.Error:
            return None

    def final_history(self) -> History:
        """Add states of runs, leaks, and the help that is wanted. Raises AssertionError without a database."""
        history, states = self.history(), self.states()
        assert history is not None, "the database did not come back"
        assert states is not None, "the database did not come back"
        logs = self.target.logs()
        return replace(
            history,
            states=states,
            helped=(*self.helped, *surprises(logs)),
            leaks=secret_scan.leaks(self.target.secrets(), logs),
        )

    def judge(self, history: History) -> tuple[Violation, ...]:
        """Check every invariant."""
        shape = self._shape
        # from the end of the last fault to the beginning of the window after it
        settled = self._waited + shape.settle_seconds
        return (
            *invariants.violations(history, shape.overlap_seconds),
            *invariants.silence(history, return_seconds=min(shape.patience_seconds, RETURN_SECONDS)),
            *invariants.standstill(history, settled, shape.window_seconds, self._is_steady),
        )

    def _is_steady(self, run: RunKey) -> bool:
        return self._shape.mix.is_steady(self.label, run)

    @contextmanager
    def _database(self) -> Iterator[psycopg.Connection[Any]]:
        with closing(psycopg.connect(self.target.database_url, autocommit=True, connect_timeout=5)) as connection:
            yield connection


def in_line(history: History | None) -> int | None:
    """Count the tasks that wait for a slot; None while nobody says it."""
    return None if history is None else len(backlog(history))


def surprises(logs: Sequence[Path]) -> list[str]:
    """List the lines of agents about errors that none of their code expected: somebody has to look at them."""
    agents = [path for path in logs if path.name == "agent.log"]
    lines = (line for path in agents for line in path.read_text(errors="replace").splitlines())
    return [f"an agent says: {line.strip()}" for line in lines if own_errors.SURPRISED in line]


def _shown(seconds: Mapping[str, float | None]) -> str:
    parts = (f"{name} {'not in time' if one is None else f'{one:.2f} s'}" for name, one in seconds.items())
    return ", ".join(parts)
