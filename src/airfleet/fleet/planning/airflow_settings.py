"""The fleet's ``airflow.cfg``: everything but secrets, each setting with its reason."""

from __future__ import annotations

import configparser
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path

from airfleet.fleet.config.spec import API_PORT, LOCAL, SIMPLE_AUTH_MANAGER
from airfleet.fleet.planning import celery_settings
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Setting
from airfleet.system.clock_skew import MAY_DIFFER_SECONDS

BUNDLE_NAME = "pipelines"
COORDINATOR = "airfleet"
#: seconds for which tasks go on while no API server can be reached
API_OUTAGE_SECONDS = 3600
#: sections that no task reads
_OF_SERVERS = frozenset({"core", "database", "api", "api_auth", "celery", "scheduler", "dag_processor", "fab"})
#: age, in seconds, from which on each answer of a fleet's api-server to an attempt brings it a new token
TOKEN_AGE_SECONDS = 300
#: what an attempt that has waited long enough needs to end and to say so, seconds
LAST_WORDS_SECONDS = 300
#: Airflow's own way renews a token in the last of so many equal parts of its life
_AIRFLOWS_PARTS = 5
#: settings under which requests take that way (see airfleet.api_server.fast_path)
_AIRFLOWS_WAY = (("core", "multi_team"), ("traces", "otel_on"))
#: how Airflow reads that something is so
_YES = ("t", "true", "1")
#: seconds after which a scheduler takes a silent attempt for dead, as in Airflow
USUAL_TIMEOUT_SECONDS = 300.0


def configuration(context: Context) -> str:
    """Write the text of ``airflow.cfg``."""
    parser = configparser.RawConfigParser()
    parser.read_dict({name: _in_file(context, name, values) for name, values in _all_settings(context).items()})
    text = io.StringIO()
    parser.write(text)
    return (
        "# Written by airfleet at every start. Change the 'airflow:' section of fleet.yaml instead.\n" + text.getvalue()
    )


def _in_file(context: Context, section: str, values: Mapping[str, str]) -> dict[str, str]:
    """Leave out the settings that only components need: tasks can read the file."""
    private = {setting[:2] for setting in private_settings(context)}
    return {key: as_written(value) for key, value in values.items() if (section, key) not in private}


def as_written(value: str) -> str:
    """Escape a value for Airflow, which takes ``%`` in its file for the beginning of a reference.

    >>> [as_written(value) for value in ("100%", "%(message)s", "already %%(message)s")]
    ['100%%', '%%(message)s', 'already %%(message)s']
    """
    return value if "%" not in value.replace("%%", "") else value.replace("%", "%%")


def private_settings(context: Context) -> tuple[Setting, ...]:
    """Secret values in ``airflow:`` that only components with a database need: no file has them."""
    return tuple(
        (section, key, value)
        for section, values in context.fleet.airflow.items()
        for key, value in values.items()
        if f"{section}.{key}" in context.fleet.secret_settings and _is_of_servers(section)
    )


def _is_of_servers(section: str) -> bool:
    return section in _OF_SERVERS or section.endswith("_auth_manager")


def fernet_keys(context: Context) -> str:
    """Join the Fernet keys of connections and variables: the first encrypts, all are tried for decryption.

    Those of fleet.yaml come first. The fleet's own stays behind them: it may have encrypted what is there.
    """
    given = context.fleet.airflow.get("core", {}).get("fernet_key", "")
    own = context.secrets.fernet_key
    return ",".join(dict.fromkeys(key.strip() for key in f"{given},{own}".split(",") if key.strip()))


def silence_seconds(context: Context) -> float:
    """Give the seconds after which a monitor is silent for good, while others of its host are heard.

    Before a scheduler would fail its task by Airflow's rule, and never before two heartbeats are due.
    """
    sections = _all_settings(context)
    timeout = _number(sections["scheduler"].get("task_instance_heartbeat_timeout"), USUAL_TIMEOUT_SECONDS)
    interval = _number(sections.get("workers", {}).get("min_heartbeat_interval"), 0.0)
    return max(0.8 * USUAL_TIMEOUT_SECONDS, 0.8 * timeout, 2.0 * interval + 30.0)


def token_seconds(
    outage_seconds: float = API_OUTAGE_SECONDS,
    heartbeat_seconds: float = 0.0,
    age_seconds: float = TOKEN_AGE_SECONDS,
    *,
    airflows_way: bool = False,
) -> int:
    """Compute the life of an attempt's token, seconds: the least with which it can report after the longest outage.

    An outage may begin just before a token would have been renewed. That is with the first heartbeat after it has come
    of age; in Airflow's own way, when a fifth of its life is left.

    >>> token_seconds(), token_seconds(airflows_way=True)
    (4200, 19500)
    """
    needed = outage_seconds + LAST_WORDS_SECONDS
    if airflows_way:
        return math.ceil(_AIRFLOWS_PARTS * needed)
    return math.ceil(needed + age_seconds + 2 * heartbeat_seconds)


