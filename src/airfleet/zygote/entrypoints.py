"""What each Airflow component does once it is forked. [A]

Every entry does what the ``airflow`` command of its name does, without the parts the agent
does itself: no daemon, no log server of its own, no second process that cleans up.
"""

from __future__ import annotations

import gc
import importlib
import json
import logging
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

from airfleet.agent.database import adoption, airflow_revisions, schema_fitness
from airfleet.fleet.planning import default_settings
from airfleet.metadata import (
    api_availability,
    installation,
    schema_lock,
    triggers,
)
from airfleet.metadata.migrations import record
from airfleet.metadata.migrations.runner import SchemaRefused
from airfleet.spool import job_marks
from airfleet.system import connection_timeouts, host_name
from airfleet.zygote import migration, preload, service_user

Options = Mapping[str, str]

#: seconds between two events by which monitors like Flower know that a worker lives
HEARTBEAT_SECONDS = 20
#: what Celery believes more than its settings
CELERY_VARIABLES = frozenset({
    "CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL", "CELERY_RESULT_BACKEND",
    "CELERY_CONFIG_MODULE", "CELERY_LOADER",
})  # fmt: skip


def apply(settings: Sequence[Sequence[str]]) -> None:
    """Set what only this component may know, in both configurations that Airflow keeps."""
    from airflow.configuration import conf
    from airflow.sdk.configuration import conf as sdk_conf

    for section, key, value in settings:
        for configuration in (conf, sdk_conf):
            # Airflow replaces names behind a percent sign, which in a URL stands for itself.
            configuration.set(section, key, value.replace("%", "%%"))
        if (section, key) == ("celery", "broker_url"):
            _forget_other_brokers()


def _forget_other_brokers() -> None:
    """Take away what a shell says of the broker of another program; a worker's pool, and so tasks, have it still."""
    for name in CELERY_VARIABLES & os.environ.keys():
        del os.environ[name]


def use_database() -> None:
    """Make the engine and the sessions for the database that :func:`apply` named."""
    from airflow import settings
    from airflow.configuration import conf

    if conf.getboolean("airfleet", "embedded_database", fallback=False):
        connection_timeouts.forget_the_callers(os.environ)
    settings.configure_vars()
    settings.configure_orm()


def finish() -> None:
    """Close what a component holds, as Airflow does at the exit of an interpreter."""
    from airflow import settings

    settings.dispose_orm(do_log=False)
    logging.shutdown()


def migrate(options: Options) -> None:
    """``airflow db migrate``, when the database is not at this Airflow's schema; one host at a time."""
    use_database()
    with schema_lock.alone(_database_url()):
        _migrate()
    if options.get("objects") == "none":
        _say_what_is_left()


def _migrate() -> None:
    """Bring the schema to this Airflow's, and put ours on it; of an existing one all of it or nothing.

    A schema that this Airflow or this airfleet does not know is left as it is.
    """
    from airflow.utils import db

    revisions = airflow_revisions.installed()
    found = _schema_in_database()
    if found is not None and revisions.after(found) is None:
        sys.exit(schema_fitness.unknown_revision(found, revisions))
    with psycopg.connect(_database_url(), autocommit=True) as connection:
        if sentence := record.refusal_of(connection):
            sys.exit(sentence)
    has_managers = not preload.is_shared()
    if has_managers and (other := _tables_of_managers_too_new()):
        sys.exit(other)
    if found is None:
        db.upgradedb()
    with migration.whole(_database_url()) as connection:
        foreign = adoption.is_foreign(connection)
        if found not in (None, revisions.head):
            triggers.remove(connection)  # or they block a migration that changes their tables
            migration.upgrade(connection)
        _install(connection)
        if foreign and found is not None:
            print(*adoption.adopt(connection, *_bundles()), sep="\n")
    if found == revisions.head:
        print("the database has this Airflow's schema already")
    elif found is not None:
        db.upgradedb()  # what is not in the migrations: the default pool, the schemas of other managers
    if has_managers:
        _migrate_auth_manager()
    _settle()


