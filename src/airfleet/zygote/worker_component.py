"""The worker, and the pool that it forks before it knows any secret. [A]"""

from __future__ import annotations

import gc
import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from airfleet.spool import job_marks
from airfleet.system import host_name
from airfleet.zygote.component_settings import Options

#: seconds between two events by which monitors like Flower know that a worker lives
HEARTBEAT_SECONDS = 20


def start_pool(settings: int) -> None:
    """Fork the pool that loads Dags and forks attempts.

    ``settings`` is the descriptor of the worker's secrets, which is closed in the pool.
    """
    from setproctitle import setproctitle

    from airfleet.releases.environments import layout
    from airfleet.task_process import dag_loader, ipc, main, pool, task_user
    from airfleet.worker import pool_client

    @lru_cache(maxsize=1024)
    def python(file: ipc.DagFile) -> str | None:
        """Give the interpreter of a file of a release; a file without a version is of no release."""
        if file.version is None:
            return None
        try:
            environment = layout.environment_of(dag_loader.path_of(file))
        except ValueError:  # no such bundle here, which the attempt itself reports
            return None
        return None if environment is None else os.fspath(layout.python(environment))

    name = os.environ["AIRFLEET_COMPONENT"]
    user = task_user.named(os.environ)
    pool_client.use(
        pool.start(
            main.work(python),
            lambda title: setproctitle(f"airfleet {name} -- {title}"),
            pool.limits(os.environ),
            withheld=(settings,),
            settle=(lambda: task_user.become(user)) if user else None,
        ),
        python,
    )


def worker(options: Options) -> None:
    """Run ``airflow celery worker --skip-serve-logs``, without a database, and tell when it is ready."""
    from airflow.sdk.log import configure_logging

    from airfleet.worker import consumer

    beat = Beat(Path(options["beat"]))
    _connect_ready(beat)
    consumer.beat_with(beat)
    configure_logging(output=sys.stdout.buffer, json_output=False)
    celery_worker = _celery_worker(options)
    celery_worker.start()
    sys.exit(celery_worker.exitcode)


def _connect_ready(beat: Beat) -> None:
    from airflow.providers.celery.executors import celery_executor_utils as provider
    from celery.signals import import_modules, worker_ready

    # The Celery provider imports numpy and the client of Kubernetes for tasks, where they are installed, and thaws the
    # heap for the children of its pool. Here no task runs below the worker, and a collection copies the zygote's pages.
    import_modules.disconnect(provider.on_celery_import_modules)
    worker_ready.disconnect(provider.on_celery_worker_ready)

    def ready(**_: Any) -> None:
        gc.freeze()
        beat()

    worker_ready.connect(ready, weak=False)


def _celery_worker(options: Options) -> Any:
    from airflow.configuration import conf
    from airflow.providers.celery.executors.celery_executor_utils import create_celery_app

    from airfleet.worker import celery_task, consumer, queue_declarations, slot_pool

    app = create_celery_app(conf)
    queue_declarations.prepare(app)
    celery_task.register(app)
    # Not ``worker_main``: it loads every command of Celery and Flower, which no worker needs.
    return app.Worker(
        hostname=f"{options['name']}@{host_name.host()}",
        queues=options["queues"],
        concurrency=int(options["slots"]),
        pool=slot_pool.TaskPool,
        optimization="fair",
        loglevel="INFO",
        without_gossip=True,
        without_mingle=True,
        heartbeat_interval=HEARTBEAT_SECONDS,
        consumer_cls=consumer.FleetConsumer,
    )


class Beat:
    """Proof that a worker is well; a full disk costs the worker nothing but the proof."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._told = False

    def __call__(self, **_: Any) -> None:
        try:
            job_marks.beat(self._path, os.getpid())
            self._told = False
        except OSError as refused:
            if not self._told:
                self._told = True
                print(f"the agent is not told that this worker is well: {refused}", file=sys.stderr)
