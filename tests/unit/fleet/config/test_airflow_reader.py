"""``airflow:`` of fleet.yaml: each setting holds, or is refused with a sentence."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from airfleet.fleet.airflow import airflow_options
from support.fleet_files import problems_of, read

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
OTHER = base64.urlsafe_b64encode(b"o" * 32).decode()
ROLES = "hint: the roles are: viewer, user, op, admin"
NO_KEY = "is no Fernet key (32 bytes in base64), nor several of them with ',' between"


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        # misspelt
        ("scheduler: {parsing_proceses: 4}", "23: airflow.scheduler.parsing_proceses: Airflow has no setting "
         "'parsing_proceses' in 'scheduler'\nhint: did you mean [dag_processor] parsing_processes?"),
        ("core: {max_tis_per_query: 4}", "18: airflow.core.max_tis_per_query: Airflow has no setting "
         "'max_tis_per_query' in 'core'\nhint: did you mean [scheduler] max_tis_per_query?"),
        ("core: {paralelism: 4}", "18: airflow.core.paralelism: Airflow has no setting 'paralelism' in 'core'\n"
         "hint: did you mean 'parallelism'?"),
        ("schedular: {max_tis_per_query: 4}", "11: airflow.schedular: Airflow has no section 'schedular'\n"
         "hint: did you mean 'scheduler'?"),
        ("celery: {worker_prefetch_multiplyer: 1}", "20: airflow.celery.worker_prefetch_multiplyer: Airflow has no "
         "setting 'worker_prefetch_multiplyer' in 'celery'\nhint: did you mean 'worker_prefetch_multiplier'?"),
        # called otherwise since Airflow 3
        ("webserver: {instance_name: Shop}", "23: airflow.webserver.instance_name: 'instance_name' is called "
         "[api] instance_name in Airflow 3\nhint: write it there: airflow: {api: {instance_name: ...}}"),
        ("scheduler: {statsd_on: true}", "23: airflow.scheduler.statsd_on: 'statsd_on' is called "
         "[metrics] statsd_on in Airflow 3\nhint: write it there: airflow: {metrics: {statsd_on: ...}}"),
        ("core: {check_slas: true}", "18: airflow.core.check_slas: Airflow 3 has no 'check_slas'\nhint: leave it out"),
        # of the wrong kind
        ("core: {parallelism: many}", "31: airflow.core.parallelism: must be a whole number, not 'many'"),
        ("core: {parallelism: ''}", "31: airflow.core.parallelism: must be a whole number, not ''"),
        ("core: {parallelism: 2.5}", "31: airflow.core.parallelism: must be a whole number, not '2.5'"),
        ("core: {load_examples: perhaps}", "33: airflow.core.load_examples: must be true or false, not 'perhaps'"),
        ("scheduler: {scheduler_heartbeat_sec: soon}", "48: airflow.scheduler.scheduler_heartbeat_sec: must be "
         "a whole number, not 'soon'"),
        ("logging: {logging_level: LOUD}", "36: airflow.logging.logging_level: must be CRITICAL or FATAL or ERROR or "
         "WARN or WARNING or INFO or DEBUG, not 'LOUD'"),
        ("celery: {worker_prefetch_multiplier: few}", "48: airflow.celery.worker_prefetch_multiplier: must be "
         "a whole number, not 'few'"),
        ("dag_processor: {dag_bundle_config_list: '{}'}", "51: airflow.dag_processor.dag_bundle_config_list: must be "
         "a list in JSON"),
        ("celery: {extra_celery_config: '[}'}", "41: airflow.celery.extra_celery_config: must be an object in JSON"),
        ("core: {default_timezone: Mars/Phobos}", "36: airflow.core.default_timezone: there is no time zone "
         "'Mars/Phobos'\nhint: as in Europe/Berlin, or utc"),
        ("core: {parallelism: -1}", "31: airflow.core.parallelism: must be more than 0: nothing would run"),
        ("dag_processor: {dag_bundle_config_list: '[{\"name\": \"a\"}]'}", "51: airflow.dag_processor."
         "dag_bundle_config_list: bundle 0 has no 'classpath'\n"
         "hint: [{\"name\": NAME, \"classpath\": CLASS, \"kwargs\": {...}}]"),
        # decided by airfleet
        ("core: {executor: LocalExecutor}", "18: airflow.core.executor: is not taken from here: a fleet runs its tasks "
         "by Celery, and only so\nhint: 'CeleryExecutor', or leave it out"),
        ("database: {sql_alchemy_conn: 'postgresql://db/a'}", "22: airflow.database.sql_alchemy_conn: is not taken "
         "from here: the key 'database:' says it\nhint: database: postgresql://USER@HOST/NAME"),
        ("database: {sql_alchemy_conn_cmd: cat url}", "22: airflow.database.sql_alchemy_conn_cmd: is not taken "
         "from here: the key 'database:' says it\nhint: database: postgresql://USER@HOST/NAME"),
        ("celery: {worker_concurrency: 4}", "20: airflow.celery.worker_concurrency: is not taken from here: each "
         "worker has 'slots:'\nhint: workers: [{slots: 8}]"),
        ("api: {port: 8081}", "17: airflow.api.port: is not taken from here: the keys 'proxy:' and 'api_server: "
         "{address, port}' say it\nhint: api_server: {port: PORT}"),
        ("api: {ssl_cert: /a.pem}", "17: airflow.api.ssl_cert: has no effect in a fleet: nginx speaks TLS with people\n"
         "hint: proxy: {name: NAME, tls: {...}}"),
        ("core: {simple_auth_manager_passwords_file: /a}", "18: airflow.core.simple_auth_manager_passwords_file: is "
         "not taken from here: airfleet keeps the passwords, in airflow/passwords.json in the fleet's home\n"
         "hint: leave it out"),
        ("core: {fernet_key_cmd: cat key}", "18: airflow.core.fernet_key_cmd: is not taken from here: airfleet gives "
         "components the value itself\nhint: fernet_key: ${{ secrets.NAME }}"),
        # users
        ("core: {simple_auth_manager_users: 'bob'}", f"45: airflow.core.simple_auth_manager_users: 'bob' is not "
         f"NAME:ROLE\n{ROLES}"),
        ("core: {simple_auth_manager_users: 'bob:viewr'}", "45: airflow.core.simple_auth_manager_users: there is no "
         "role 'viewr'\nhint: did you mean 'viewer'?"),
        ("core: {simple_auth_manager_users: 'admin:viewer'}", "45: airflow.core.simple_auth_manager_users: 'admin' "
         "must have the role admin: the commands of airfleet log in as this user\nhint: admin:admin"),
        ("core: {simple_auth_manager_users: 'bob:op,bob:user'}", "45: airflow.core.simple_auth_manager_users: user "
         "'bob' stands here twice"),
        # libraries
        ("metrics: {statsd_on: true}", "32: airflow.metrics.statsd_on: needs the Python module statsd, which is not "
         "installed\nhint: pip install statsd"),
        ("sentry: {sentry_on: true}", "31: airflow.sentry.sentry_on: needs the Python module sentry_sdk, which is not "
         "installed\nhint: pip install sentry-sdk"),
        ("core: {auth_manager: airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager}", "32: airflow.core."
         "auth_manager: needs the Python module airflow.providers.fab.auth_manager, which is not installed\n"
         "hint: pip install apache-airflow-providers-fab"),
        ("secrets: {backend: airflow.providers.hashicorp.secrets.vault.VaultBackend}", "30: airflow.secrets.backend: "
         "needs the Python module airflow.providers.hashicorp.secrets, which is not installed\n"
         "hint: pip install apache-airflow-providers-hashicorp"),
        ("logging: {remote_logging: true, remote_base_log_folder: 'gs://logs'}", "67: airflow.logging."
         "remote_base_log_folder: needs the Python module airflow.providers.google, which is not installed\n"
         "hint: pip install apache-airflow-providers-google"),
        ("logging: {remote_logging: true}", "37: airflow.logging.remote_logging: needs 'remote_base_log_folder', which "
         "begins with one of s3://, cloudwatch://, gs://, stackdriver://, wasb, oss://, hdfs://"),
        ("dag_processor: {dag_bundle_config_list: '[{\"name\": \"g\", \"classpath\": "
         "\"airflow.providers.git.bundles.git.GitDagBundle\"}]'}", "51: airflow.dag_processor.dag_bundle_config_list: "
         "needs the Python module airflow.providers.git.bundles, which is not installed\n"
         "hint: pip install apache-airflow-providers-git"),
        ("core: {auth_manager: airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleManager}",
         "32: airflow.core.auth_manager: the module airflow.api_fastapi.auth.managers.simple.simple_auth_manager has "
         "no 'SimpleManager'"),
        ("secrets: {backend: airflow.secrets.environment.EnvBackend}", "30: airflow.secrets.backend: there is no "
         "module airflow.secrets.environment in this Airflow"),
        ("fab: {auth_backends: x}", "11: airflow.fab: no provider is installed that reads the section 'fab'\n"
         "hint: pip install apache-airflow-providers-fab"),
    ],
)  # fmt: skip
def test_a_setting_that_would_not_hold_is_a_problem(setting: str, problem: str) -> None:
    assert problems_of(f"airflow: {{{setting}}}\n") == [f"fleet.yaml:1:{problem}"]


@pytest.mark.parametrize(
    "setting",
    [
        "core: {parallelism: 64, load_examples: False, executor: CeleryExecutor}",
        "core: {simple_auth_manager_users: 'admin:admin, bob:viewer,eve:op:blue|red'}",
        "core: {auth_manager: airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager}",
        "core: {default_task_execution_timeout: ''}",
        "celery: {worker_prefetch_multiplier: 1, extra_celery_config: '{}'}",
        "celery_broker_transport_options: {queue_order_strategy: sorted}",
        "our_plugin: {colour: red}",
        "smtp: {smtp_host: mail}",
        "metrics: {statsd_on: false}",
        "logging: {remote_logging: true, remote_base_log_folder: 's3://logs', remote_log_conn_id: aws}",
        "secrets: {backend: airflow.secrets.local_filesystem.LocalFilesystemBackend}",
        "core: {auth_manager: shop.auth.Manager}",
        "core: {default_timezone: Europe/Berlin}",
        "core: {executor: airflow.providers.celery.executors.celery_executor.CeleryExecutor}",
        "core: {default_timezone: system, parallelism: 1}",
        "email: {from_email_cmd: cat address}",
    ],
)
def test_a_setting_that_holds_is_none(setting: str) -> None:
    assert problems_of(f"airflow: {{{setting}}}\n") == []


def test_each_missing_class_of_one_setting_is_a_problem() -> None:
    classes = ("airflow.providers.git.bundles.git.GitDagBundle", "airflow.providers.nfs.bundles.Share")
    bundles = ", ".join(f'{{"name": "{number}", "classpath": "{path}"}}' for number, path in enumerate(classes))
    found = problems_of(f"airflow: {{dag_processor: {{dag_bundle_config_list: '[{bundles}]'}}}}\n")
    assert [problem.rpartition("\n")[2] for problem in found] == [
        "hint: pip install apache-airflow-providers-git",
        "hint: pip install apache-airflow-providers-nfs",
    ]


@pytest.mark.parametrize("value", ["short", f"{KEY},", "not base64 at all", f"{KEY},{KEY[:-2]}"])
def test_a_fernet_key_that_cannot_be_one_is_a_problem(value: str, tmp_path: Path) -> None:
    secret(tmp_path, "fernet", value)
    text = "airflow: {core: {fernet_key: '${{ secrets.fernet }}'}}\n"
    assert problems_of(text, tmp_path) == [f"fleet.yaml:1:30: airflow.core.fernet_key: {NO_KEY}"]


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("core: {parallelism", "airflow.core.parallelism: must be a whole number, not '***'"),
        ("core: {default_timezone", "airflow.core.default_timezone: there is no time zone '***'"),
        (
            "core: {simple_auth_manager_users",
            "airflow.core.simple_auth_manager_users: '***' is not NAME:ROLE",
        ),
    ],
)
def test_a_wrong_value_that_stands_elsewhere_is_not_repeated(setting: str, sentence: str, tmp_path: Path) -> None:
    secret(tmp_path, "thing", "s3cret")
    (problem,) = problems_of(f"airflow: {{{setting}: '${{{{ secrets.thing }}}}'}}}}\n", tmp_path)
    assert problem.partition(": ")[2].partition("\n")[0] == sentence


def test_fernet_keys_of_two_secrets_are_several() -> None:
    text = "airflow: {core: {fernet_key: '${{ env.NEW }},${{ env.OLD }}'}}\n"
    fleet = read(text, NEW=KEY, OLD=OTHER)
    assert fleet.airflow == {"core": {"fernet_key": f"{KEY},{OTHER}"}}
    assert fleet.secret_settings == {"core.fernet_key"}


def test_what_comes_from_the_folder_of_secrets_is_secret_whatever_its_name(tmp_path: Path) -> None:
    secret(tmp_path, "thing", "x")
    text = "airflow: {our_plugin: {thing: '${{ secrets.thing }}', colour: red}, core: {parallelism: 3}}\n"
    assert read(text, tmp_path).secret_settings == {"our_plugin.thing"}


def test_options_of_installed_providers_are_known_without_importing_them() -> None:
    found = airflow_options.section("aws")
    assert found is not None
    assert "session_factory" in found


def secret(root: Path, name: str, value: str) -> None:
    file = root / "secrets" / name
    file.parent.mkdir()
    file.touch(0o600)
    file.write_text(value)
