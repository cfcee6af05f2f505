"""Faults of single components, done to processes that stand for hosts."""

from __future__ import annotations

import signal
import time

import pytest

from airfleet.drill import journal
from faultlab.faults import component_faults
from faultlab.systems.topology import SCHEDULER, WORKER
from support.fake_system import FakeSystem
from support.survival import survives


@pytest.mark.parametrize(("component", "suffer"), [(SCHEDULER, {"there"}), (WORKER, {"there", "ended just now"})])
def test_a_component_is_killed_on_one_host_with_what_it_runs_and_no_other_host_suffers(
    system: FakeSystem, component: str, suffer: set[str]
) -> None:
    line = {"event": "end", "task": ["d", "r", "t", -1], "attempt": "ended just now", "try_number": 1}
    more = {"host": "machine", "pid": 0, "at": time.monotonic()}
    journal.append(system.witness_folder / "machine.jsonl", {**line, **more})
    assert component_faults.Kill(component, host="host-2").inflict(system) == suffer
    assert system.done == [f"look for {component} of host-2"]
    assert system.running["host-2"].wait(10) == -signal.SIGKILL
    assert survives(system.running["host-1"].pid)
