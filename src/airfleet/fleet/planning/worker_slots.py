"""The number of slots of a worker: that of fleet.yaml, or Airflow's 16, as far as the memory of its host allows.

An idle slot costs nothing (:mod:`airfleet.worker.slot_pool`), so more slots than cores cost a host nothing until tasks
run side by side. Tasks that wait need no core; memory they need all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from airfleet.fleet.config.spec import Host, Worker

#: as many as Airflow has
USUAL_SLOTS: Final = 16
#: memory for each task: its process, its monitor, and libraries and data of an ordinary size
TASK_BYTES: Final = 128 * 2**20
#: the part of a machine's memory that is for tasks
TASKS_SHARE: Final = 0.5
#: as many on the smallest machine, so that a task that waits does not hold up all others
FEWEST_SLOTS: Final = 2


class SlotRule(StrEnum):
    """The reason for a number of slots."""

    FLEET_FILE = "fleet.yaml"
    USUAL = "default"
    CORES = "cores"
    MEMORY = "memory"
    #: the machine is not known here
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class WorkerSlots:
    """The slots of each worker of one kind; 0 where the machine is not known."""

    slots: int
    by: SlotRule


def choose(worker: Worker, host: Host, cores: int, memory_bytes: int | None) -> WorkerSlots:
    """Choose the slots of each worker of this kind on a host with so many cores and bytes of memory.

    ``cores`` is 0, and ``memory_bytes`` None, where they are not known.

    >>> from airfleet.fleet.config.spec import local_host
    >>> def on(gigabytes, cores=2, *workers):
    ...     here = local_host(workers=workers or (Worker(),))
    ...     return [str(choose(worker, here, cores, int(gigabytes * 2**30)).slots) for worker in here.workers]
    >>> on(0.45), on(1), on(2), on(8), on(64, 32)
    (['2'], ['4'], ['8'], ['16'], ['32'])
    >>> on(4, 2, Worker("light"), Worker("heavy", slots=2, memory_bytes=2**30))
    ['8', '2']
    """
    if worker.slots is not None:
        return WorkerSlots(worker.slots, SlotRule.FLEET_FILE)
    if not cores:
        return WorkerSlots(0, SlotRule.UNKNOWN)
    wanted = max(USUAL_SLOTS, cores)
    room = _room(worker, host, memory_bytes)
    if room is not None and room < wanted:
        return WorkerSlots(room, SlotRule.MEMORY)
    return WorkerSlots(wanted, SlotRule.USUAL if wanted == USUAL_SLOTS else SlotRule.CORES)


def on_all(hosts: Iterable[Host], cores: int, memory_bytes: int | None, queue: str | None = None) -> int:
    """Count the slots of all workers on these hosts, were they all like this machine; with ``queue``, those of it."""
    return sum(
        choose(worker, host, cores, memory_bytes).slots * worker.count
        for host in hosts
        for worker in host.workers
        if queue is None or queue in worker.queues
    )


def _room(worker: Worker, host: Host, memory_bytes: int | None) -> int | None:
    """Return how many tasks of this worker have room in its share of the memory; None where that is not known."""
    workers = sum(one.count for one in host.workers) or 1
    shares = [] if memory_bytes is None else [memory_bytes * TASKS_SHARE / workers]
    limits = [] if worker.memory_bytes is None else [worker.memory_bytes]
    share = min((*shares, *limits), default=None)
    return None if share is None else max(FEWEST_SLOTS, int(share / TASK_BYTES))
