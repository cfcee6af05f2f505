"""Faults of whole hosts, done to processes that stand for hosts."""

from __future__ import annotations

import pytest

from airfleet.system import procfs
from faultlab.faults import fault, host_faults
from support.fake_system import FakeSystem, sleeper
from support.survival import survives


def test_a_host_without_power_tells_nobody_and_nothing_begins_while_it_is_asked_what_runs(system: FakeSystem) -> None:
    fault = host_faults.HostPowerOff("host-2", 45)
    assert fault.inflict(system) == {"there"}
    fault.heal(system)
    assert system.done == ["host-2 vanishes", "power off host-2, stopped", "mend host-2", "start host-2"]


def test_processes_are_stopped_while_something_is_so_and_go_on_when_it_was_too_late() -> None:
    with sleeper() as process:
        answers = iter([False, True, False, True, True])
        went_on: list[bool] = []

        def holds() -> bool:
            went_on.append(procfs.goes_on(process.pid))
            return next(answers)

        host_faults.stop_while(holds, [process.pid])
        assert went_on == [True, True, False, True, False]
        assert not procfs.goes_on(process.pid)


@pytest.mark.parametrize(("replaced", "suffer"), [(True, {"there"}), (False, set())])
def test_a_host_that_is_cut_off_lives_and_its_attempts_suffer_if_they_are_to_be_replaced(
    system: FakeSystem, replaced: bool, suffer: set[str]
) -> None:
    fault = host_faults.HostCutOff("host-2", 120, replaced)
    assert fault.inflict(system) == suffer
    fault.heal(system)
    assert system.done == ["cut host-2", "mend host-2"]
    assert survives(system.running["host-2"].pid)


def test_hosts_are_started_anew_one_by_one_and_the_first_one_comes_last(system: FakeSystem) -> None:
    assert host_faults.EachHostAnew().inflict(system) == fault.NOBODY
    of_each = [[f"stop {host}", f"start {host}", "is it well?"] for host in ("host-2", "host-1")]
    assert system.done == of_each[0] + of_each[1]
