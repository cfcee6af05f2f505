"""What airfleet.worker.slot_pool relies on in Celery's and billiard's pool of processes."""

from __future__ import annotations

import inspect
import os
import stat

from airflow.sdk.api.client import Client
from billiard import pool
from billiard.popen_fork import Popen
from billiard.queues import _SimpleQueue
from celery.concurrency import prefork
from celery.concurrency.asynpool import AsynPool
from celery.worker import components
from celery.worker.consumer import Tasks

from airfleet.worker.api_client import FleetClient
from airfleet.worker.slot_pool import SlotPool, SlotProcess, TaskPool


def source(thing: object) -> str:
    return inspect.getsource(thing)  # type: ignore[arg-type]


def test_celery_makes_its_pool_of_the_class_that_a_task_pool_names() -> None:
    assert "else self.Pool)" in source(prefork.TaskPool.on_start)
    assert "processes=self.limit" in source(prefork.TaskPool.on_start)
    assert (prefork.TaskPool.Pool, TaskPool.Pool) == (AsynPool, SlotPool)
    assert AsynPool.Worker in SlotProcess.__mro__
    assert "**self.options" in source(prefork.TaskPool.on_start)
    assert "threads=threaded" in source(components.Pool.create)


def test_prefetch_and_a_full_worker_go_by_the_number_of_slots() -> None:
    assert "return self._pool._processes" in source(prefork.TaskPool.num_processes.fget)  # type: ignore[attr-defined]
    assert "c.pool.num_processes" in source(Tasks.start)
    assert "w.concurrency * w.prefetch_multiplier" in source(components.Consumer.create)


def test_a_pool_forks_as_many_processes_at_its_start_as_it_is_told_and_grows_by_queues() -> None:
    assert "for i in range(self._processes):\n            self._create_worker_process(i)" in source(pool.Pool.__init__)
    assert "self.max_restarts = max_restarts or" in source(pool.Pool.__init__)
    assert "diff = max(self._processes - len(self._queues), 0)" in source(AsynPool.on_grow)


def test_a_pool_is_maintained_by_reaping_then_repopulating() -> None:
    maintain = source(pool.Pool._maintain_pool)
    assert maintain.index("self._join_exited_workers()") < maintain.index("self._repopulate_pool(joined)")
    assert "self._maintain_pool()" in source(pool.Pool.maintain_pool)
    assert "self.maintain_pool: 5.0" in source(AsynPool.timers.fget)  # type: ignore[attr-defined]
    assert "self.maintain_pool()" in source(AsynPool._event_process_exit)
    assert "self._event_process_exit, hub, proc" in source(AsynPool._track_child_process)


def test_a_process_that_could_not_be_forked_is_in_the_lists_already() -> None:
    create = source(pool.Pool._create_worker_process)
    assert create.index("self._pool.append(w)") < create.index("w.start()")
    assert create.index("self._process_register_queues(") < create.index("w.start()")
    assert "self._queues[self._find_worker_queues(proc)] = None" in source(AsynPool._process_cleanup_queues)


def test_a_message_waits_in_a_buffer_until_a_process_that_is_up_and_not_busy_reads() -> None:
    handlers = source(AsynPool._create_write_handlers)
    assert "self._quick_put = send_job" in handlers
    assert "self._quick_put((TASK," in source(pool.Pool.apply_async)
    assert "put_message = outbound.append" in handlers
    assert "if is_fair_strategy and ready_fd in busy_workers:" in handlers
    assert "mark_worker_as_busy(ready_fd)" in handlers
    assert "self._fileno_to_inq[proc.inqW_fd] = proc" in source(AsynPool.on_process_alive)


def test_a_process_that_was_told_to_end_is_no_crash_in_the_log() -> None:
    assert "getattr(worker, '_controlled_termination', False)" in source(pool.Pool._join_exited_workers)


def test_a_slot_dies_with_its_leader_and_becomes_itself_in_after_fork() -> None:
    assert "platforms.set_pdeathsig('SIGKILL')" in source(prefork.process_initializer)
    assert "self.initializer(*self.initargs)" in source(pool.Worker.after_fork)
    call = source(pool.Worker.__call__)
    assert call.index("self.after_fork()") < call.index("self.on_loop_start(pid=pid)")


def test_everything_between_a_slot_and_its_leader_is_a_pipe() -> None:
    queue = _SimpleQueue()
    ends = (queue._reader.fileno(), queue._writer.fileno())
    assert all(stat.S_ISFIFO(os.fstat(end).st_mode) for end in ends)
    assert "parent_r, child_w = os.pipe()" in source(Popen._launch)


def test_a_slow_start_of_a_slot_is_borne() -> None:
    assert "self.app.conf.worker_proc_alive_timeout" in source(prefork.TaskPool.on_start)


def test_clients_of_both_classes_have_one_context_of_certificates() -> None:
    assert "type(self)._get_ssl_context_cached(" in source(Client.__init__)
    assert FleetClient._get_ssl_context_cached(None, None) is Client._get_ssl_context_cached(None, None)
