"""Components that are servers: api-server, Flower, log server. [A]"""

from __future__ import annotations

import importlib
import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from airfleet.metadata import api_availability
from airfleet.system import fast_import
from airfleet.zygote import component_sleep, preload, service_user, shared_heap
from airfleet.zygote.component_settings import Options, use_database

if TYPE_CHECKING:
    from flower.app import Flower

    from airfleet.api_server.fast_path import FastPath
    from airfleet.api_server.release_objects import ReleaseObjects
    from airfleet.releases.places import Places

#: tasks that Flower keeps in memory, some 5 kB each; its default is ten times as many
FLOWER_TASKS = 10_000


def api_server(options: Options) -> None:
    """Run ``airflow api-server`` with the application that the zygote has built, or this process builds now."""
    from airflow import settings
    from airflow.api_fastapi.auth.tokens import get_signing_args

    from airfleet.api_server import remote_logs
    from airfleet.monitor import guarded_listeners
    from airfleet.releases.places import Places
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
        _served(Places(Path(options["releases"]))),
        host=options["address"],
        port=int(options["port"]),
        # A client's own headers about its address count only from the proxy.
        proxy_headers=bool(believed),
        forwarded_allow_ips=list(believed),
        timeout_keep_alive=120,
        timeout_graceful_shutdown=5,
        access_log=False,  # Airflow's own middleware logs requests
        log_config=None,
    )


def _served(releases: Places) -> FastPath | ReleaseObjects:
    """Return Airflow's application with our ways before it; objects of releases where other hosts may want them."""
    from airflow.api_fastapi.auth.tokens import get_signing_key
    from airflow.configuration import conf

    from airfleet.api_server.fast_path import FastPath
    from airfleet.api_server.release_objects import ReleaseObjects

    application = importlib.import_module("airflow.api_fastapi.main").app
    # It signs what goes to the browser and comes back, and was built where the key is not known.
    application.state.secret_key = get_signing_key("api", "secret_key")
    key = conf.get("airfleet", "releases_key", fallback="")
    fast = FastPath(application)
    return ReleaseObjects(fast, releases, key, application.root_path) if key else fast


def _build_api(user: str) -> None:
    """Build the application of this process alone. Raises SystemExit with a sentence."""
    from airflow.configuration import conf

    try:
        with fast_import.few_collections():
            preload.build_api()
        shared_heap.give_back()
        service_user.ensure(user, Path(conf.get("core", "simple_auth_manager_passwords_file")))
    except Exception as wrong:
        traceback.print_exc()
        name = str(conf.get("core", "auth_manager")).rpartition(".")[2]
        raise SystemExit(f"the auth manager {name} cannot start: {wrong!r}") from None


def addresses(hosts: str) -> tuple[str, ...]:
    """Return every IP address of these hosts (``a,10.0.0.2``); an unknown name has none."""
    found: list[str] = []
    for host in filter(None, hosts.split(",")):
        try:
            found += [str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError) as unknown:
            print(f"the proxy's host '{host}' is not believed: {unknown}", file=sys.stderr)
    return tuple(dict.fromkeys(found))


def flower(options: Options) -> None:
    """Run ``airflow celery flower`` with its password, and without variables of the environment."""
    from airflow.configuration import conf
    from airflow.providers.celery.executors.celery_executor_utils import create_celery_app
    from flower import command
    from flower.app import Flower
    from flower.urls import settings
    from tornado.options import options as told

    from airfleet.api_server import flower_auth, flower_idle
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
    idle, after_seconds = flower_idle.IdleClock(), component_sleep.after_seconds(options)
    page = Flower(capp=app, options=told, **{**settings, "log_function": idle.noted})
    flower_auth.ask_for_password(page, options["path"])
    _accept(page, options.get("listener"))
    if after_seconds is not None:
        idle.stop_after(after_seconds, page.io_loop)
    try:
        page.start()
    finally:
        page.stop()
    component_sleep.end()  # nothing else stops its loop


def _accept(page: Flower, listener: str | None) -> None:
    """Serve on the socket that the agent listens on, or on one of its own."""
    if listener is None:
        page.start_http_server()
        return
    from tornado.httpserver import HTTPServer

    HTTPServer(page).add_socket(socket.socket(fileno=int(listener)))


def log_server(options: Options) -> None:
    """Run ``airflow serve-logs``, for other hosts."""
    from airfleet.log_server import main as log_server

    log_server.serve(options["address"], int(options["port"]), Path(options["components"]))
