"""The fault matrix: which faults, what is measured of each, and what is promised.

The numbers of the rows are those of the list of faults that the project keeps. A *scale* shortens how long things are
away, for a quick look: 1 is the matrix itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from string import ascii_lowercase
from typing import Any, Generic, LiteralString, TypeVar

import psycopg

from airfleet.drill import journal, killing, recovery_times
from airfleet.drill.records import Event
from airfleet.drill.recovery_times import Stopwatch
from airfleet.drill.workload import DEFERRED, ONE, TOLD, Asked
from faultlab import nemesis
from faultlab.experiment import Outcome, Trial
from faultlab.host_faults import (
    AgentKilled,
    ClockSetWrong,
    EachHostAnew,
    HostCutOff,
    HostFarAway,
    HostPowerOff,
    PowerOffHoldingLock,
    of_several_hosts,
)
from faultlab.hosts_system import HostsTarget
from faultlab.nemesis import Choices, Fault
from faultlab.several_hosts import SeveralHosts
from faultlab.systems import API_SERVER, SCHEDULER, WORKER, FleetTarget, Observed, Target, Topology

#: callbacks that run while the dag-processor dies, and how many of them have run when it does
CALLBACKS, CALLBACKS_BEFORE = 50, 5
#: tasks that wait in the queue when the broker forgets it
QUEUED = 16
#: hosts of a fleet of three: the second one has a scheduler and a worker, the last one only a worker
DECIDING, WORKING = "host-2", "host-3"
#: two control hosts, which have the same parts: the one that was there first, and the other one
FIRST, SECOND = "host-1", "host-2"
#: until the power of a host is back
DARK_SECONDS = 45.0

#: what is broken
T = TypeVar("T", bound=Observed)


@dataclass(frozen=True)
class Promise:
    """What is promised, in seconds."""

    p95: float
    most: float


@dataclass(frozen=True)
class Row(Generic[T]):
    """One fault of the matrix."""

    number: str
    #: the fault, when things are away for the given share of their full time
    fault: Callable[[float], Fault[T]]
    watches: Mapping[str, Stopwatch]
    #: by the name of the stopwatch
    promised: Mapping[str, Promise]
    #: the longest that stock Airflow takes by its timers, where it recovers at all
    stock: str
    before: Callable[[str], Sequence[Asked]] = lambda label: ()
    #: instead: the length of two tasks that outlast the fault, when things are away for their full time
    through_seconds: float = 0.0
    moment: Callable[[T, str], bool] = lambda target, label: True
    topology: Topology = field(default_factory=Topology)
    overlap_seconds: float = 0.0
    #: whether no scheduler dies of it, so that none may be given up
    spares_schedulers: bool = False
    #: whether stock Airflow has nothing that it could be done to
    fleet_only: bool = False

    def trial(self, scale: float = 1.0, after_seconds: float = 0.0) -> Trial[T]:
        """The row as a part of an experiment."""
        before = _runs(ONE, 2, self.through_seconds * scale) if self.through_seconds else self.before
        return Trial(self.fault(scale), self.watches, after_seconds, before, self.moment, self.spares_schedulers)


def _some_callbacks(target: Observed, label: str) -> bool:
    notes = journal.read(target.witness_folder)
    told = {n.task for n in notes if n.event == Event.CALLBACK and n.task.run_id.startswith(f"{label}-more-")}
    return len(told) >= CALLBACKS_BEFORE


def _some_run(target: Observed, label: str) -> bool:
    """One of the tasks that were asked for has begun."""
    return any(note.task.run_id.startswith(f"{label}-more-") for note in killing.running(target.witness_folder))


def _in_state(state: str, count: int) -> Callable[[Observed, str], bool]:
    question: LiteralString = "SELECT count(*) FROM task_instance WHERE state = %s"
    return lambda target, label: _counted(target, question, state) >= count


def _counted(target: Observed, question: LiteralString, *values: str) -> int:
    with closing(psycopg.connect(target.database_url, autocommit=True, connect_timeout=5)) as connection:
        row = connection.execute(question, values).fetchone()
    return int(row[0]) if row else 0


def _runs(dag_id: str, count: int, seconds: float) -> Callable[[str], Sequence[Asked]]:
    return lambda label: [Asked(dag_id, f"{label}-more-{one}", {"seconds": seconds}) for one in range(count)]


def _every_scheduler_has_tasks(target: Observed, label: str) -> bool:
    """Whichever is hurt now, some tasks are without the scheduler that looked after them."""
    return _counted(target, _WITHOUT_TASKS) == 0


_WITHOUT_TASKS: LiteralString = """
SELECT count(*) FROM job WHERE job_type = 'SchedulerJob' AND state = 'running' AND NOT EXISTS (
    SELECT 1 FROM task_instance WHERE queued_by_job_id = job.id AND state IN ('queued', 'running'))