def _install(connection: psycopg.Connection[Any]) -> None:
    """Bring airfleet's tables and triggers to this version. Raises SystemExit with a sentence."""
    try:
        for applied in installation.install(connection):
            print(f"migration {applied} was applied to the tables of airfleet")
    except SchemaRefused as refused:
        sys.exit(str(refused))


def _bundles() -> tuple[str, frozenset[str]]:
    """The bundle of the folder of pipelines, and all that the fleet has."""
    from airflow.configuration import conf

    bundles: Any = conf.getjson("dag_processor", "dag_bundle_config_list")
    return default_settings.BUNDLE_NAME, frozenset(str(bundle["name"]) for bundle in bundles)


def _settle() -> None:
    with psycopg.connect(_database_url(), autocommit=True) as connection:
        try:
            connection_timeouts.settle(connection)
        except psycopg.Error as refused:
            print(f"the database keeps its own timeouts for silent clients: {refused}")


def _migrate_auth_manager() -> None:
    """Bring the tables of the auth manager to its schema: it may have come after those of Airflow itself."""
    from airflow.utils.db_manager import RunDBManager
    from airflow.utils.session import create_session

    with create_session() as session:
        RunDBManager().upgradedb(session)


def _tables_of_managers_too_new() -> str | None:
    """That a provider here does not know the revision of its own tables (FAB's); None when each does."""
    from airflow.utils.db_manager import RunDBManager
    from airflow.utils.session import create_session

    with create_session() as session:
        for kind in RunDBManager()._managers:
            manager: Any = kind(session)  # type: ignore[operator]  # classes, which Airflow declares as their objects
            found = manager.get_current_revision()
            known = {revision.revision for revision in manager.get_script_object().walk_revisions()}
            if found is not None and found not in known:
                return schema_fitness.unknown_tables(type(manager).__module__, manager.version_table_name, found)
    return None


def _say_what_is_left() -> None:
    from airflow.utils.session import create_session

    from airfleet.zygote import airflow_objects as objects

    with create_session() as session:
        for kept in objects.left(session):
            print(kept)


def objects(_: Options) -> None:
    """Write the connections, variables and pools of ``fleet.yaml``."""
    from airflow.configuration import conf
    from airflow.utils.session import create_session

    from airfleet.zygote import airflow_objects as objects

    use_database()
    with create_session() as session:
        for done in objects.write(json.loads(conf.get("airfleet", "objects")), session):
            print(done)


def _database_url() -> str:
    from airflow import settings

    url = settings.get_engine().url.set(drivername="postgresql")
    return str(url.render_as_string(hide_password=False))


def _schema_in_database() -> str | None:
    from airflow import settings
    from sqlalchemy import inspect, text

    with settings.get_engine().connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return str(found) if found else None


def scheduler(_: Options) -> None:
    """``airflow scheduler --skip-serve-logs``, looking only where something may have changed."""
    from airflow.jobs.job import Job, run_job

    from airfleet.monitor import guarded_listeners
    from airfleet.scheduler.job_runner import FleetSchedulerJobRunner

    use_database()
    _end_on_signals()
    guarded_listeners.guard()
    runner = FleetSchedulerJobRunner(job=Job())
    run_job(job=runner.job, execute_callable=lambda: _with_its_job_known(runner))


def dag_processor(_: Options) -> None:
    """``airflow dag-processor``, with our discovery of pipelines."""
    from airfleet.dag_processor.job_runner import run_dag_processor
    from airfleet.monitor import guarded_listeners

    use_database()
    _end_on_signals()
    guarded_listeners.guard()
    run_dag_processor(_tell_job)


