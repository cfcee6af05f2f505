from __future__ import annotations

import pytest

from airfleet.fleet.config.spec import Host, Worker, local_host
from airfleet.fleet.planning import worker_slots
from airfleet.fleet.planning.worker_slots import FEWEST_SLOTS, TASK_BYTES, USUAL_SLOTS, SlotRule, WorkerSlots

MB, GB = 2**20, 2**30


def host(*workers: Worker) -> Host:
    return local_host(workers=workers)


def chosen(worker: Worker, here: Host, cores: int = 2, memory_bytes: int | None = 64 * GB) -> WorkerSlots:
    return worker_slots.choose(worker, here, cores, memory_bytes)


def test_fleet_yaml_decides_whatever_the_machine_has() -> None:
    worker = Worker(slots=40)
    assert chosen(worker, host(worker), 1, 450 * MB) == WorkerSlots(40, SlotRule.FLEET_FILE)


def test_a_machine_with_memory_has_the_slots_of_airflow_however_few_cores_it_has() -> None:
    assert chosen(Worker(), host(Worker()), cores=1) == WorkerSlots(16, SlotRule.USUAL)


def test_tasks_that_compute_keep_a_core_each_on_a_large_machine() -> None:
    assert chosen(Worker(), host(Worker()), cores=64) == WorkerSlots(64, SlotRule.CORES)


@pytest.mark.parametrize(
    ("memory", "slots", "by"),
    [
        (450 * MB, FEWEST_SLOTS, SlotRule.MEMORY),
        (1 * GB, 4, SlotRule.MEMORY),
        (4 * GB - 2 * TASK_BYTES, 15, SlotRule.MEMORY),
        (4 * GB, 16, SlotRule.USUAL),
        (None, 16, SlotRule.USUAL),
    ],
)
def test_half_of_the_memory_is_for_tasks(memory: int | None, slots: int, by: SlotRule) -> None:
    assert chosen(Worker(), host(Worker()), 2, memory) == WorkerSlots(slots, by)


def test_workers_of_one_host_share_its_memory() -> None:
    light, heavy = Worker("light"), Worker("heavy", count=3)
    assert chosen(light, host(light, heavy), memory_bytes=8 * GB).slots == 8
    assert chosen(light, host(light), memory_bytes=8 * GB).slots == USUAL_SLOTS


def test_the_limit_of_a_worker_bounds_its_slots() -> None:
    worker = Worker(memory_bytes=1 * GB)
    assert chosen(worker, host(worker)) == WorkerSlots(8, SlotRule.MEMORY)
    assert chosen(worker, host(worker), memory_bytes=1 * GB) == WorkerSlots(4, SlotRule.MEMORY)


def test_nothing_is_made_up_about_a_machine_that_is_not_known() -> None:
    assert chosen(Worker(), host(Worker()), 0, None) == WorkerSlots(0, SlotRule.UNKNOWN)


def test_a_host_without_workers_has_a_number_for_one_that_somebody_starts() -> None:
    assert chosen(Worker(), host(), 2, 2 * GB).slots == 8


def test_the_slots_of_all_hosts_and_of_one_queue() -> None:
    hosts = (host(Worker(slots=2, count=2), Worker("heavy", ("reports",), 3)), host(Worker(slots=5)))
    assert worker_slots.on_all(hosts, 2, None) == 12
    assert worker_slots.on_all(hosts, 2, None, queue="reports") == 3
