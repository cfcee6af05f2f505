"""What the components' entries use of Airflow, Celery and uvicorn. When one of these fails, upstream moved."""

from __future__ import annotations

import configparser
import importlib.util
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import celery.app.base
import celery.app.utils
import celery.loaders.default
import pytest
from kombu.transport.redis import Channel

from airfleet.fleet.components import settings as airflow
from airfleet.fleet.components.settings import KNOWS
from airfleet.fleet.config.spec import Fleet
from airfleet.fleet.planning import airflow_settings, celery_settings
from airfleet.fleet.planning.context import Context, Ports
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.servers import secrets
from airfleet.zygote import component_settings, entrypoints, preload

#: Imports as the zygote does, builds the API application, and tells what came of it.
ZYGOTE = """
import json, os, threading
from airfleet.zygote import component_settings as entries, preload as preloading
preloading.import_models()
from airflow import settings
connections_after_import = settings.engine.pool.checkedout() + settings.engine.pool.checkedin()
preloading.build_shared_api()
preloading.import_airflow()
threads_after_import = threading.active_count()
import airflow.api_fastapi.app as module
import airflow.api_fastapi.main as main
routes = {getattr(route, "path", "") for route in main.app.routes}
from airflow.api_fastapi.core_api.routes.public import dags, public_router
from airflow.api_fastapi.core_api.routes.ui import ui_router
from airflow.api_fastapi.execution_api.routes import execution_api_router
preloading.forget_database()
engine_after_forgetting = settings.engine
os.environ.pop("_AIRFLOW_PROCESS_CONTEXT")  # importing airflow.api_fastapi.main sets it
entries.apply([["core", "parallelism", "32"]])
before = "CELERY_BROKER_URL" in os.environ
entries.apply([["database", "sql_alchemy_conn", "sqlite:////tmp/told"], ["celery", "broker_url", "redis://told/%2F"]])
from airflow.configuration import conf
from airflow.sdk.configuration import conf as sdk_conf
entries.use_database()
print(json.dumps({
    "threads": threads_after_import,
    "connections": connections_after_import,
    "same application": main.app is module.cached_app(apps="all"),
    "mounted": sorted(path for path in routes if path in ("/execution", "/auth")),
    "copied routes": [len(router.routes) for router in (public_router, dags.dags_router, ui_router)],
    "routes": len(main.app.routes),
    "described": len(main.app.openapi()["paths"]),
    "execution routes": len(execution_api_router.routes),
    "engine after forgetting": engine_after_forgetting,
    "told": [conf.get("celery", "broker_url"), sdk_conf.get("celery", "broker_url")],
    "database": str(settings.engine.url),
    "of another broker": [before, "CELERY_BROKER_URL" in os.environ],
}))
"""