def triggerer(_: Options) -> None:
    """``airflow triggerer --skip-serve-logs``."""
    from airflow.configuration import conf
    from airflow.jobs.job import Job, run_job
    from airflow.sdk._shared.secrets_masker import SecretsMasker

    from airfleet.monitor import guarded_listeners
    from airfleet.triggerer.job_runner import FleetTriggererJobRunner

    use_database()
    _end_on_signals()
    guarded_listeners.guard()
    SecretsMasker.enable_log_masking()
    runner = FleetTriggererJobRunner(
        job=Job(heartrate=conf.getfloat("triggerer", "JOB_HEARTBEAT_SEC")),
        capacity=conf.getint("triggerer", "capacity"),
    )
    run_job(job=runner.job, execute_callable=lambda: _with_its_job_known(runner))


def _with_its_job_known(runner: Any) -> int | None:
    """Run a job that is in the database now, and known to the agent."""
    _tell_job(runner.job)
    code: int | None = runner._execute()
    return code


def _tell_job(job: Any) -> None:
    """Say to the agent which row it has to mark when this process is gone."""
    name = os.environ["AIRFLEET_COMPONENT"]
    try:
        job_marks.write_job(Path(os.environ["AIRFLOW_HOME"]), job_marks.JobMark(name, os.getpid(), job.id))
    except OSError as refused:  # it works without; but the agent, which cannot hear its heartbeat, may end it
        print(f"the agent is not told which job this is: {refused}", file=sys.stderr)


def api_server(options: Options) -> None:
    """``airflow api-server`` with the application that the zygote has built, or this process builds now."""
    from airflow import settings
    from airflow.api_fastapi.auth.tokens import get_signing_args

    from airfleet.api_server import remote_logs
    from airfleet.api_server.fast_path import FastPath
    from airfleet.monitor import guarded_listeners
    from airfleet.system.uvicorn_server import serve

    believed = addresses(options.get("proxies", ""))
    use_database()
    get_signing_args()  # fails here, and not at the first login, when the key is missing
    if not preload.is_shared():
        _build_api(options["user"])
    api_availability.keep_saying(settings.get_engine())
    remote_logs.use()
    guarded_listeners.guard()
    serve(
        FastPath(importlib.import_module("airflow.api_fastapi.main").app),
        host=options["address"],
        port=int(options["port"]),
        # What a client says of itself counts only when the proxy says it.
        proxy_headers=bool(believed),
        forwarded_allow_ips=list(believed),
        timeout_keep_alive=120,
        timeout_graceful_shutdown=5,
        access_log=False,  # Airflow's own middleware logs requests
        log_config=None,
    )


def _build_api(user: str) -> None:
    """Build the application with an auth manager that needs the database. Raises SystemExit with a sentence."""
    from airflow.configuration import conf

    try:
        preload.build_api()
        service_user.ensure(user, Path(conf.get("core", "simple_auth_manager_passwords_file")))
    except Exception as wrong:
        traceback.print_exc()
        name = str(conf.get("core", "auth_manager")).rpartition(".")[2]
        raise SystemExit(f"the auth manager {name} cannot start: {wrong!r}") from None


def addresses(hosts: str) -> tuple[str, ...]:
    """Every IP address of these hosts (``a,10.0.0.2``); one whose name nobody knows has none."""
    found: list[str] = []
    for host in filter(None, hosts.split(",")):
        try:
            found += [str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError) as unknown:
            print(f"the proxy's host '{host}' is not believed: {unknown}", file=sys.stderr)
    return tuple(dict.fromkeys(found))


