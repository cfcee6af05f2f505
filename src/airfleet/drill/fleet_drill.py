"""A drill: break a part of a running fleet on purpose, and watch what becomes of its work.

::

    healthy? ─> pipeline added ─> load: two runs a second ─> part killed ─> three stopwatches ─> runs ended ─> verdict

The stopwatches run until a task starts whose run was accepted after the fault (*gap*), until every task whose attempt
died has started again, and until the agent reports every component as healthy. At the end every run must have ended
well, and no attempt may have started twice. The pipeline, its runs and the folder of the journals are removed, whatever
happens; a warning names what cannot be. The witnesses are the agent, the REST API and that folder, not the database.
The folder is of this machine, so the tasks have to run here.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from airfleet.client.api_client import ApiError
from airfleet.drill import invariants, recovery_times
from airfleet.drill.agent_states import AgentStates
from airfleet.drill.invariants import Violation
from airfleet.drill.parts import DrilledFleet, PartKilled, require_health
from airfleet.drill.pipeline import DrillPipeline, Warn
from airfleet.drill.records import History, Injection, Note, NoteKind, RunKey, StateChange, TaskKey
from airfleet.drill.runner import ExperimentOutcome, ExperimentRunner, Pace, Trial
from airfleet.drill.verdict import GAP, HEALTHY, RERUN, DrillVerdict, verdict_of
from airfleet.drill.workload import DRILL, LONG, DrillMix
from airfleet.errors import FleetError

#: under load before the fault, so that there is something to compare with
WARM_SECONDS = 5.0
#: and after the recovery
AFTER_SECONDS = 3.0
_LOOK_SECONDS = 0.1
#: between two questions to the API for the end of runs
_STATES_SECONDS = 0.5

#: takes seconds since the fault, and a line
Say = Callable[[float, str], None]


class Drill:
    """Drills on one fleet: :meth:`prepared` adds the pipeline, :meth:`run` does one drill."""

    def __init__(self, fleet: DrilledFleet, timeout_seconds: float, say: Say, warn: Warn) -> None:
        self.fleet = fleet
        self.timeout_seconds = timeout_seconds
        self.pipeline = DrillPipeline(fleet, timeout_seconds, warn)
        self._say = say

    @contextmanager
    def prepared(self) -> Iterator[None]:
        """Add the pipeline of the drill, which is gone afterwards.

        Raises Unhealthy when the fleet is not well, FleetError when the pipeline cannot be added, WaitTimedOut when the
        fleet does not see it.
        """
        require_health(self.fleet)
        folder = Path(tempfile.mkdtemp(prefix="airfleet-drill-"))
        self.fleet = replace(self.fleet, witness_folder=folder)
        try:
            with self.pipeline.added():
                yield
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def run(self, part: str) -> DrillVerdict:
        """Break one part and watch.

        Raises FleetError when the fleet has no such part of its own, Unhealthy when it is not well (any more).
        """
        require_health(self.fleet)
        outcome = DrillExperiment(self.fleet, part, self.timeout_seconds, self._say).run_part()
        self.pipeline.warn_if_taken_away()
        return verdict_of(part, outcome)


class DrillExperiment(ExperimentRunner[DrilledFleet]):
    """The experiment of one drill: one part, killed once."""

    def __init__(self, fleet: DrilledFleet, part: str, timeout_seconds: float, say: Say) -> None:
        pace = Pace(
            before_seconds=WARM_SECONDS,
            after_seconds=AFTER_SECONDS,
            patience_seconds=timeout_seconds,
            drain_seconds=timeout_seconds,
            moment_seconds=WARM_SECONDS,
            look_seconds=_LOOK_SECONDS,
        )
        super().__init__(fleet, DrillMix(str(fleet.witness_folder), fleet.slots), pace, f"{part}-{os.getpid()}")
        self._part = part
        self._progress = ProgressLog(say)
        self._agent: AgentStates | None = None
        self._healthy_at: float | None = None
        #: stopwatches that have stopped
        self._stopped: set[str] = set()
        self._answered = True
        #: last answer of the API about the runs
        self._states: Mapping[RunKey, str] | None = None

    def run_part(self) -> ExperimentOutcome:
        """Kill the part and watch."""
        watches = {
            HEALTHY: recovery_times.healthy,
            GAP: recovery_times.first_accepted,
            RERUN: recovery_times.rerun,
        }
        fault = PartKilled(self._part, self._progress.tell)
        return self.run([Trial(fault, watches, moment=self._has_much_to_lose)])

    def _has_much_to_lose(self, fleet: DrilledFleet, label: str) -> bool:
        """Tell whether a long task runs, which dies with a worker. None may start: then the drill shows that."""
        return long_task_runs(self.notes(), self.label)

    def _inject(self, trial: Trial[DrilledFleet]) -> Injection:
        """Ask the agent first: its answer takes time in which a run may be accepted, and nothing is broken yet."""
        found = require_health(self.target)
        return super()._inject(replace(trial, fault=PartKilled(self._part, self._progress.tell, found)))

    def gives_up_at(self, injection: Injection) -> float:
        """Count the timeout from the fault, as the stopwatches do."""
        return injection.began + self.pace.patience_seconds

    # --- the agent as a witness --------------------------------------------------------------------

    def on_injection(self, injection: Injection) -> None:
        """Follow the states of components from now on."""
        self._agent = AgentStates(self.target.here.paths.socket)

    def history(self) -> History:
        """Add when the agent reported that all is well, and tell what it reports."""
        assert self._agent is not None, "nothing was broken yet"
        for line in self._agent.changes():
            self._progress.tell(line)
            self._healthy_at = None
        if self._agent.hurt and self._healthy_at is None and self._agent.well:
            self._healthy_at = time.monotonic()
            self._progress.tell("every component is healthy")
        return replace(self.told_by_tasks(), healthy_at=self._healthy_at)

    def on_look(self, injection: Injection, seconds: Mapping[str, float | None]) -> None:
        """Tell what has come back since the last look."""
        if self._has_stopped(GAP, seconds):
            self._progress.tell("a task that was asked for after the fault has started")
        if self._has_stopped(RERUN, seconds) and seconds[RERUN]:
            self._progress.tell("every task whose attempt died has started again")
        answers = self.load.answers
        if self._answered != (answered := not answers or answers[-1].answered):
            self._answered = answered
            self._progress.tell("the API answers again" if answered else "the API does not answer")

    def _has_stopped(self, name: str, seconds: Mapping[str, float | None]) -> bool:
        if seconds[name] is None or name in self._stopped:
            return False
        self._stopped.add(name)
        return True

    def is_well(self) -> bool:
        """Leave that to the stopwatch of health."""
        return True

    # --- the API as a witness ----------------------------------------------------------------------

    def states(self) -> Mapping[RunKey, str] | None:
        """Ask the API; None while it does not answer."""
        try:
            runs = list(self.target.api.every("dag_runs", "dags", DRILL, "dagRuns"))
        except FleetError:
            return None
        return {RunKey(DRILL, str(run["dag_run_id"])): str(run["state"]) for run in runs}

    def _drain(self) -> None:
        """Wait until all runs have ended, for the timeout in all: a run that ends does not prolong it."""
        deadline = time.monotonic() + self.pace.drain_seconds
        self.load.settle(self.pace.drain_seconds)
        while True:
            self._states = self.states()
            if time.monotonic() > deadline or self._left(self._states) == 0:
                return
            time.sleep(_STATES_SECONDS)

    def final_history(self) -> History:
        """Add what the API said last of runs, and says of tries.

        Without an answer the journals still show whether something was done twice, so no run is taken for asked for.
        """
        told, states = self.told_by_tasks(), self._states
        try:
            if states is not None:
                return replace(told, changes=self._tries(told.notes), states=states)
        except FleetError:
            pass  # it has gone meanwhile
        return replace(told, asked={}, is_known=False)

    def judge(self, history: History) -> tuple[Violation, ...]:
        """Check the invariants that such a short time can show."""
        return invariants.violations(history)

    def _tries(self, notes: tuple[Note, ...]) -> tuple[StateChange, ...]:
        """Ask how many retries each attempt had left, of tasks that were tried more than once."""
        again = sorted({note.task for note in notes if note.try_number > 1})
        return tuple(change for task in again for change in self._tries_of(task))

    def _tries_of(self, task: TaskKey) -> Iterator[StateChange]:
        path = ("dags", task.dag_id, "dagRuns", task.run_id, "taskInstances", task.task_id, "tries")
        try:
            tries = self.target.api.get(*path)["task_instances"]
        except ApiError:  # it has no such run: that is a finding of its own
            return
        for one in tries:
            yield StateChange(task, "", int(one["try_number"]), "running", 0.0, int(one["max_tries"]))


class ProgressLog:
    """Lines with the seconds since the fault, which the first line tells."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._began: float | None = None

    def tell(self, line: str) -> None:
        """Say a line."""
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        self._say(now - self._began, line)


def long_task_runs(notes: Iterable[Note], label: str) -> bool:
    """Tell whether a task that takes some seconds runs, of those that the load of this label asked for."""
    its = [n for n in notes if n.task.run_id.startswith(f"{label}-") and n.task.run_id.endswith(LONG)]
    return sum(n.event == NoteKind.START for n in its) > sum(n.event == NoteKind.END for n in its)