@pytest.fixture(scope="module")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process that did as the zygote does tells of itself."""
    home = tmp_path_factory.mktemp("airflow")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "_AIRFLOW"))}
    environment |= {
        "AIRFLOW_HOME": str(home),
        "CELERY_BROKER_URL": "redis://elsewhere/0",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/none.db",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__API__SECRET_KEY": "a key for this test",
        "AIRFLOW__API_AUTH__JWT_SECRET": "a secret for this test " * 4,
    }
    # What is told to a component must win; a variable of the environment would win over it.
    del environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    (home / "airflow.cfg").write_text(f"[database]\nsql_alchemy_conn = sqlite:///{home}/none.db\n")
    done = subprocess.run([sys.executable, "-c", ZYGOTE], env=environment, capture_output=True, text=True, cwd=home)
    assert done.returncode == 0, done.stderr[-4000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_importing_airflow_starts_no_thread_and_connects_to_nothing(zygote: dict[str, Any]) -> None:
    assert zygote["threads"] == 1  # a fork copies one thread alone
    assert zygote["connections"] == 0


def test_the_application_of_the_api_server_is_the_one_that_was_built_before_the_fork(zygote: dict[str, Any]) -> None:
    assert zygote["same application"] is True
    assert zygote["mounted"] == ["/auth", "/execution"]


def test_the_routes_that_were_copied_are_forgotten_and_the_application_has_its_own(zygote: dict[str, Any]) -> None:
    assert zygote["copied routes"] == [0, 0, 0]
    assert zygote["routes"] > 150
    assert zygote["described"] > 80
    assert zygote["execution routes"] > 40  # of which a dag-processor and a triggerer build an application
    from fastapi.routing import APIRouter

    assert "self.add_api_route(" in inspect.getsource(APIRouter.include_router)


def test_a_component_forgets_the_database_and_takes_the_one_it_is_told(zygote: dict[str, Any]) -> None:
    assert zygote["engine after forgetting"] is None
    assert zygote["told"] == ["redis://told/%2F", "redis://told/%2F"]
    assert zygote["database"] == "sqlite:////tmp/told"


@pytest.mark.parametrize("module", preload.IMPORTED)
def test_what_is_imported_before_the_fork_is_there(module: str) -> None:
    assert importlib.util.find_spec(module) is not None, module


def test_every_entry_is_one_that_plans_ask_for() -> None:
    assert set(entrypoints.ENTRIES) == set(KNOWS)


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


def required(function: Any) -> set[str]:
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    found = inspect.signature(function).parameters.values()
    return {p.name for p in found if p.default is p.empty and p.kind not in kinds}


def test_a_job_and_its_runners_are_made_and_run_like_this() -> None:
    from airflow.jobs.job import Job, run_job
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
    from airflow.jobs.triggerer_job_runner import TriggererJobRunner

    assert required(run_job) == {"job", "execute_callable"}
    assert "heartrate" in parameters(Job.__init__)
    assert required(SchedulerJobRunner.__init__) == {"self", "job"}
    assert required(TriggererJobRunner.__init__) == {"self", "job"}
    assert "capacity" in parameters(TriggererJobRunner.__init__)
    for runner, job_type in ((SchedulerJobRunner, "SchedulerJob"), (TriggererJobRunner, "TriggererJob")):
        assert runner.job_type == job_type  # what the agent's probe looks for
        assert required(runner._execute) == {"self"}


def test_the_dag_processors_job_is_called_so() -> None:
    from airflow.jobs.dag_processor_job_runner import DagProcessorJobRunner

    assert DagProcessorJobRunner.job_type == "DagProcessorJob"


def test_the_table_of_jobs_has_the_columns_that_the_agent_reads() -> None:
    from airflow.jobs.job import Job

    columns = set(Job.__table__.columns.keys())
    assert Job.__tablename__ == "job"
    assert {"job_type", "state", "start_date", "latest_heartbeat"} <= columns


def test_the_last_entry_of_the_table_of_revisions_is_the_schema_of_this_airflow() -> None:
    from airflow.utils import db
    from alembic.script import ScriptDirectory

    heads = ScriptDirectory.from_config(db._get_alembic_config()).get_heads()
    assert list(heads) == [tuple(db._REVISION_HEADS_MAP.values())[-1]]
    assert required(db.upgradedb) == set()


def test_managers_of_further_tables_say_their_revision_and_what_they_know() -> None:
    from airflow.utils.db_manager import BaseDBManager, RunDBManager

    assert isinstance(RunDBManager()._managers, list)
    assert required(RunDBManager) == set()
    assert required(BaseDBManager) == {"session"}
    assert required(BaseDBManager.get_current_revision) == required(BaseDBManager.get_script_object) == {"self"}
    assert "version_table_name" in BaseDBManager.__annotations__


def test_the_revisions_read_from_files_are_those_that_alembic_reads() -> None:
    from airflow.utils import db
    from alembic.script import ScriptDirectory

    from airfleet.agent.database import airflow_revisions

    scripts = reversed(list(ScriptDirectory.from_config(db._get_alembic_config()).walk_revisions()))
    known = airflow_revisions.installed().known
    assert [(one.name, one.before or None, one.airflow) for one in known] == [
        (script.revision, script.down_revision, script.module.airflow_version) for script in scripts
    ]
    assert db._REVISION_HEADS_MAP["3.0.0"] == airflow_revisions.FIRST_OF_AIRFLOW_3


def test_migrations_run_on_the_connection_that_they_are_given() -> None:
    from pathlib import Path

    import airflow

    environment = Path(airflow.__file__).with_name("migrations") / "env.py"
    assert 'config.attributes.get("connection", None)' in environment.read_text()


def test_settings_have_what_the_entries_call() -> None:
    from airflow import settings

    assert "do_log" in parameters(settings.dispose_orm)
    for function in (settings.configure_vars, settings.configure_orm):
        assert required(function) == set()


def test_other_names_that_the_entries_use() -> None:
    from airflow import plugins_manager
    from airflow._shared.observability.metrics import stats
    from airflow.api_fastapi.app import cached_app
    from airflow.api_fastapi.auth.tokens import get_signing_args
    from airflow.models import import_all_models
    from airflow.sdk._shared.secrets_masker import SecretsMasker
    from airflow.sdk.log import configure_logging
    from airflow.utils.cli import sigint_handler
    from airflow.utils.providers_configuration_loader import providers_configuration_loaded

    assert "apps" in parameters(cached_app)
    assert required(get_signing_args) == required(import_all_models) == set()
    assert required(stats._get_registry) == required(plugins_manager.get_fastapi_plugins) == set()
    assert {"output", "json_output"} <= set(parameters(configure_logging))
    assert required(SecretsMasker.enable_log_masking) == set()
    assert parameters(sigint_handler) == ["sig", "frame"]
    assert parameters(providers_configuration_loaded) == ["func"]


def test_the_celery_provider_makes_an_app_and_its_signals_are_those_that_we_answer() -> None:
    from airflow.providers.celery.executors import celery_executor_utils as utils
    from celery import signals

    assert required(utils.create_celery_app) == {"team_conf"}
    # The heap is frozen when modules are imported, and thawed when the worker is ready: we freeze it when it is ready.
    assert "import numpy" in inspect.getsource(utils.on_celery_import_modules)
    assert "gc.freeze()" in inspect.getsource(utils.on_celery_import_modules)
    assert "gc.unfreeze()" in inspect.getsource(utils.on_celery_worker_ready)
    assert utils.celery_import_modules is signals.import_modules
    assert utils.worker_ready is signals.worker_ready


def test_the_options_of_a_celery_worker_are_known_to_celery() -> None:
    from celery.apps.worker import Worker
    from celery.concurrency.asynpool import SCHED_STRATEGIES
    from celery.worker.consumer import gossip, heart, mingle

    known = parameters(Worker.on_before_init) + parameters(Worker.setup_defaults) + parameters(Worker.setup_instance)
    assert {"concurrency", "queues", "loglevel", "optimization"} <= set(known)
    assert "fair" in SCHED_STRATEGIES
    assert "without_gossip" in parameters(gossip.Gossip.__init__)
    assert "without_mingle" in parameters(mingle.Mingle.__init__)
    assert "heartbeat_interval" in parameters(heart.Heart.__init__)
    assert "hostname" in parameters(Worker.__mro__[1].__init__)


def test_uvicorn_takes_these_options() -> None:
    import uvicorn

    assert {
        "host", "port", "workers", "timeout_keep_alive", "timeout_graceful_shutdown", "access_log", "log_config"
    } <= set(parameters(uvicorn.run))  # fmt: skip


def test_every_setting_that_we_write_is_one_that_airflow_knows() -> None:
    from airflow.configuration import conf
    from airflow.utils.log import file_task_handler
    from airflow.utils.serve_logs import log_server

    fleet = Fleet(name="shop", root="/srv/shop")
    paths = Paths(home=Path("/srv/shop/.airfleet"), runtime=Path("/run/airfleet-1"))
    context = Context(fleet, paths, Ports(api_servers=(8080,), postgres=5432, broker=6379), secrets.generate())
    parser = configparser.RawConfigParser()
    parser.read_string(airflow_settings.configuration(context))
    written = {(section, key) for section in parser.sections() for key in parser[section]}
    told = {(section, key) for kind in KNOWS for section, key, _ in airflow.settings(context, kind)}
    known = conf.configuration_description
    # Whatever stands in the second of these is handed to kombu, which is asked below.
    others = {"airfleet", celery_settings.TRANSPORT}
    # Read by both sides of the service of logs, and written down nowhere.
    assert 'conf.getint("webserver", "log_request_clock_grace"' in inspect.getsource(file_task_handler)
    assert 'conf.getint("webserver", "log_request_clock_grace"' in inspect.getsource(log_server)
    written.remove(("webserver", "log_request_clock_grace"))
    unknown = [
        f"{section}.{key}"
        for section, key in sorted(written | told)
        if section not in others and key not in known.get(section, {}).get("options", {})
    ]
    assert unknown == []
    assert len(written | told) > 30
    options = {key for section, key in written if section == celery_settings.TRANSPORT}
    assert options <= {*Channel.from_transport_options}


def test_celery_believes_no_other_variable_more_than_its_settings() -> None:
    sources = "".join(
        inspect.getsource(module) for module in (celery.app.base, celery.app.utils, celery.loaders.default)
    )
    read = set(re.findall(r"environ(?:\.get\(|\[)\s*'(CELERY_\w+)'", sources))
    assert read <= component_settings.CELERY_VARIABLES
    assert "CELERY_BROKER_URL" in read


def test_what_a_shell_says_of_another_broker_is_forgotten_with_the_fleets_own(zygote: dict[str, Any]) -> None:
    assert zygote["of another broker"] == [True, False]


def test_listeners_are_called_through_a_manager_whose_calls_can_be_watched() -> None:
    from airflow.listeners.listener import get_listener_manager

    assert callable(get_listener_manager().pm.add_hookcall_monitoring)