def _token_life(sections: Mapping[str, Mapping[str, str]]) -> str:
    """Compute :func:`token_seconds` for these settings."""
    outage = _number(sections["airfleet"].get("api_outage_seconds"), API_OUTAGE_SECONDS)
    heartbeat = _number(sections.get("workers", {}).get("min_heartbeat_interval"), 0.0)
    age = _number(sections["airfleet"].get("token_age_seconds"), TOKEN_AGE_SECONDS)
    airflows_way = any(sections.get(section, {}).get(key, "").lower() in _YES for section, key in _AIRFLOWS_WAY)
    return str(token_seconds(outage, heartbeat, age, airflows_way=airflows_way))


def _number(value: str | None, otherwise: float) -> float:
    try:
        return float(value if value is not None else otherwise)
    except ValueError:  # Airflow will say what is wrong with it
        return otherwise


def _all_settings(context: Context) -> dict[str, dict[str, str]]:
    sections = _settings(context)
    for section, values in context.fleet.airflow.items():
        ours = sections.setdefault(section, {})
        for key, value in values.items():
            ours[key] = _value(context, f"{section}.{key}", ours.get(key), value)
    sections.setdefault("execution_api", {}).setdefault("jwt_expiration_time", _token_life(sections))
    return sections


def _value(context: Context, name: str, ours: str | None, theirs: str) -> str:
    """Choose the value of a setting that fleet.yaml has, and airfleet may have."""
    if name == "core.executor" and ours:
        return ours  # it is the Celery executor, under the name that Airflow has for it
    if name == "core.simple_auth_manager_users":
        return ",".join(f"{user}:{rest}" for user, rest in users(context).items())
    if name.startswith("sdk.") or name == "celery.extra_celery_config":
        return _merged(ours, theirs)
    return theirs


def _settings(context: Context) -> dict[str, dict[str, str]]:
    bundle = {
        "name": BUNDLE_NAME,
        "classpath": "airfleet.pipelines.airflow.bundle.PipelineBundle",
        "kwargs": {"path": str(_pipelines(context))},
    }
    return {
        "core": {
            # Under the name of the one that it extends: Dags may name it.
            "executor": "CeleryExecutor:airfleet.scheduler.executor.FleetExecutor",
            "load_examples": "False",
            # The agent of a host looks for attempts of that host by this name.
            "hostname_callable": "airfleet.system.host_name.host",
            "dags_folder": str(_pipelines(context)),
            "execution_api_server_url": context.execution_url,
            "auth_manager": SIMPLE_AUTH_MANAGER,
            # Others are added by fleet.yaml; the commands of airfleet log in as this one.
            "simple_auth_manager_users": f"{context.fleet.user}:admin",
            "simple_auth_manager_passwords_file": str(passwords_file(context)),
            # An edited pipeline is stored (and so scheduled) at once, not up to 30 s later.
            "min_serialized_dag_update_interval": "1",
        },
        "database": {
            # The template and the workers hold no database: only components that are told a URL do.
            "sql_alchemy_conn": "postgresql+psycopg://none@127.0.0.1:9/none",
            "sql_alchemy_conn_async": "postgresql+psycopg://none@127.0.0.1:9/none",
            # A few connections per component serve one machine; each costs PostgreSQL memory.
            "sql_alchemy_pool_size": "2",
            "sql_alchemy_max_overflow": "10",
            # The migrate step has just seen to it.
            "check_migrations": "False",
            # The death of the database's host is noticed within seconds, not a quarter of an hour.
            "sql_alchemy_connect_args": "airfleet.system.connection_timeouts.CONNECT_ARGS",
            "sql_alchemy_connect_args_async": "airfleet.system.connection_timeouts.CONNECT_ARGS",
        },
        "dag_processor": {
            "dag_bundle_config_list": json.dumps([bundle]),
            # Our dag-processor looks at every file's stamp once a second and refreshes when one changed;
            # these timers are only the backstop.
            "refresh_interval": "60",
            "bundle_refresh_check_interval": "1",
            "min_file_process_interval": "600",
            "stale_dag_threshold": "10",
            "stale_bundle_cleanup_interval": "0",
        },
        "api": {
            "base_url": context.url,
            "host": context.api_address,
            "port": str(context.ports.api_servers[0] if context.ports.api_servers else API_PORT),
            "workers": "1",
        },
        **celery_settings.sections(context.broker, context.cores, context.name_in_broker),
        "logging": {
            "base_log_folder": str(context.paths.task_logs),
            "dag_processor_child_process_log_directory": str(context.paths.logs / "dag-files"),
        },
        # Attempts are forked from warm task templates, whatever their queue.
        "sdk": {
            "coordinators": json.dumps({COORDINATOR: {"classpath": "airfleet.worker.coordinator.TaskCoordinator"}}),
            "queue_to_coordinator": json.dumps(dict.fromkeys(("default", *context.fleet.queues), COORDINATOR)),
        },
        "airfleet": {
            "on_worker_lost": context.fleet.policies.on_worker_lost,
            # An attempt that reaches no API server goes on for this long, and asks each of these.
            "api_outage_seconds": str(API_OUTAGE_SECONDS),
            "execution_api_urls": ",".join(context.execution_urls),
            # With a heartbeat comes a new token, when the old one is of this age.
            "token_age_seconds": str(TOKEN_AGE_SECONDS),
            # Whether api-servers ask the other hosts for the logs of tasks.
            "serve_logs": str(context.serves_logs),
        },
        # A token that another host has just made is not refused for being of the future.
        "api_auth": {"jwt_leeway": str(MAY_DIFFER_SECONDS)},
        "webserver": {"log_request_clock_grace": str(MAY_DIFFER_SECONDS)},
        "scheduler": {
            # A scheduler that died is noticed by the others within seconds, not minutes.
            "scheduler_heartbeat_sec": "3",
            "scheduler_health_check_threshold": "12",
            "orphaned_tasks_check_interval": "10",
            # Agents tell of attempts that are lost; this is for a host that is gone with its agent.
            "task_instance_heartbeat_timeout": f"{USUAL_TIMEOUT_SECONDS:g}",
            "task_instance_heartbeat_timeout_detection_interval": "5",
            # A message may wait for as long as workers are busy, and its token as long. What became of a message
            # is asked within seconds (airfleet.scheduler.message_reconciler), so this is for what nobody thought of.
            "task_queued_timeout": "86400",
            "task_queued_timeout_check_interval": "300",
            # A Dag whose file is gone leaves the list as soon.
            "parsing_cleanup_interval": "10",
            # The executor waits, until the database tells of a change.
            "scheduler_idle_sleep_time": "0",
            # As many tasks a query as there are free slots.
            "max_tis_per_query": "0",
        },
    }