def worker(options: Options) -> None:
    """``airflow celery worker --skip-serve-logs``, without a database, saying when it is ready."""
    from airflow.configuration import conf
    from airflow.providers.celery.executors.celery_executor_utils import create_celery_app
    from airflow.sdk.log import configure_logging
    from celery.signals import worker_ready

    from airfleet.worker import celery_task, consumer, queue_declarations

    beat = _Beat(Path(options["beat"]))

    def ready(**_: Any) -> None:
        # The Celery provider thaws the heap here to let the pool's children collect it; they are
        # forked already, and a collection would copy every page of the zygote.
        gc.freeze()
        beat()

    worker_ready.connect(ready, weak=False)
    consumer.beat_with(beat)
    configure_logging(output=sys.stdout.buffer, json_output=False)
    app = create_celery_app(conf)
    queue_declarations.prepare(app)
    celery_task.register(app)
    # Not ``worker_main``: it loads every command of Celery and Flower, which no worker needs.
    celery_worker = app.Worker(
        hostname=f"{options['name']}@{host_name.host()}",
        queues=options["queues"],
        concurrency=int(options["slots"]),
        optimization="fair",
        loglevel="INFO",
        without_gossip=True,
        without_mingle=True,
        heartbeat_interval=HEARTBEAT_SECONDS,
        consumer_cls=consumer.FleetConsumer,
    )
    celery_worker.start()
    sys.exit(celery_worker.exitcode)


class _Beat:
    """Proves that a worker is well; a disk that takes no proof costs the worker nothing but that."""

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


#: tasks that Flower keeps in memory, some 5 kB each; it would keep ten times as many
FLOWER_TASKS = 10_000


def flower(options: Options) -> None:
    """``airflow celery flower``, told its password here and nothing by the environment."""
    from airflow.configuration import conf
    from airflow.providers.celery.executors.celery_executor_utils import create_celery_app
    from flower import command
    from flower.app import Flower
    from flower.urls import settings
    from tornado.options import options as told

    from airfleet.api_server import flower_auth
    from airfleet.worker import queue_declarations

    for name in [name for name in os.environ if name.startswith("FLOWER_")]:
        del os.environ[name]  # one of them would open its API to everybody
    told.address, told.port, told.url_prefix = options["address"], int(options["port"]), options["path"].strip("/")
    told.basic_auth = [conf.get("celery", "flower_basic_auth")]
    told.cookie_secret = conf.get("airfleet", "flower_cookie_secret")
    told.read_only = options["read_only"] == "yes"
    told.max_tasks = FLOWER_TASKS
    command.extract_settings()
    command.setup_logging()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    app = create_celery_app(conf)
    queue_declarations.prepare(app)  # it reaches the broker as all others do
    page = Flower(capp=app, options=told, **settings)
    flower_auth.ask_for_password(page, options["path"])
    page.start_http_server()
    try:
        page.start()
    finally:
        page.stop()


def log_server(options: Options) -> None:
    """``airflow serve-logs``, for other hosts."""
    from airfleet.log_server import main as log_server

    log_server.serve(options["address"], int(options["port"]), Path(options["components"]))


def start_pool(settings: int) -> None:
    """Fork the pool that loads Dags and forks attempts, before the worker knows any secret.

    ``settings`` is the descriptor by which it will know them, and the pool does not.
    """
    from setproctitle import setproctitle

    from airfleet.task_process import main, pool, task_user
    from airfleet.worker import pool_client

    name = os.environ["AIRFLEET_COMPONENT"]
    user = task_user.named(os.environ)
    pool_client.use(
        pool.start(
            main.work(),
            lambda title: setproctitle(f"airfleet {name} -- {title}"),
            withheld=(settings,),
            settle=(lambda: task_user.become(user)) if user else None,
        )
    )


def _end_on_signals() -> None:
    from airflow.utils.cli import sigint_handler

    signal.signal(signal.SIGINT, sigint_handler)
    signal.signal(signal.SIGTERM, sigint_handler)


#: component -> what it does after the fork and before it is told its settings, secrets among them
PREPARATIONS: Mapping[str, Callable[[int], None]] = {"worker": start_pool}

#: component -> what it does after the fork
ENTRIES: Mapping[str, Callable[[Options], None]] = {
    "migrate": migrate,
    "objects": objects,
    "scheduler": scheduler,
    "dag-processor": dag_processor,
    "triggerer": triggerer,
    "api-server": api_server,
    "worker": worker,
    "log-server": log_server,
    "flower": flower,
}
