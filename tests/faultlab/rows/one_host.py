"""Rows of the fault matrix on one host."""

from __future__ import annotations

from airfleet.drill import recovery_times
from airfleet.drill.workload import DEFERRED, ONE, TOLD
from faultlab.faults import component_faults, server_faults
from faultlab.rows.row import Promise, Row, every_scheduler_has_tasks, in_state, runs, some_callbacks, some_run
from faultlab.systems.topology import API_SERVER, SCHEDULER, WORKER, Topology

#: callbacks that run while the dag-processor dies
CALLBACKS = 50
#: tasks that wait in the queue when the broker forgets it
QUEUED = 16

_LONG_TASK = runs(ONE, 1, 20.0)
_LONG_TASKS = runs(ONE, 3, 20.0)
#: what is away for five minutes is away for less
_THROUGH_SECONDS = 345.0

#: what waited while there was no broker comes first, in its order; the second one counts until it is worked off
_AFTER_THE_BROKER = {"first": recovery_times.first_of_waiting, "start": recovery_times.dispatch_of_waiting}

ON_ONE_HOST: tuple[Row, ...] = (
    Row(
        "F1",
        lambda scale: component_faults.Kill(SCHEDULER),
        {"dispatch": recovery_times.dispatch, "watch": recovery_times.watch},
        {"dispatch": Promise(2, 2), "watch": Promise(5, 15)},
        "330 s",
        before=_LONG_TASKS,
        moment=every_scheduler_has_tasks,
        topology=Topology(schedulers=2),
    ),
    Row(
        "F2",
        lambda scale: component_faults.Kill(SCHEDULER),
        {"dispatch": recovery_times.dispatch, "watch": recovery_times.watch},
        {"watch": Promise(20, 20)},
        "boot + 300 s",
        before=_LONG_TASKS,
        moment=every_scheduler_has_tasks,
    ),
    Row(
        "F3",
        lambda scale: server_faults.KillBeforePublishing(),
        {"start": recovery_times.dispatch_of_waiting},
        {"start": Promise(10, 30)},
        "720 s",
        before=runs(ONE, 4, 1.0),
    ),
    Row(
        "F4",
        lambda scale: component_faults.KillMonitor(),
        {"rerun": recovery_times.rerun},
        {"rerun": Promise(5, 5)},
        "failed, or 300 s",
        before=_LONG_TASK,
        moment=some_run,
    ),
    Row(
        "F5",
        lambda scale: component_faults.Kill(WORKER),
        {"rerun": recovery_times.rerun},
        {"rerun": Promise(5, 15)},
        "failed, or 610 s",
        before=_LONG_TASK,
        moment=some_run,
    ),
    Row(
        "F10",
        lambda scale: component_faults.Kill(API_SERVER, alone=False),
        {"answers": recovery_times.answering},
        {"answers": Promise(1, 2)},
        "tasks killed after 16.5 s",
        topology=Topology(proxied=True),
        fleet_only=True,
    ),
    Row(
        "F11",
        lambda scale: server_faults.execution_api_away(300 * scale),
        {"recorded": recovery_times.recorded},
        {"recorded": Promise(10, 10)},
        "every task killed",
        through_seconds=_THROUGH_SECONDS,
        moment=some_run,
        spares_schedulers=True,
    ),
    Row(
        "F12",
        lambda scale: server_faults.execution_api_away(60 * scale),
        {"recorded": recovery_times.recorded},
        {"recorded": Promise(10, 10)},
        "success lost",
        before=runs(ONE, 4, 5.0),
        moment=some_run,
    ),
    Row(
        "F13",
        lambda scale: server_faults.database_away(),
        {"dispatch": recovery_times.dispatch},
        {"dispatch": Promise(5, 5)},
        "17 s, tasks killed after 16.5 s",
    ),
    Row(
        "F14",
        lambda scale: server_faults.database_away(300 * scale),
        {"dispatch": recovery_times.dispatch},
        {"dispatch": Promise(10, 10)},
        "every task killed",
        through_seconds=_THROUGH_SECONDS,
        moment=some_run,
    ),
    Row(
        "F15",
        lambda scale: server_faults.primary_lost(),
        {"since": recovery_times.since},
        {"since": Promise(20, 30)},
        "15 min",
        before=_LONG_TASK,
        moment=some_run,
        topology=Topology(standby=True),
    ),
    Row(
        "F17",
        lambda scale: server_faults.broker_away(60 * scale),
        _AFTER_THE_BROKER,
        {"first": Promise(5, 5)},
        "failed after 1 s",
        spares_schedulers=True,
    ),
    Row(
        "F18",
        lambda scale: server_faults.broker_hangs(60 * scale),
        _AFTER_THE_BROKER,
        {"first": Promise(5, 5)},
        "failed after 4 s",
        spares_schedulers=True,
    ),
    Row(
        "F19",
        lambda scale: server_faults.broker_wiped(),
        {"start": recovery_times.dispatch_of_waiting},
        {"start": Promise(10, 30)},
        "720 s, then failed",
        before=runs(ONE, QUEUED, 1.0),
        moment=in_state("queued", 4),
    ),
    Row(
        "F20",
        lambda scale: server_faults.broker_away(),
        {"dispatch": recovery_times.dispatch},
        {"dispatch": Promise(5, 5)},
        "30 s, or never",
    ),
    Row(
        "F21",
        lambda scale: server_faults.waiting(3600 * scale),
        {"start": recovery_times.dispatch_of_waiting},
        {},
        "failed after 30 min",
        # Every slot is taken for as long as all others have to wait.
        before=runs(ONE, Topology().slots, 3600.0),
        moment=in_state("queued", 1),
    ),
    Row(
        "F22",
        lambda scale: component_faults.Kill("triggerer"),
        {"resumed": recovery_times.resumed},
        {"resumed": Promise(4, 4)},
        "36 s",
        before=runs(DEFERRED, 3, 1.5),
        moment=in_state("deferred", 1),
    ),
    Row(
        "F23",
        lambda scale: component_faults.Kill("dag-processor"),
        {"callbacks": recovery_times.callbacks},
        {"callbacks": Promise(10, 10)},
        "lost",
        before=runs(TOLD, CALLBACKS, 0.0),
        moment=some_callbacks,
    ),
    Row(
        "F24",
        lambda scale: component_faults.Pause(SCHEDULER, 120 * scale),
        {"watch": recovery_times.watch, "gap": recovery_times.gap, "dispatch": recovery_times.dispatch},
        {"watch": Promise(15, 15)},
        "330 s",
        before=_LONG_TASKS,
        moment=every_scheduler_has_tasks,
        topology=Topology(schedulers=2),
    ),
    Row(
        "F25",
        lambda scale: component_faults.Pause(WORKER, 400 * scale),
        {"gap": recovery_times.gap, "rerun": recovery_times.rerun, "dispatch": recovery_times.dispatch},
        {},
        "310 s",
        overlap_seconds=5.0,
    ),
    Row(
        "F26",
        lambda scale: component_faults.KillProxyAndFlower(),
        {"answers": recovery_times.answering},
        {"answers": Promise(2, 2)},
        "for ever",
        topology=Topology(proxied=True),
        fleet_only=True,
    ),
    Row(
        "F27a",
        lambda scale: server_faults.database_disk_full(30.0),
        {"dispatch": recovery_times.dispatch},
        {"dispatch": Promise(10, 10)},
        "undefined",
        before=_LONG_TASK,
        moment=some_run,
        topology=Topology(database_disk_mb=400),
    ),
    Row(
        "F31",
        lambda scale: server_faults.PowerOff(),
        {"dispatch": recovery_times.dispatch},
        {"dispatch": Promise(60, 60)},
        "300–720 s",
        before=_LONG_TASK,
        moment=some_run,
    ),
    Row(
        "F27",
        lambda scale: server_faults.disk_full(30.0),
        {"dispatch": recovery_times.dispatch},
        {"dispatch": Promise(2, 5)},
        "tasks fail",
        topology=Topology(disk_mb=320),
        fleet_only=True,
    ),
)
