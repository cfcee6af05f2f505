"""The slots of a worker: processes that are forked when there is a message for them and no other is free. [A]

Celery forks every process of a worker at its start, and each costs memory while it waits (reference:
celery/concurrency/asynpool.py). Here a worker begins with none::

    message ──a slot is idle──────────> it takes it
            ──else, and fewer live────> one is forked, and takes it when it is up
            ──else────────────────────> it waits for the next that becomes idle

How many idle ones stay is said by :mod:`airfleet.worker.slot_demand`; the others get SIGTERM. One that was told to end
counts as busy until it is gone, so it is given no message meanwhile. Everything else (prefetch, semaphore, a full
worker) counts slots, not processes.

A slot that is forked late inherits connections of the worker's leader. It replaces them by ``/dev/null``: a monitor
outlives its leader, and the broker must see the end of a dead leader's connection. The numbers stay taken, for objects
of the leader that the slot inherits close theirs some day.

A fork that fails (no memory, too many processes) loses nothing: the message waits for a slot that becomes idle, or for
the next look, some seconds later.
"""

from __future__ import annotations

import gc
import os
import stat
import time
from collections.abc import Callable, Collection
from typing import Any

from celery.concurrency import asynpool, prefork
from celery.utils.log import get_logger
from setproctitle import setproctitle

from airfleet.task_process.children import Descriptor, open_descriptors
from airfleet.worker.slot_demand import SlotDemand

#: the title of a slot that runs nothing: the one that names an attempt says that it is being looked after
IDLE_TITLE = "airfleet slot"

#: from the end of a process, which closes its pipes, until it can surely be reaped
REAP_SECONDS = 0.05

log = get_logger(__name__)


class SlotProcess(asynpool.Worker):  # type: ignore[misc]
    """The code of a slot: made by the leader, run in the slot."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._leader = os.getpid()
        #: descriptors that a slot may have too; the pool says which
        self.inherited: Collection[Descriptor] = ()

    def after_fork(self) -> None:
        """Become a slot: without the leader's connections, and only while the leader lives."""
        gc.freeze()  # a collection would copy pages of the leader
        replace_connections(self.inherited)
        super().after_fork()
        if os.getppid() != self._leader:  # it died before this process had asked for a signal then
            os._exit(1)
        setproctitle(IDLE_TITLE)


def replace_connections(inherited: Collection[Descriptor]) -> None:
    """Replace every connection of this process by ``/dev/null``, but for ``inherited`` ones; pipes stay."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number, *_ in open_descriptors() - set(inherited):
        if number != nothing and stat.S_IFMT(os.fstat(number).st_mode) in (stat.S_IFSOCK, 0):  # 0 is a poller
            os.dup2(nothing, number, inheritable=False)
    os.close(nothing)


class SlotPool(asynpool.AsynPool):  # type: ignore[misc]
    """Celery's pool of processes, with as many as are needed, and no more than ``processes``."""

    Worker = SlotProcess

    def __init__(self, processes: int, *args: Any, clock: Callable[[], float] = time.monotonic, **options: Any) -> None:
        self._clock = clock
        self._demand = SlotDemand()
        #: told to end, and perhaps not gone yet
        self._ending: set[Any] = set()
        self._inherited = open_descriptors()
        super().__init__(0, *args, **options)
        self._processes = processes
        self.on_grow(processes)

    def WorkerProcess(self, worker: SlotProcess) -> Any:
        """Make the process of a slot."""
        worker.inherited = self._inherited
        return super().WorkerProcess(worker)

    def apply_async(self, *args: Any, **options: Any) -> Any:
        """Have a slot run a message; fork one where none is idle."""
        result = super().apply_async(*args, **options)
        self._demand.note(len(self._cache), self._clock())
        self._fork_missing()
        return result

    def _event_process_exit(self, hub: Any, slot: Any) -> None:
        super()._event_process_exit(hub, slot)
        if slot in self._pool:  # it cannot be reaped yet, and Celery would look again after seconds
            hub.call_later(REAP_SECONDS, self.maintain_pool)

    def _maintain_pool(self) -> None:
        """Reap slots that have ended, fork those that are missing, and end those that nobody needs."""
        super()._maintain_pool()
        self._end_unneeded()

    def _repopulate_pool(self, exitcodes: Collection[int]) -> None:
        told = {slot for slot in self._ending if slot not in self._pool}
        self._ending -= told
        crashes = sum(code != os.EX_OK for code in exitcodes) - len(told)
        for _ in range(crashes):
            self.restart_state.step()
        self._fork_missing()

    def _fork_missing(self) -> None:
        """Fork a slot for each message that no idle or starting one can take, as far as there may be more."""
        starting = sum(not self._is_up(slot) for slot in self._pool)
        waiting = len(self.outbound_buffer) - starting - len(self._idle())
        for _ in range(min(waiting, self._processes - len(self._pool))):
            if self._state != prefork.RUN or not self._forked():
                return

    def _forked(self) -> bool:
        """Fork a slot; return False, and say why, when the machine refuses."""
        before = len(self._pool)
        try:
            self._create_worker_process(self._avail_index())
        except OSError as refused:
            for unborn in self._pool[before:]:
                self._pool.remove(unborn)
                self._process_cleanup_queues(unborn)
            log.warning("No slot can be forked now, so messages wait: %s", refused)
            return False
        return True

    def _end_unneeded(self) -> None:
        now = self._clock()
        self._demand.note(len(self._cache), now)
        surplus = len(self._pool) - len(self._ending) - self._demand.wanted(now)
        for slot in self._idle()[: max(0, surplus)]:
            self._busy_workers.add(slot.inqW_fd)  # so that it is given nothing any more
            self._ending.add(slot)
            slot.terminate_controlled()

    def _idle(self) -> list[Any]:
        """Return the slots that wait for a message."""
        return [slot for slot in self._pool if self._is_up(slot) and slot.inqW_fd not in self._busy_workers]

    def _is_up(self, slot: Any) -> bool:
        """Tell whether a slot has said that it takes messages."""
        return self._fileno_to_inq.get(slot.inqW_fd) is slot


class TaskPool(prefork.TaskPool):  # type: ignore[misc]
    """Celery's pool of a worker, with :class:`SlotPool`."""

    Pool = SlotPool
