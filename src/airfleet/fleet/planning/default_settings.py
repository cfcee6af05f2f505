"""Airflow's settings in a fleet unless fleet.yaml says otherwise: a function for each section, a reason for each value.

Some of them fleet.yaml may not change (:mod:`airfleet.fleet.airflow.managed_settings`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from airfleet.fleet.config.spec import API_PORT, SIMPLE_AUTH_MANAGER, Worker
from airfleet.fleet.planning import celery_settings, worker_slots
from airfleet.fleet.planning.context import Context
from airfleet.system.clock_skew import MAY_DIFFER_SECONDS

#: the bundle of the folder of pipelines
BUNDLE_NAME: Final = "pipelines"
#: the name of the coordinator of attempts in Airflow's SDK
COORDINATOR: Final = "airfleet"
#: seconds for which tasks go on while no api-server can be reached
API_OUTAGE_SECONDS: Final = 3600
#: age, in seconds, from which on each answer of a fleet's api-server to an attempt brings it a new token
TOKEN_AGE_SECONDS: Final = 300
#: seconds after which a scheduler takes a silent attempt for dead, as in Airflow
HEARTBEAT_TIMEOUT_SECONDS: Final = 300.0
#: the database of the zygote and the workers, which is none: only components that are told a URL have one
_NO_DATABASE: Final = "postgresql+psycopg://none@127.0.0.1:9/none"


def sections(context: Context) -> dict[str, dict[str, str]]:
    """Map each section to its options and their values on a host."""
    return {
        "core": _core(context),
        "database": _database(),
        "dag_processor": _dag_processor(context),
        "api": _api(context),
        **celery_settings.sections(context.broker, _slots(context), context.name_in_broker),
        "logging": _logging(context),
        "sdk": _sdk(context),
        "airfleet": _airfleet(context),
        # A token that another host has just made is not refused for being of the future.
        "api_auth": {"jwt_leeway": str(MAY_DIFFER_SECONDS)},
        "webserver": {"log_request_clock_grace": str(MAY_DIFFER_SECONDS)},
        "scheduler": _scheduler(),
    }


def _slots(context: Context) -> int:
    """Return the slots of a worker that somebody starts beside the fleet's own."""
    return worker_slots.choose(Worker(), context.here, context.cores, context.memory_bytes).slots


def passwords_file(context: Context) -> Path:
    """Return the file in which the auth manager looks for the users' passwords."""
    return context.paths.airflow_home / "passwords.json"


def _core(context: Context) -> dict[str, str]:
    return {
        # Under the name of the one that it extends: Dags may name it.
        "executor": "CeleryExecutor:airfleet.scheduler.executor.FleetExecutor",
        "load_examples": "False",
        # The agent of a host looks for attempts of that host by this name.
        "hostname_callable": "airfleet.system.host_name.host",
        "dags_folder": _pipelines(context),
        "execution_api_server_url": context.execution_url,
        "auth_manager": SIMPLE_AUTH_MANAGER,
        # Others are added by fleet.yaml; the commands of airfleet log in as this one.
        "simple_auth_manager_users": f"{context.fleet.user}:admin",
        "simple_auth_manager_passwords_file": str(passwords_file(context)),
        # An edited pipeline is stored (and so scheduled) at once, not up to 30 s later.
        "min_serialized_dag_update_interval": "1",
    }


def _database() -> dict[str, str]:
    return {
        "sql_alchemy_conn": _NO_DATABASE,
        "sql_alchemy_conn_async": _NO_DATABASE,
        # A few connections per component serve one machine; each costs PostgreSQL memory.
        "sql_alchemy_pool_size": "2",
        "sql_alchemy_max_overflow": "10",
        # The migrate step has just seen to it.
        "check_migrations": "False",
        # The death of the database's host is noticed within seconds, not a quarter of an hour.
        "sql_alchemy_connect_args": "airfleet.system.connection_timeouts.CONNECT_ARGS",
        "sql_alchemy_connect_args_async": "airfleet.system.connection_timeouts.CONNECT_ARGS",
    }


def _dag_processor(context: Context) -> dict[str, str]:
    bundle = {
        "name": BUNDLE_NAME,
        "classpath": "airfleet.pipelines.airflow.bundle.PipelineBundle",
        "kwargs": {"path": _pipelines(context), "releases": str(context.paths.releases)},
    }
    return {
        "dag_bundle_config_list": json.dumps([bundle]),
        # Airflow's default is one folder below /tmp: another fleet's clone of a bundle with this name, or anybody's.
        "dag_bundle_storage_path": str(context.paths.airflow_home / "bundles"),
        # Our dag-processor looks at every file's stamp once a second and refreshes when one changed;
        # these timers are only the backstop.
        "refresh_interval": "60",
        "bundle_refresh_check_interval": "1",
        "min_file_process_interval": "600",
        "stale_dag_threshold": "10",
        "stale_bundle_cleanup_interval": "0",
    }


def _api(context: Context) -> dict[str, str]:
    return {
        "base_url": context.url,
        "host": context.api_address,
        "port": str(context.ports.api_servers[0] if context.ports.api_servers else API_PORT),
        "workers": "1",
    }


def _logging(context: Context) -> dict[str, str]:
    return {
        "base_log_folder": str(context.paths.task_logs),
        "dag_processor_child_process_log_directory": str(context.paths.logs / "dag-files"),
    }


def _sdk(context: Context) -> dict[str, str]:
    # Attempts are forked from warm zygotes of Dag files, whatever their queue.
    return {
        "coordinators": json.dumps({COORDINATOR: {"classpath": "airfleet.worker.coordinator.TaskCoordinator"}}),
        "queue_to_coordinator": json.dumps(dict.fromkeys(("default", *context.fleet.queues), COORDINATOR)),
    }


def _airfleet(context: Context) -> dict[str, str]:
    return {
        "on_worker_lost": context.fleet.policies.on_worker_lost,
        # An attempt that reaches no API server goes on for this long, and asks each of these.
        "api_outage_seconds": str(API_OUTAGE_SECONDS),
        "execution_api_urls": ",".join(context.execution_urls),
        # With a heartbeat comes a new token, when the old one is of this age.
        "token_age_seconds": str(TOKEN_AGE_SECONDS),
        # Whether api-servers ask the other hosts for the logs of tasks.
        "serve_logs": str(context.serves_logs),
    }


def _scheduler() -> dict[str, str]:
    return {
        # A scheduler that died is noticed by the others within seconds, not minutes.
        "scheduler_heartbeat_sec": "3",
        "scheduler_health_check_threshold": "12",
        "orphaned_tasks_check_interval": "10",
        # Agents tell of attempts that are lost; this is for a host that is gone with its agent.
        "task_instance_heartbeat_timeout": f"{HEARTBEAT_TIMEOUT_SECONDS:g}",
        "task_instance_heartbeat_timeout_detection_interval": "5",
        # A message may wait for as long as workers are busy, and its token as long. A lost one is found within
        # seconds (airfleet.scheduler.message_reconciler), so this is a backstop.
        "task_queued_timeout": "86400",
        "task_queued_timeout_check_interval": "300",
        # A Dag whose file is gone leaves the list as soon.
        "parsing_cleanup_interval": "10",
        # The executor waits, until the database tells of a change.
        "scheduler_idle_sleep_time": "0",
        # As many tasks a query as there are free slots.
        "max_tis_per_query": "0",
    }


def _pipelines(context: Context) -> str:
    return str(Path(context.fleet.root) / context.fleet.pipelines)
