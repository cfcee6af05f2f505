"""Imports and applications that all components share, made before the zygote forks them. [A]

Nothing here connects to a database or a broker, or starts a thread.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from typing import Any

from airfleet.fleet.config.spec import SIMPLE_AUTH_MANAGER
from airfleet.system import fast_import
from airfleet.zygote import immortal_objects

#: ``current`` in this variable: all tasks come from this installation of Airflow
EXECUTION_API = "AIRFLEET_EXECUTION_API"
#: this variable is set where each api-server builds its own application, if references are counted
OWN_API = "AIRFLEET_OWN_API"

#: imported before any fork, in this order
IMPORTED = (
    "airflow.jobs.scheduler_job_runner",
    "airflow.jobs.triggerer_job_runner",
    "airflow.jobs.dag_processor_job_runner",
    "airflow.dag_processing.manager",
    "airflow.dag_processing.processor",
    "airflow.callbacks.database_callback_sink",
    "airflow.api_fastapi.auth.tokens",
    "airflow.api_fastapi.execution_api.app",
    "airflow.api_fastapi.execution_api.routes",
    "airflow.api_fastapi.execution_api.versions",
    "airflow.providers.celery.executors.celery_executor",
    "airflow.providers.celery.executors.celery_executor_utils",
    "airflow.providers.standard.operators.bash",
    "airflow.providers.standard.operators.empty",
    "airflow.providers.standard.operators.python",
    # Airflow asks of every task in every file whether it is one of these two.
    "airflow.providers.standard.operators.trigger_dagrun",
    "airflow.providers.standard.sensors.external_task",
    "airflow.sdk.definitions.asset.metadata",
    "airflow.sdk.definitions.connection",
    "airflow.sdk.execution_time.task_runner",
    "airfleet.pipelines.airflow.bundle",
    "airfleet.dag_processor.job_runner",
    "airfleet.scheduler.job_runner",
    "airfleet.worker.celery_task",
    "airfleet.task_process.main",
    "airfleet.worker.consumer",
    "airfleet.worker.coordinator",
    "airfleet.api_server.fast_path",
    "airfleet.worker.result_backend",
    "airfleet.worker.slot_pool",
    "airfleet.task_process.pool",
    "airfleet.worker.queue_declarations",
    "airfleet.triggerer.job_runner",
    "airfleet.system.uvicorn_server",
    "asgiref.sync",
    "billiard.heap",
    "billiard.popen_fork",
    "billiard.sharedctypes",
    "celery.app.amqp",
    "celery.app.control",
    "celery.app.events",
    "celery.app.log",
    "celery.apps.worker",
    "celery.concurrency.prefork",
    "celery.events.receiver",
    "celery.loaders.app",
    "celery.worker.autoscale",
    "celery.worker.components",
    "celery.worker.consumer",
    "celery.worker.control",
    "celery.worker.heartbeat",
    "celery.worker.loops",
    "celery.worker.pidbox",
    "celery.worker.request",
    "celery.worker.strategy",
    "encodings.idna",
    "jinja2.ext",
    "kombu.asynchronous.semaphore",
    "kombu.matcher",
    "kombu.mixins",
    "kombu.pidbox",
    "kombu.transport.redis",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
    "uvloop",
    "websockets.server",
)


def import_models() -> None:
    """Import what the application of the API and the migration build on."""
    from airflow.models import import_all_models

    import_all_models()


def import_airflow() -> None:
    """Import everything that any component needs; connect to nothing.

    Each component imports a missing module itself, at a cost of time and memory of its own.
    """
    for module in IMPORTED:
        importlib.import_module(module)
    from airflow._shared.observability.metrics import stats
    from airflow.utils.providers_configuration_loader import providers_configuration_loaded
    from sqlalchemy.orm import configure_mappers

    from airfleet.worker import celery_task

    celery_task.prepare()
    import_models()
    # Left to the first query of each component, this would cost each of them pages of its own.
    configure_mappers()
    # The list of all metrics, read from YAML: half a second for each component that counts something.
    stats._get_registry()
    providers_configuration_loaded(lambda: None)()


def is_shared() -> bool:
    """Tell whether api-servers share the application that the zygote builds.

    It has no database: with an auth manager that may ask one (FAB does), each api-server builds its own. So does the
    only api-server of a small machine where references are counted: what it writes to would be there twice.
    """
    return not asks_database() and (immortal_objects.are_possible() or not os.environ.get(OWN_API))


def asks_database() -> bool:
    """Tell whether the auth manager may have tables of its own."""
    from airflow.configuration import conf

    return str(conf.get("core", "auth_manager")) != SIMPLE_AUTH_MANAGER


def build_shared_api() -> None:
    """Build the API application for all api-servers, where they share one."""
    if is_shared():
        build_api()


def build_api() -> Any:
    """Build the API application, execution API included, unless this process has it already."""
    import airflow.api_fastapi.app

    # The plugins it loads must see the server's chain of secrets backends, as in airflow.api_fastapi.main.
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
    application = airflow.api_fastapi.app.cached_app(apps="all")
    forget_copied_routes()
    if os.environ.get(EXECUTION_API) == "current":
        mounted: dict[str, Any] = {getattr(route, "path", ""): route for route in application.routes}
        fast_import.serve_current_version_only(mounted["/execution"].app)
    asyncio.run(_request(application, f"{application.root_path}/execution/health"))
    del os.environ["_AIRFLOW_PROCESS_CONTEXT"]
    return application


def forget_copied_routes() -> None:
    """Remove the routes of Airflow's REST API that the application has copied from their routers.

    FastAPI copies each route into the router that includes it, with validators of its own: Airflow's application has
    the third copy, and 25 MB are kept for the first two. The execution API's routers stay: a dag-processor and a
    triggerer build an application of their own from them.
    """
    from airflow.api_fastapi.common.router import AirflowRouter

    prefix = "airflow.api_fastapi.core_api.routes."
    modules = [module for name, module in list(sys.modules.items()) if name.startswith(prefix)]
    for router in {id(one): one for module in modules for one in vars(module).values()}.values():
        if type(router) is AirflowRouter:
            router.routes.clear()


async def _request(application: Any, path: str) -> None:
    """Make one request without a network: the first makes the execution API build all its routers."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: dict[str, Any]) -> None:
        return None

    await application(scope, receive, send)


def forget_database() -> None:
    """Drop the engine that importing Airflow made; it never connected."""
    from airflow import settings

    settings.dispose_orm(do_log=False)
