"""Break a part of a running fleet on purpose, and watch what becomes of its work.

A pipeline of one task is added, which writes down when it starts and ends; a run of it is asked for twice a second.
Then the part is ended without a warning. Three clocks run: until a task that was asked for afterwards starts (*gap*),
until every task whose attempt died has started again, and until the agent says that everything is well. At the end
every run that was asked for must have ended well, and no attempt may have started twice. The pipeline, its runs and
the folder of the witness are removed, whatever happens; what cannot be is said. What it knows it knows from the agent,
the REST API and that folder; it asks no database. The folder is of this machine, so the tasks have to run here.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from airfleet.agent import control, launch
from airfleet.agent.control import AgentGone, AlreadyRuns, ComponentStatus, Snapshot
from airfleet.agent.states import FINE, LABELS, State
from airfleet.client import agent_client, overrides
from airfleet.client.api_client import Api, ApiError
from airfleet.client.project import Project
from airfleet.drill import dags, invariants, journal, killing, recovery_times
from airfleet.drill.invariants import Violation
from airfleet.drill.load_generator import LoadGenerator
from airfleet.drill.records import History, Injection, Note, NoteKind, RunKey, StateChange, TaskKey
from airfleet.drill.workload import DRILL, LONG, DrillMix, drill_pipeline
from airfleet.errors import FleetError, Unhealthy, WaitTimedOut
from airfleet.system import procfs

#: under load before the fault, so that there is something to compare with
WARM_SECONDS = 5.0
#: and after the recovery
AFTER_SECONDS = 3.0
DISCOVERY_SECONDS = 60.0
_LOOK_SECONDS = 0.1
#: what can be drilled -> the kind of component that is ended for it
KINDS: Mapping[str, str] = {
    "scheduler": "scheduler",
    "worker": "worker",
    "api-server": "api-server",
    "broker": "valkey",
    "database": "postgres",
}
HOST = "host"
PARTS = (*KINDS, HOST)
#: where the pipeline is put, below the folder of pipelines
FILE_NAME = f"{DRILL}.yaml"

Say = Callable[[float, str], None]
#: a sentence, and a hint
Warn = Callable[[str, str], None]


@dataclass(frozen=True)
class DrillVerdict:
    """What came of one drill; times in seconds from the fault, None where it did not happen in time."""

    part: str
    #: until a task that was asked for after the fault started
    gap: float | None
    healthy_after: float | None
    tasks: int
    #: tasks whose attempts died, and were started again
    rerun: int
    #: until the last of them was; 0 where there were none
    rerun_after: float | None
    #: None where nobody could say what became of the runs, as for failed
    lost: int | None
    twice: int
    failed: int | None
    violations: tuple[Violation, ...] = field(default=())

    @property
    def held(self) -> bool:
        """Whether nothing was lost, nothing done twice, nothing blamed on a task."""
        return not self.violations

    @property
    def in_time(self) -> bool:
        """Whether all was well again in time, and what became of the runs is known."""
        return self.known and None not in (self.gap, self.healthy_after, self.rerun_after)

    @property
    def known(self) -> bool:
        """Whether Airflow said what became of the runs."""
        return self.lost is not None


@dataclass(frozen=True)
class DrilledFleet:
    """The fleet that is drilled."""

    here: Project
    #: what its agent was started with
    environ: Mapping[str, str]
    #: the folder of pipelines
    pipelines: Path
    queue: str
    #: tasks of that queue that can run at the same time
    slots: int
    api: Api
    #: names of workers (in fleet.yaml) that take tasks of that queue
    workers: tuple[str, ...] = ()
    #: hosts on other machines that have dag-processors, too; whether these read the same folder is not known
    other_readers: tuple[str, ...] = ()


class Drill:
    """Drills on one fleet: :meth:`prepared` adds the pipeline, :meth:`run` does one drill."""

    def __init__(self, place: DrilledFleet, timeout_seconds: float, say: Say, warn: Warn) -> None:
        self._place = place
        self.timeout_seconds = timeout_seconds
        self._say = say
        self._warn = warn
        self._folder = Path()
        self._fault_at = time.monotonic()

    @contextmanager
    def prepared(self) -> Iterator[None]:
        """The fleet with the pipeline of the drill, which is gone afterwards.

        Raises Unhealthy when the fleet is not well, WaitTimedOut when it does not see the pipeline.
        """
        self._require_health()
        self._folder = Path(tempfile.mkdtemp(prefix="airfleet-drill-"))
        file = self._place.pipelines / FILE_NAME
        try:
            file.write_text(drill_pipeline(self._place.queue))
            self._wait_until_known()
            self._place.api.patch("dags", DRILL, body={"is_paused": False}, update_mask="is_paused")
            yield
        finally:
            try:
                self._take_back(file)
            finally:
                shutil.rmtree(self._folder, ignore_errors=True)

    def run(self, part: str) -> DrillVerdict:
        """Break one part and watch.

        Raises FleetError when the fleet has no such part of its own, Unhealthy when it is not well (any more).
        """
        self._require_health()
        label = f"{part}-{os.getpid()}"
        mix = DrillMix(str(self._folder), self._place.slots)
        load = LoadGenerator(replace(self._place.api, patience_seconds=0.0), mix, label)
        load.start()
        try:
            time.sleep(WARM_SECONDS)
            self._wait_for_a_long_task(label)
            hurt = self._break(part)
            watched = self._watch(load, hurt)
            time.sleep(AFTER_SECONDS)
        finally:
            load.stop()
        states = self._drained(load)
        healthy = watched.healthy_after if watched.healthy_after is not None else self.timeout_seconds
        fault = Injection(part, self._fault_at, self._fault_at + healthy, attempts=hurt)
        self._warn_of_a_dag_taken_away()
        return self._verdict(part, load, states, fault, watched)

    # --- before ------------------------------------------------------------------------------------

    def _require_health(self) -> Snapshot:
        """The fleet now, when it and all its hosts are well: nothing more is broken while something is."""
        snapshot = overrides.running(self._place.here)
        if not agent_client.is_healthy(snapshot):
            raise Unhealthy("the fleet is not healthy; a drill would show nothing", hint="airfleet status")
        return snapshot

    def _wait_until_known(self) -> None:
        deadline = time.monotonic() + DISCOVERY_SECONDS
        while not dags.knows(self._place.api, DRILL):
            if time.monotonic() > deadline:
                others = self._place.other_readers
                hint = _read_alike(others) if others else "airfleet logs dag-processor"
                raise WaitTimedOut(f"the fleet did not see {FILE_NAME} within {DISCOVERY_SECONDS:.0f} s\nhint: {hint}")
            time.sleep(0.2)

    def _wait_for_a_long_task(self, label: str) -> None:
        """So that something is lost when a worker dies; where none starts, that is what the drill will show."""
        deadline = time.monotonic() + WARM_SECONDS
        while not long_task_runs(self._notes(), label) and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)

    # --- the fault ---------------------------------------------------------------------------------

    def _break(self, part: str) -> frozenset[str]:
        """End it, as it is now; the attempts that may suffer."""
        snapshot = self._require_health()
        victim = None if part == HOST else victim_of(part, snapshot, self._place.workers)
        self._fault_at = time.monotonic()
        if victim is None:
            return self._power_off(snapshot)
        assert victim.pid is not None
        if victim.kind == "postgres":  # its children would outlive a SIGKILL, and keep its data to themselves
            self._tell(f"{victim.name} (process {victim.pid}) is ended at once")
            procfs.send(victim.pid, signal.SIGQUIT)
            return frozenset()
        self._tell(f"{victim.name} (process {victim.pid}) is killed")
        return self._kill(victim.pid)

    def _power_off(self, snapshot: Snapshot) -> frozenset[str]:
        self._tell(f"every process of this host is killed, and its agent (process {snapshot.pid}) with them")
        try:
            return self._kill(snapshot.pid, *(one.pid for one in snapshot.components if one.pid))
        finally:  # no Ctrl-C may leave the host down
            self._start_again()

    def _kill(self, *pids: int) -> frozenset[str]:
        try:
            return killing.kill_all(pids, self._folder)
        finally:  # Ctrl-C may come when they are stopped already, and not killed yet
            for pid in pids:
                procfs.send(pid, signal.SIGKILL)

    def _start_again(self) -> None:
        try:
            pid = launch.start(self._place.here.root, environ=self._place.environ)
        except AlreadyRuns:
            self._tell("the agent was started again by its keeper")
        else:
            self._tell(f"the agent is started again (process {pid})")

    # --- watching ----------------------------------------------------------------------------------

    def _watch(self, load: LoadGenerator, hurt: frozenset[str]) -> _Watched:
        """Until all is as before, or time is over."""
        states, seen, answered = _States(self._place.here.paths.socket), _Watched(), True
        deadline = self._fault_at + self.timeout_seconds
        while not seen.over and time.monotonic() < deadline:
            for line in states.changes():
                self._tell(line)
                seen.healthy_after = None
            if states.hurt and seen.healthy_after is None and states.well:
                seen.healthy_after = self._since()
                self._tell("every component is healthy")
            if seen.gap is None and (gap := self._gap(load)) is not None:
                seen.gap = gap
                self._tell("a task that was asked for after the fault has started")
            if seen.rerun_after is None and (again := self._rerun(hurt)) is not None:
                seen.rerun_after = again
                if again:
                    self._tell("every task whose attempt died has started again")
            if answered != (answered := _answers(load)):
                self._tell("the API answers again" if answered else "the API does not answer")
            time.sleep(_LOOK_SECONDS)
        return seen

    def _rerun(self, hurt: frozenset[str]) -> float | None:
        moment = Injection("drill", self._fault_at, self._fault_at, hurt)
        return recovery_times.rerun(History(self._notes(), ()), moment)

    def _gap(self, load: LoadGenerator) -> float | None:
        accepted = load.accepted
        starts = (note for note in self._notes() if note.event == NoteKind.START)
        new = (note.at for note in starts if accepted.get(note.task.run, 0.0) > self._fault_at)
        return min((at - self._fault_at for at in new), default=None)

    def _drained(self, load: LoadGenerator) -> dict[RunKey, str] | None:
        """What became of each run, when all have ended or time is over; None when the API did not say then."""
        deadline = time.monotonic() + self.timeout_seconds
        load.settle(self.timeout_seconds)
        while True:
            states = self._states()
            if time.monotonic() > deadline or _ended(states, load):
                return states
            time.sleep(0.5)

    def _states(self) -> dict[RunKey, str] | None:
        try:
            runs = list(self._place.api.every("dag_runs", "dags", DRILL, "dagRuns"))
        except FleetError:
            return None
        return {RunKey(DRILL, str(run["dag_run_id"])): str(run["state"]) for run in runs}

    def _notes(self) -> tuple[Note, ...]:
        return journal.read(self._folder)

    # --- afterwards --------------------------------------------------------------------------------

    def _verdict(
        self, part: str, load: LoadGenerator, states: dict[RunKey, str] | None, fault: Injection, watched: _Watched
    ) -> DrillVerdict:
        asked = {one.run: one.must_end for one in load.asked}
        notes = tuple(note for note in self._notes() if note.task.run in asked)
        told = self._told(notes, asked, states, fault)
        # Of what Airflow does not say, the witness tells at least whether something was done twice.
        found = invariants.violations(told or History(notes, (), {}, {}, (fault,)))
        by_name = [violation.invariant for violation in found]
        ended = {note.attempt for note in notes if note.event == NoteKind.END}
        return DrillVerdict(
            part=part,
            gap=watched.gap,
            healthy_after=watched.healthy_after,
            tasks=len({note.task for note in notes}),
            rerun=len({n.task for n in notes if n.event == NoteKind.START and n.attempt not in ended}),
            rerun_after=watched.rerun_after,
            lost=by_name.count("I1") if told else None,
            twice=by_name.count("I2") + by_name.count("I3") + by_name.count("I4"),
            failed=sum(told.states.get(run) == "failed" for run in asked) if told else None,
            violations=found,
        )

    def _told(
        self,
        notes: tuple[Note, ...],
        asked: dict[RunKey, frozenset[TaskKey]],
        states: dict[RunKey, str] | None,
        fault: Injection,
    ) -> History | None:
        """The history with what Airflow says; None when it does not answer."""
        try:
            return None if states is None else History(notes, self._tries(notes), asked, states, (fault,))
        except FleetError:
            return None

    def _tries(self, notes: tuple[Note, ...]) -> tuple[StateChange, ...]:
        """How many retries each attempt at a task had left, of tasks that were tried more than once."""
        again = sorted({note.task for note in notes if note.try_number > 1})
        return tuple(change for task in again for change in self._tries_of(task))

    def _tries_of(self, task: TaskKey) -> Iterator[StateChange]:
        path = ("dags", task.dag_id, "dagRuns", task.run_id, "taskInstances", task.task_id, "tries")
        try:
            tries = self._place.api.get(*path)["task_instances"]
        except ApiError:  # it has no such run: that is a finding of its own
            return
        for one in tries:
            yield StateChange(task, "", int(one["try_number"]), "running", 0.0, int(one["max_tries"]))

    def _warn_of_a_dag_taken_away(self) -> None:
        """Say so when another machine's dag-processor did it: what is lost or late then is so because of that.

        Airflow believes whichever dag-processor looked last, and asks each about once a minute.
        """
        others = self._place.other_readers
        if others and self._is_taken_away():
            sentence = f"Dag '{DRILL}' was taken away during the drill, so the verdict says little about the fault"
            self._warn(sentence, _read_alike(others))

    def _is_taken_away(self) -> bool:
        """Whether Airflow holds that no file has the Dag; not when it does not answer."""
        try:
            return bool(self._place.api.get("dags", DRILL)["is_stale"])
        except FleetError:
            return False

    def _take_back(self, file: Path) -> None:
        """Remove the pipeline and its runs; what is left is said, and takes nothing from the verdict."""
        try:
            file.unlink(missing_ok=True)
            self._forget()
        except (FleetError, OSError) as why:
            left = [f"Dag '{DRILL}' with its runs", *([str(file)] if file.exists() else [])]
            sentence = why.sentence if isinstance(why, FleetError) else str(why)
            hint = "the next drill takes it back, or whoever deletes the Dag in the UI"
            self._warn(f"the drill has left {' and '.join(left)}: {sentence}", hint)

    def _forget(self) -> None:
        """Have Airflow forget the Dag and its runs; it refuses as long as one of its tasks runs."""
        deadline = time.monotonic() + self.timeout_seconds
        while True:
            try:
                self._place.api.delete("dags", DRILL)
            except ApiError as refused:
                if refused.status == 404:
                    return
                if refused.status != 409 or time.monotonic() > deadline:
                    raise
            else:
                return
            time.sleep(0.5)

    def _tell(self, line: str) -> None:
        self._say(self._since(), line)

    def _since(self) -> float:
        return time.monotonic() - self._fault_at


def _read_alike(others: Sequence[str]) -> str:
    """What has to be so where dag-processors of other machines read pipelines, too."""
    whose = f"host{'s' if len(others) > 1 else ''} {' and '.join(others)}"
    return (
        f"the dag-processors of {whose} have to read the same folder of pipelines, on a disk that is shared: one that "
        f"does not see {FILE_NAME} takes its Dag away again"
    )


def long_task_runs(notes: Iterable[Note], label: str) -> bool:
    """Whether a task that takes some seconds runs, of those that the load of this label asked for."""
    its = [n for n in notes if n.task.run_id.startswith(f"{label}-") and n.task.run_id.endswith(LONG)]
    return sum(n.event == NoteKind.START for n in its) > sum(n.event == NoteKind.END for n in its)


def _ended(states: Mapping[RunKey, str] | None, load: LoadGenerator) -> bool:
    return states is not None and all(states.get(one.run) in ("success", "failed") for one in load.asked)


def victim_of(part: str, snapshot: Snapshot, workers: Collection[str] = ()) -> ComponentStatus:
    """The component that is ended for a drill of ``part``: of several workers one of these, if one of them runs here.

    Raises FleetError when this host runs none.
    """
    running = [one for one in snapshot.components if one.kind == KINDS[part] and one.pid is not None]
    if not running:
        raise FleetError(
            f"no {part} of fleet '{snapshot.fleet}' runs on this host",
            hint=f"what somebody else runs is for them to break; drill another part: {', '.join(available(snapshot))}",
        )
    return next((one for one in running if one.group in workers), running[0])


def available(snapshot: Snapshot) -> tuple[str, ...]:
    """The parts that can be drilled here."""
    kinds = {one.kind for one in snapshot.components if one.pid is not None}
    return (*(part for part, kind in KINDS.items() if kind in kinds), HOST)


@dataclass
class _Watched:
    """What was seen so far; seconds from the fault."""

    gap: float | None = None
    healthy_after: float | None = None
    rerun_after: float | None = None

    @property
    def over(self) -> bool:
        """Whether all is as before."""
        return None not in (self.gap, self.healthy_after, self.rerun_after)


class _States:
    """What the agent says of its components, as it changes; a thread follows it, also over its own death."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._latest: Snapshot | None = None
        self._told: dict[str, State] = {}
        #: whether anything was seen to be ill
        self.hurt = False
        self._lock = threading.Lock()
        self._lines: list[str] = []
        threading.Thread(target=self._follow, name="states", daemon=True).start()

    @property
    def well(self) -> bool:
        """Whether all is well now."""
        with self._lock:
            return self._latest is not None and agent_client.is_healthy(self._latest)

    def changes(self) -> list[str]:
        """What is new, as sentences."""
        with self._lock:
            lines, self._lines = self._lines, []
        return lines

    def _follow(self) -> None:
        while True:
            try:
                for snapshot in control.watch(self._socket):
                    self._see(snapshot)
            except (AgentGone, OSError):
                pass
            with self._lock:
                self._latest, self.hurt = None, True
            time.sleep(_LOOK_SECONDS)

    def _see(self, snapshot: Snapshot) -> None:
        with self._lock:
            self._latest = snapshot
            for one in snapshot.components:
                self.hurt = self.hurt or one.state not in FINE
                if one.state != State.WAITING and self._told.get(one.name, one.state) != one.state:
                    why = f": {one.reason}" if one.reason and one.state not in FINE else ""
                    self._lines.append(f"{one.name} is {LABELS[one.state]}{why}")
                self._told[one.name] = one.state


def _answers(load: LoadGenerator) -> bool:
    answers = load.answers
    return not answers or answers[-1].answered
