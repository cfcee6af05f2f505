"""Which of Airflow's settings airfleet decides, and what becomes of a value in ``airflow:`` of ``fleet.yaml``.

It *holds*: each setting that stands in no table here, and those of :data:`OVERRIDABLE`, where airfleet has another
default. It is *merged* with what airfleet needs (:data:`MERGED`). Or it is *refused*, because airfleet decides it
(:data:`REFUSED`) or because a fleet has no such part of Airflow (:data:`WITHOUT_EFFECT`). A test compares the tables
with what airfleet sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """Why a value is not taken, and what to write instead."""

    verdict: str
    why: str
    hint: str

    @property
    def sentence(self) -> str:
        """Return the sentence of the problem."""
        return f"{self.verdict}: {self.why}"


#: airfleet has a default of its own, and a value in ``airflow:`` holds instead
OVERRIDABLE = frozenset(
    {
        "core.load_examples",
        # a proxy of one's own between tasks and the api-servers
        "core.execution_api_server_url",
        "core.auth_manager",
        "core.min_serialized_dag_update_interval",
        "database.sql_alchemy_pool_size",
        "database.sql_alchemy_max_overflow",
        "database.check_migrations",
        "database.sql_alchemy_connect_args",
        "database.sql_alchemy_connect_args_async",
        "dag_processor.dag_bundle_config_list",
        "dag_processor.dag_bundle_storage_path",
        "dag_processor.refresh_interval",
        "dag_processor.bundle_refresh_check_interval",
        "dag_processor.min_file_process_interval",
        "dag_processor.stale_dag_threshold",
        "dag_processor.stale_bundle_cleanup_interval",
        "celery.sync_parallelism",
        "celery.worker_enable_remote_control",
        "celery.task_track_started",
        "celery_broker_transport_options.visibility_timeout",
        "celery_broker_transport_options.socket_timeout",
        "celery_broker_transport_options.socket_connect_timeout",
        "celery_broker_transport_options.socket_keepalive",
        "celery_broker_transport_options.health_check_interval",
        "logging.dag_processor_child_process_log_directory",
        "airfleet.api_outage_seconds",
        "airfleet.token_age_seconds",
        "execution_api.jwt_expiration_time",
        "api_auth.jwt_leeway",
        "webserver.log_request_clock_grace",
        "scheduler.scheduler_heartbeat_sec",
        "scheduler.scheduler_health_check_threshold",
        "scheduler.orphaned_tasks_check_interval",
        "scheduler.task_instance_heartbeat_timeout",
        "scheduler.task_instance_heartbeat_timeout_detection_interval",
        "scheduler.task_queued_timeout",
        "scheduler.task_queued_timeout_check_interval",
        "scheduler.parsing_cleanup_interval",
        "scheduler.scheduler_idle_sleep_time",
        "scheduler.max_tis_per_query",
    }
)

#: a value in ``airflow:`` stands beside what airfleet needs
MERGED = frozenset(
    {
        "core.fernet_key",
        "core.simple_auth_manager_users",
        "celery.extra_celery_config",
        "sdk.coordinators",
        "sdk.queue_to_coordinator",
    }
)

_LEAVE_OUT = "leave it out"
_BROKER = "the key 'broker:' says it, as in 'broker: rediss://queue.internal/0?ca=/etc/shop/ca.pem'"
_DATABASE = "the key 'database:' says it"
_ADDRESS = "the keys 'proxy:' and 'api_server: {address, port}' say it"
_FLOWER = "the key 'flower: {on, address, port, user}' says it"
_GENERATED = "it is generated, and kept in secrets.json in the fleet's home, where it can be replaced"
_TLS_PARTS = ("active", "mutual_tls", "cacert", "cert", "key")


def _decided(by: str, hint: str = _LEAVE_OUT) -> Refusal:
    return Refusal("is not taken from here", by, hint)


#: airfleet would not work, or would go by another value
REFUSED: Mapping[str, Refusal] = {
    "core.executor": _decided("a fleet runs its tasks by Celery, and only so", "'CeleryExecutor', or leave it out"),
    "core.hostname_callable": _decided("airfleet finds attempts by the name that it gives to their host"),
    "core.dags_folder": _decided("the key 'pipelines:' names the folder", "pipelines: FOLDER"),
    "core.simple_auth_manager_passwords_file": _decided(
        "airfleet keeps the passwords, in airflow/passwords.json in the fleet's home"
    ),
    "database.sql_alchemy_conn": _decided(_DATABASE, "database: postgresql://USER@HOST/NAME"),
    "database.sql_alchemy_conn_async": _decided(_DATABASE, "database: postgresql://USER@HOST/NAME"),
    "api.base_url": _decided(_ADDRESS, "proxy: {name: airflow.example.com, airflow: /path}"),
    "api.host": _decided(_ADDRESS, "api_server: {address: ADDRESS}"),
    "api.port": _decided(_ADDRESS, "api_server: {port: PORT}"),
    "api.workers": _decided("each api-server is one process", "api_server: {count: 2}"),
    "api.secret_key": _decided(_GENERATED),
    "api_auth.jwt_secret": _decided(_GENERATED),
    "celery.worker_concurrency": _decided("each worker has 'slots:'", "workers: [{slots: 8}]"),
    "celery.broker_url": _decided(_BROKER, "broker: URL"),
    "celery.result_backend": _decided("airfleet keeps outcomes in files of each host, and in the database"),
    **dict.fromkeys((f"celery.ssl_{part}" for part in _TLS_PARTS), _decided(_BROKER, "broker: URL")),
    **dict.fromkeys(
        (f"celery_broker_transport_options.unacked{part}_key" for part in ("", "_index", "_mutex")),
        _decided("airfleet names by fleet what workers hold, so that several fleets can have one broker"),
    ),
    "celery_broker_transport_options.master_name": _decided(_BROKER, "broker: sentinel://HOST/0?master=NAME"),
    "celery_broker_transport_options.sentinel_kwargs": _decided(_BROKER, "broker: URL"),
    "celery.flower_basic_auth": _decided(f"{_FLOWER}; the password is generated", "flower: {user: NAME}"),
    "logging.base_log_folder": _decided("logs lie in logs/ in the fleet's home", "AIRFLEET_HOME names another home"),
    "airfleet.on_worker_lost": _decided("the key 'policies:' says it", "policies: {on_worker_lost: fail}"),
    "airfleet.execution_api_urls": _decided("tasks ask the api-servers that fleet.yaml names"),
    "airfleet.serve_logs": _decided("airfleet knows which hosts have logs"),
    "airfleet.embedded_database": _decided(_DATABASE, "database: postgresql://USER@HOST/NAME"),
}

_ONE_PROCESS = "each api-server is one process, which the agent watches"
_TLS = "nginx speaks TLS with people"
_SLOTS = "a worker has as many processes as 'slots:' says"
_FORKED = "attempts are forked from a warm zygote of their Dag"
_LOG_SERVER = "each host has one log server, on the port that 'airfleet status' shows"
_WATCHED = "the agent watches the scheduler, and 'airfleet status' shows it"


def _without_effect(section: str, options: str, why: str, hint: str = _LEAVE_OUT) -> dict[str, Refusal]:
    found = Refusal("has no effect in a fleet", why, hint)
    return {f"{section}.{option}": found for option in options.split()}


#: parts of Airflow that a fleet does not have
WITHOUT_EFFECT: Mapping[str, Refusal] = {
    **_without_effect("api", "worker_timeout server_type worker_refresh_interval", _ONE_PROCESS),
    **_without_effect("api", "worker_refresh_batch_size", _ONE_PROCESS),
    **_without_effect("api", "ssl_cert ssl_key ssl_ca_file ssl_cert_reqs", _TLS, "proxy: {name: NAME, tls: {...}}"),
    **_without_effect("api", "log_config", "the agent keeps what api-servers write"),
    **_without_effect("celery", "worker_autoscale pool", _SLOTS, "workers: [{slots: 8}]"),
    **_without_effect("celery", "worker_umask mp_start_method mp_forkserver_preload", _FORKED),
    **_without_effect("celery", "flower_host flower_port flower_url_prefix", _FLOWER, "flower: {port: 5555}"),
    **_without_effect("core", "execute_tasks_new_python_interpreter", _FORKED),
    **_without_effect("core", "daemon_umask", "nothing is a daemon of its own"),
    **_without_effect("logging", "worker_log_server_port trigger_log_server_port", _LOG_SERVER),
    **_without_effect("scheduler", "enable_health_check scheduler_health_check_server_host", _WATCHED),
    **_without_effect("scheduler", "scheduler_health_check_server_port", _WATCHED),
}


def refusal(section: str, option: str, value: str) -> Refusal | None:
    """Give the reason to refuse this value of ``[section] option``; None when it is allowed."""
    name = f"{section}.{option}"
    if name == "core.executor" and value.rpartition(".")[2] == "CeleryExecutor":
        return None
    # Airflow would ask a command or a secrets backend for the value, if it had none.
    plain = name.removesuffix("_cmd").removesuffix("_secret")
    found = REFUSED.get(name) or WITHOUT_EFFECT.get(name)
    if found is None and plain != name:
        return REFUSED.get(plain) or (_from_elsewhere(option) if plain in MERGED else None)
    return found


def _from_elsewhere(option: str) -> Refusal:
    plain = option.removesuffix("_cmd").removesuffix("_secret")
    return _decided("airfleet gives components the value itself", f"{plain}: ${{{{ secrets.NAME }}}}")
