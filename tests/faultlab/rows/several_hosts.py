"""Rows of the fault matrix on several hosts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import LiteralString

from airfleet.drill import recovery_times
from airfleet.drill.workload import DEFERRED, ONE
from faultlab.faults.host_faults import (
    AgentKilled,
    ClockSetWrong,
    EachHostAnew,
    HostCutOff,
    HostFarAway,
    HostPowerOff,
    PowerOffHoldingLock,
)
from faultlab.rows.row import Promise, Row, counted, runs
from faultlab.systems.system import System
from faultlab.systems.topology import Topology

#: hosts of a fleet of three: the second one has a scheduler and a worker, the last one only a worker
DECIDING, WORKING = "host-2", "host-3"
#: two control hosts, which have the same parts: the one that was there first, and the other one
FIRST, SECOND = "host-1", "host-2"
#: until the power of a host is back
DARK_SECONDS = 45.0


def _some_run_on(host: str) -> Callable[[System, str], bool]:
    def there(system: System, label: str) -> bool:
        return any(note.task.run_id.startswith(f"{label}-more-") for note in system.running_on(host))

    return there


def _all_parts_on(host: str) -> Callable[[System, str], bool]:
    """Tell whether a task runs there, and a deferred one waits in its triggerer."""
    run = _some_run_on(host)
    return lambda system, label: run(system, label) and counted(system, _TRIGGERS_ON, f"{host}.%") > 0


_TRIGGERS_ON: LiteralString = """
SELECT count(*) FROM trigger JOIN job ON job.id = trigger.triggerer_id
WHERE job.state = 'running' AND job.hostname LIKE %s
"""

_THREE = Topology(slots=6, hosts=3)
APART = replace(_THREE, networks=True)
#: two whole control hosts and one that works and stands in front, or just the two
_CONTROLLED = replace(APART, control_hosts=2, proxied=True)
_TWO = Topology(slots=12, hosts=2, networks=True, control_hosts=2)
_ON_EVERY_HOST = runs(ONE, 8, 30.0)
_WAITING = runs(DEFERRED, 6, 5.0)


def _control_host_lost(number: str, host: str) -> Row:
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


ON_SEVERAL_HOSTS: tuple[Row, ...] = (
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
        topology=APART,
    ),
    Row(
        "F9",
        lambda scale: HostCutOff(WORKING, 120 * scale, replaced=False),
        {"recorded": recovery_times.recorded},
        {"recorded": Promise(10, 10)},
        "tasks killed within 117 s",
        before=_ON_EVERY_HOST,
        moment=_some_run_on(WORKING),
        topology=replace(APART, on_partition="keep"),
    ),
    Row(
        "F16",
        lambda scale: PowerOffHoldingLock(DECIDING, DARK_SECONDS),
        {"gap": recovery_times.gap, "rerun": recovery_times.rerun},
        {"gap": Promise(20, 20)},
        "7875 s",
        before=_ON_EVERY_HOST,
        moment=_some_run_on(DECIDING),
        topology=APART,
    ),
    Row(
        "F28",
        lambda scale: HostFarAway(WORKING, max(30.0, 600.0 * scale)),
        {"gap": recovery_times.gap, "dispatch": recovery_times.dispatch},
        {},
        "tasks may be killed",
        topology=APART,
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