def _merged(ours: str | None, theirs: str) -> str:
    """Coordinators of other languages beside ours, and their queues."""
    try:
        return json.dumps({**json.loads(ours or "{}"), **json.loads(theirs)})
    except (TypeError, ValueError):  # not a JSON object: Airflow says so
        return theirs


def environment(context: Context) -> dict[str, str]:
    """Environment of the template and all its forks; nothing in it is secret."""
    return {
        **context.fleet.task_environment,
        **({"AIRFLEET_HOST": context.host} if context.host != LOCAL else {}),
        "AIRFLOW_HOME": str(context.paths.airflow_home),
        "AIRFLOW_CONFIG": str(context.paths.airflow_home / "airflow.cfg"),
        "AIRFLEET_PROJECT": context.fleet.root,
        **({"AIRFLEET_TASK_USER": context.task_user} if context.task_user else {}),
        "PYTHONUNBUFFERED": "1",
        # With embedded servers every worker is on this machine, and so of this very Airflow.
        "AIRFLEET_EXECUTION_API": "current" if context.embedded else "all",
        # Process titles stay within argv: the environment behind it, which marks a fleet's processes, is kept.
        "SPT_NOENV": "1",
        # Threads of the api-server would each get a memory arena of their own.
        "MALLOC_ARENA_MAX": "2",
    }


def passwords_file(context: Context) -> Path:
    """Name the file from which the auth manager reads the users' passwords."""
    return context.paths.airflow_home / "passwords.json"


def passwords(context: Context) -> str:
    """Write the text of that file: Airflow would make, and print, missing passwords."""
    found = {name: context.secrets.password_of(name) for name in users(context)}
    return json.dumps({**found, context.fleet.user: context.secrets.user_password}, indent=1) + "\n"


def users(context: Context) -> dict[str, str]:
    """List the users of Airflow's simple auth manager, with role and teams: the fleet's own, and those it adds."""
    listed = context.fleet.airflow.get("core", {}).get("simple_auth_manager_users", "")
    entries = (entry.strip().partition(":") for entry in listed.split(",") if entry.strip())
    return {context.fleet.user: "admin", **{name: rest for name, _, rest in entries}}


def _pipelines(context: Context) -> Path:
    return Path(context.fleet.root) / context.fleet.pipelines