"""

_LONG_TASK = _runs(ONE, 1, 20.0)
_LONG_TASKS = _runs(ONE, 3, 20.0)
#: what is away for five minutes is away for less
_THROUGH_SECONDS = 345.0

#: what waited while there was no broker comes first, in its order; the second one counts until it is worked off
_AFTER_THE_BROKER = {"first": recovery_times.first_of_waiting, "start": recovery_times.dispatch_of_waiting}

ON_ONE_HOST: tuple[Row[Target], ...] = (
    Row(
        "F1",
        lambda scale: nemesis.Kill(SCHEDULER),
        {"dispatch": recovery_times.dispatch, "watch": recovery_times.watch},
        {"dispatch": Promise(2, 2), "watch": Promise(5, 15)},
        "330 s",
        before=_LONG_TASKS,
        moment=_every_scheduler_has_tasks,
        topology=Topology(schedulers=2),
    ),
    Row(
        "F2",
        lambda scale: nemesis.Kill(SCHEDULER),
        {"dispatch": recovery_times.dispatch, "watch": recovery_times.watch},
        {"watch": Promise(20, 20)},
        "boot + 300 s",
        before=_LONG_TASKS,
        moment=_every_scheduler_has_tasks,
    ),
    Row(
        "F3",
        lambda scale: nemesis.KillBeforePublishing(),
        {"start": recovery_times.dispatch_of_waiting},
        {"start": Promise(10, 30)},
        "720 s",
        before=_runs(ONE, 4, 1.0),
    ),
    Row(
        "F4",
        lambda scale: nemesis.KillMonitor(),
        {"rerun": recovery_times.rerun},
        {"rerun": Promise(5, 5)},
        "failed, or 300 s",
        before=_LONG_TASK,
        moment=_some_run,
    ),
    Row(
        "F5",
        lambda scale: nemesis.Kill(WORKER),
        {"rerun": recovery_times.rerun},
        {"rerun": Promise(5, 15)},
        "failed, or 610 s",
        before=_LONG_TASK,
        moment=_some_run,
    ),
    Row(
        "F10",
        lambda scale: nemesis.Kill(API_SERVER, alone=False),
        {"answers": recovery_times.answering},
        {"answers": Promise(1, 2)},
        "tasks killed after 16.5 s",
        topology=Topology(proxied=True),
        fleet_only=True,
    ),
    Row(
        "F11",
        lambda scale: nemesis.ExecutionApiAway(300 * scale),
        {"recorded": recovery_times.recorded},
        {"recorded": Promise(10, 10)},
        "every task killed",
        through_seconds=_THROUGH_SECONDS,
        moment=_some_run,
        spares_schedulers=True,
    ),
    Row(
        "F12",
        lambda scale: nemesis.ExecutionApiAway(60 * scale),
        {"recorded": recovery_times.recorded},
        {"recorded": Promise(10, 10)},
        "success lost",
        before=_runs(ONE, 4, 5.0),
        moment=_some_run,
    ),
    Row(
        "F13",
        lambda scale: nemesis.DatabaseAway(),
        {"dispatch": recovery_times.dispatch},
        {"dispatch": Promise(5, 5)},
        "17 s, tasks killed after 16.5 s",
    ),
    Row(
        "F14",
        lambda scale: nemesis.DatabaseAway(300 * scale),
        {"dispatch": recovery_times.dispatch},
        {"dispatch": Promise(10, 10)},
        "every task killed",
        through_seconds=_THROUGH_SECONDS,
        moment=_some_run,
    ),
    Row(
        "F15",
        lambda scale: nemesis.PrimaryLost(),
        {"since": recovery_times.since},
        {"since": Promise(20, 30)},
        "15 min",
        before=_LONG_TASK,
        moment=_some_run,
        topology=Topology(standby=True),
    ),
    Row(
        "F17",
        lambda scale: nemesis.BrokerAway(60 * scale),
        _AFTER_THE_BROKER,
        {"first": Promise(5, 5)},
        "failed after 1 s",
        spares_schedulers=True,
    ),
    Row(
        "F18",
        lambda scale: nemesis.BrokerHangs(60 * scale),
        _AFTER_THE_BROKER,
        {"first": Promise(5, 5)},
        "failed after 4 s",
        spares_schedulers=True,
    ),
    Row(
        "F19",
        lambda scale: nemesis.BrokerWiped(),
        {"start": recovery_times.dispatch_of_waiting},
        {"start": Promise(10, 30)},
        "720 s, then failed",
        before=_runs(ONE, QUEUED, 1.0),
        moment=_in_state("queued", 4),
    ),
    Row(
        "F20",
        lambda scale: nemesis.BrokerAway(),
        {"dispatch": recovery_times.dispatch},
        {"dispatch": Promise(5, 5)},
        "30 s, or never",
    ),
    Row(
        "F21",
        lambda scale: nemesis.Waiting(3600 * scale),
        {"start": recovery_times.dispatch_of_waiting},
        {},
        "failed after 30 min",
        # Every slot is taken for as long as all others have to wait.
        before=_runs(ONE, Topology().slots, 3600.0),
        moment=_in_state("queued", 1),
    ),
    Row(
        "F22",
        lambda scale: nemesis.Kill("triggerer"),
        {"resumed": recovery_times.resumed},
        {"resumed": Promise(4, 4)},
        "36 s",
        before=_runs(DEFERRED, 3, 1.5),
        moment=_in_state("deferred", 1),
    ),
    Row(
        "F23",
        lambda scale: nemesis.Kill("dag-processor"),
        {"callbacks": recovery_times.callbacks},
        {"callbacks": Promise(10, 10)},
        "lost",
        before=_runs(TOLD, CALLBACKS, 0.0),
        moment=_some_callbacks,
    ),
    Row(
        "F24",
        lambda scale: nemesis.Pause(SCHEDULER, 120 * scale),
        {"watch": recovery_times.watch, "gap": recovery_times.gap, "dispatch": recovery_times.dispatch},
        {"watch": Promise(15, 15)},
        "330 s",
        before=_LONG_TASKS,
        moment=_every_scheduler_has_tasks,
        topology=Topology(schedulers=2),
    ),
    Row(
        "F25",
        lambda scale: nemesis.Pause(WORKER, 400 * scale),
        {"gap": recovery_times.gap, "rerun": recovery_times.rerun, "dispatch": recovery_times.dispatch},
        {},
        "310 s",
        overlap_seconds=5.0,
    ),
    Row(
        "F26",
        lambda scale: nemesis.KillWhatStandsInFront(),
        {"answers": recovery_times.answering},
        {"answers": Promise(2, 2)},
        "for ever",
        topology=Topology(proxied=True),
        fleet_only=True,
    ),
    Row(
        "F27a",
        lambda scale: nemesis.DatabaseDiskFull(30.0),
        {"dispatch": recovery_times.dispatch},
        {"dispatch": Promise(10, 10)},
        "undefined",
        before=_LONG_TASK,
        moment=_some_run,
        topology=Topology(database_disk_mb=400),
    ),
    Row(
        "F31",
        lambda scale: nemesis.PowerOff(),
        {"dispatch": recovery_times.dispatch},
        {"dispatch": Promise(60, 60)},
        "300–720 s",
        before=_LONG_TASK,
        moment=_some_run,
    ),
)


ON_A_SMALL_DISK: tuple[Row[FleetTarget], ...] = (
    Row(
        "F27",
        lambda scale: nemesis.DiskFull(30.0),
        {"dispatch": recovery_times.dispatch},
        {"dispatch": Promise(2, 5)},
        "tasks fail",
        topology=Topology(disk_mb=320),
        fleet_only=True,
    ),
)


def _some_run_on(host: str) -> Callable[[SeveralHosts, str], bool]:
    def there(target: SeveralHosts, label: str) -> bool:
        return any(note.task.run_id.startswith(f"{label}-more-") for note in target.running_on(host))

    return there


def _all_parts_on(host: str) -> Callable[[SeveralHosts, str], bool]:
    """Some task runs there, and a deferred one waits in its triggerer."""
    run = _some_run_on(host)
    return lambda target, label: run(target, label) and _counted(target, _TRIGGERS_ON, f"{host}.%") > 0


_TRIGGERS_ON: LiteralString = """
SELECT count(*) FROM trigger JOIN job ON job.id = trigger.triggerer_id
WHERE job.state = 'running' AND job.hostname LIKE %s
"""

_THREE = Topology(slots=6, hosts=3)
_APART = replace(_THREE, networks=True)
#: two whole control hosts and one that works and stands in front, or just the two
_CONTROLLED = replace(_APART, control_hosts=2, proxied=True)
_TWO = Topology(slots=12, hosts=2, networks=True, control_hosts=2)
_ON_EVERY_HOST = _runs(ONE, 8, 30.0)
_WAITING = _runs(DEFERRED, 6, 5.0)

ON_SEVERAL_HOSTS: tuple[Row[SeveralHosts], ...] = (
    Row(
        "F6",
        lambda scale: HostPowerOff(WORKING, DARK_SECONDS),
        {"rerun": recovery_times.rerun},
        {"rerun": Promise(20, 30)},
        "610 s, or failed",
        before=_ON_EVERY_HOST,
        moment=_some_run_on(WORKING),
        topology=_THREE,
    ),
    Row(
        "F7",
        lambda scale: HostPowerOff(DECIDING, DARK_SECONDS),
        {"rerun": recovery_times.rerun, "watch": recovery_times.watch},
        {"rerun": Promise(25, 40)},
        "640 s",
        before=_ON_EVERY_HOST,
        moment=_some_run_on(DECIDING),
        topology=_THREE,
    ),
    Row(
        "F8",
        lambda scale: HostCutOff(WORKING, max(DARK_SECONDS, 120 * scale)),
        {"fenced": recovery_times.fenced, "rerun": recovery_times.rerun},
        {"fenced": Promise(15, 15), "rerun": Promise(30, 30)},
        "600 s",
        before=_ON_EVERY_HOST,
        moment=_some_run_on(WORKING),
        topology=_APART,
    ),
    Row(
        "F9",
        lambda scale: HostCutOff(WORKING, 120 * scale, replaced=False),
        {"recorded": recovery_times.recorded},
        {"recorded": Promise(10, 10)},
        "tasks killed within 117 s",
        before=_ON_EVERY_HOST,
        moment=_some_run_on(WORKING),
        topology=replace(_APART, on_partition="keep"),
    ),
    Row(
        "F16",
        lambda scale: PowerOffHoldingLock(DECIDING, DARK_SECONDS),
        {"gap": recovery_times.gap, "rerun": recovery_times.rerun},
        {"gap": Promise(20, 20)},
        "7875 s",
        before=_ON_EVERY_HOST,
        moment=_some_run_on(DECIDING),
        topology=_APART,
    ),
    Row(
        "F28",
        lambda scale: HostFarAway(WORKING, max(30.0, 600.0 * scale)),
        {"gap": recovery_times.gap, "dispatch": recovery_times.dispatch},
        {},
        "tasks may be killed",
        topology=_APART,
        spares_schedulers=True,
    ),
    Row(
        "F29",
        lambda scale: ClockSetWrong(DECIDING, max(20.0, 60.0 * scale)),
        {"gap": recovery_times.gap, "dispatch": recovery_times.dispatch},
        {},
        "scheduler held to be dead",
        topology=replace(_THREE, clocks=True),
        spares_schedulers=True,
    ),
    Row(
        "F30",
        lambda scale: EachHostAnew(),
        {"gap": recovery_times.gap, "dispatch": recovery_times.dispatch},
        {},
        "tasks killed",
        topology=_THREE,
    ),
)


def _control_host_lost(number: str, host: str) -> Row[SeveralHosts]:
    return Row(
        number,
        lambda scale: HostPowerOff(host, DARK_SECONDS),
        {
            "rerun": recovery_times.rerun,
            "watch": recovery_times.watch,
            "gap": recovery_times.gap,
            "resumed": recovery_times.resumed,
            "answers": recovery_times.answering,
            "dispatch": recovery_times.dispatch,
        },
        {"rerun": Promise(25, 40)},
        "640 s",
        before=lambda label: (*_ON_EVERY_HOST(label), *_WAITING(label)),
        moment=_all_parts_on(host),
        topology=_CONTROLLED,
        fleet_only=True,
    )


WITH_CONTROL_HOSTS: tuple[Row[SeveralHosts], ...] = (
    _control_host_lost("F7a", SECOND),
    _control_host_lost("F7b", FIRST),
    Row(
        "F8a",
        lambda scale: HostCutOff(SECOND, max(DARK_SECONDS, 120 * scale)),
        {"fenced": recovery_times.fenced, "rerun": recovery_times.rerun},
        {"fenced": Promise(15, 15), "rerun": Promise(30, 30)},
        "600 s",
        before=_ON_EVERY_HOST,
        moment=_some_run_on(SECOND),
        topology=_TWO,
        fleet_only=True,
    ),
)


WITH_AGENTS: tuple[Row[HostsTarget], ...] = (
    Row(
        "F26a",
        lambda scale: AgentKilled(DECIDING),
        {"gap": recovery_times.gap, "dispatch": recovery_times.dispatch},
        {},
        "no supervisor",
        before=_ON_EVERY_HOST,
        moment=_some_run_on(DECIDING),
        topology=_THREE,
        fleet_only=True,
    ),
)


def _number(row: Row[Any]) -> tuple[int, str]:
    """Of F26a what comes after F26."""
    digits = row.number.removeprefix("F").rstrip(ascii_lowercase)
    return int(digits), row.number


_UNSORTED: tuple[Row[Any], ...] = (*ON_ONE_HOST, *ON_A_SMALL_DISK, *ON_SEVERAL_HOSTS, *WITH_CONTROL_HOSTS, *WITH_AGENTS)
ROWS: tuple[Row[Any], ...] = tuple(sorted(_UNSORTED, key=_number))
BY_NUMBER: Mapping[str, Row[Any]] = {row.number: row for row in ROWS}


#: seconds that a stopwatch may take of which the matrix promises nothing
UNPROMISED_SECONDS = 10.0


def late(numbers: Sequence[str], outcome: Outcome, factor: float) -> tuple[str, ...]:
    """Say what took longer than ``factor`` times the most that is promised, or for ever; the rows as they were done."""
    return tuple(
        f"{number} {watch}: {seconds}"
        for number, recovery in zip(numbers, outcome.recoveries, strict=True)
        for watch, seconds in recovery.seconds.items()
        if seconds is None or seconds > _most(number, watch) * factor
    )


def _most(number: str, watch: str) -> float:
    promise = BY_NUMBER[number].promised.get(watch)
    return promise.most if promise else UNPROMISED_SECONDS


@dataclass(frozen=True)
class RandomNemesis(Generic[T]):
    """How random faults are drawn; not a row of its own, as each seed has others."""

    #: what they are drawn from
    choices: Choices[T]
    topology: Topology = field(default_factory=Topology)
    faults: int = 6
    quiet_seconds: tuple[float, float] = (3.0, 10.0)
    longest_seconds: float = 20.0
    watches: Mapping[str, Stopwatch] = field(default_factory=lambda: {"dispatch": recovery_times.dispatch})

    def trials(self, seed: int) -> tuple[Trial[T], ...]:
        """Always the same ones from the same seed."""
        drawn = nemesis.schedule(self.choices, seed, self.faults, self.quiet_seconds, self.longest_seconds)
        return tuple(Trial(step.fault, self.watches, step.after_seconds) for step in drawn)


#: the parts of one host, and whole hosts of three
RANDOM, RANDOM_HOSTS = "F32", "F32a"
NEMESES: Mapping[str, RandomNemesis[Any]] = {
    RANDOM: RandomNemesis(nemesis.of_one_host),
    RANDOM_HOSTS: RandomNemesis(partial(of_several_hosts, DECIDING, WORKING, DARK_SECONDS), _APART),
}
