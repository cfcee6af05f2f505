"""Airflow alone, with what it brings itself: the system that a fleet is compared with.

::

    with StockAirflow(Path("/tmp/stock"), dags=Path("dags")) as stock:
        stock.wait_for_dag("hello")
        run = stock.trigger("hello")
        assert stock.wait_for_run("hello", run) == "success"
        stock.request("GET", f"dags/hello/dagRuns/{run}/taskInstances")

It is CeleryExecutor on the embedded PostgreSQL and Valkey; every component is a process that the ``airflow`` command
started, and every setting has Airflow's default but addresses, secrets and what ``settings`` says. Nothing of airfleet
is loaded by it. Order: servers, migration, all components at once; the block begins when all of them are healthy and
the worker takes tasks. A component that ends before that is an error that shows the end of its log. With
``keep_running`` a component that ends later is started again at once. The end of the block ends every process,
whatever happens in it; the folder stays. Several of them are one Airflow when they have servers and secrets in common.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg

from airfleet.agent.probes import component_probe
from airfleet.agent.probes.component_probe import ProbeSubject
from airfleet.agent.probes.database_connection import DatabaseConnection
from airfleet.client.api_client import Api
from airfleet.drill.dags import RunsDags
from airfleet.drill.waiting import wait_until
from airfleet.fleet.config.spec import LOOPBACK
from airfleet.fleet.planning.paths import fleet_id
from airfleet.fleet.planning.plan import HttpAnswers, JobBeats, Probe
from airfleet.fleet.servers import databases, secrets
from airfleet.system import process_tree
from airfleet.system import procfs as processes
from airfleet.testing.fleet import clean_environment
from airfleet.testing.lifetime import Startable
from airfleet.testing.ports import free_ports
from airfleet.testing.servers import Servers, spawn

START_SECONDS = 240.0
STOP_SECONDS = 30.0
#: until what was asked to end is ended by force, as systemd does; longer than tasks run that a worker waits for
SHUT_DOWN_SECONDS = 90.0
USER = "admin"

COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler",),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer",),
    "worker": ("celery", "worker"),
}
_BEATS = {"scheduler": "SchedulerJob", "dag-processor": "DagProcessorJob", "triggerer": "TriggererJob"}
#: what Celery writes as soon as it takes tasks
_WORKER_READY = " ready."
#: in so much of what it writes first
_FIRST_BYTES = 65536
#: how soon a component that has ended is started again
_KEEP_SECONDS = 0.2


@dataclass
class StockAirflow(Startable, RunsDags):
    """Airflow of this environment in ``folder``, with the Dags of the folder ``dags``."""

    folder: Path
    dags: Path = field(kw_only=True)
    #: section -> key -> value, over Airflow's defaults
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict, kw_only=True)
    slots: int = field(default=2, kw_only=True)
    #: environment variables for every component, and so for tasks
    environ: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    #: name -> arguments of ``airflow``
    components: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(COMPONENTS), kw_only=True)
    keep_running: bool = field(default=False, kw_only=True)
    #: PostgreSQL and Valkey that somebody else starts and stops; None is some of its own
    given_servers: Servers | None = field(default=None, kw_only=True)
    #: where the api-server listens, which another may have
    api_address: str = field(default=LOOPBACK, kw_only=True)
    api_port: int | None = field(default=None, kw_only=True)
    #: None is some of its own
    given_secrets: secrets.Secrets | None = field(default=None, kw_only=True, repr=False)
    #: whether its start makes the tables of the database
    migrates: bool = field(default=True, kw_only=True)
    #: words before the command of a component: they start it in its place
    within: tuple[str, ...] = field(default=(), kw_only=True)
    _secrets: secrets.Secrets = field(init=False, repr=False)
    _ports: tuple[int, ...] = field(init=False, repr=False)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict, init=False, repr=False)
    #: when each was started last; by the clock of the machine, which is the database's, too
    _started: dict[str, float] = field(default_factory=dict, init=False, repr=False)
    #: how long its log was then
    _logged: dict[str, int] = field(default_factory=dict, init=False, repr=False)
    _unpaused: set[str] = field(default_factory=set, init=False, repr=False)
    _ending: threading.Event = field(default_factory=threading.Event, init=False, repr=False)
    #: no component is started again meanwhile
    _resting: threading.Event = field(default_factory=threading.Event, init=False, repr=False)

    def __post_init__(self) -> None:
        self.folder = self.folder.absolute()
        self._secrets = self.given_secrets or secrets.generate()
        api, *others = free_ports(3)
        self._ports = (self.api_port or api, *others)

    # --- its life ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Start everything and wait until it is healthy. Raises AssertionError."""
        self.logs.mkdir(parents=True, exist_ok=True)
        if self.given_servers is None:
            self.servers.start()
        self._write_password()
        if self.migrates:
            self.airflow("db", "migrate")
        for name in self.components:
            self._start(name)
        wait_until(self._healthy, START_SECONDS, "Airflow is healthy", pause_seconds=0.5)
        if self.keep_running:
            self._keeper.start()

    def stop(self) -> None:
        """End every process; files stay."""
        self._ending.set()
        if self._keeper.is_alive():
            self._keeper.join()
        process_tree.end(lambda: process_tree.find(self._mark), STOP_SECONDS)
        for process in self._running.values():
            process.wait()
        self._running.clear()
        if self.given_servers is None:
            self.servers.stop()

    def airflow(self, *arguments: str) -> str:
        """Run an ``airflow`` command and give its output. Raises AssertionError with that output when it fails."""
        done = subprocess.run(
            [_PROGRAM, *arguments], env=self._environment, capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == 0, f"airflow {' '.join(arguments)}:\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    # --- what it is ------------------------------------------------------------------------------

    @cached_property
    def _keeper(self) -> threading.Thread:
        return threading.Thread(target=self._keep, name="keeper", daemon=True)

    @cached_property
    def servers(self) -> Servers:
        """PostgreSQL and Valkey."""
        return self.given_servers or Servers(self.folder / "servers")

    @cached_property
    def database_url(self) -> str:
        """``postgresql://...`` of the metadata database."""
        return self.servers.database("airflow")

    @property
    def url(self) -> str:
        """Where the api-server listens."""
        return f"http://{self.api_address}:{self._ports[0]}"

    @property
    def logs(self) -> Path:
        """``<component>.log`` of each component."""
        return self.folder / "component-logs"

    @property
    def task_logs(self) -> Path:
        """Logs of tasks, in Airflow's own order."""
        return self.folder / "home" / "logs"

    def component(self, name: str) -> int:
        """Give the pid of the process that was started as this component."""
        return self._running[name].pid

    def power_off(self) -> None:
        """End every process at once, and start none until :meth:`power_on`."""
        self._resting.set()
        for pid in self.processes():
            processes.send(pid, signal.SIGKILL)

    def shut_down(self) -> None:
        """Ask components, and nothing that they started, to end, and start none until :meth:`power_on`."""
        self._resting.set()
        for process in self._running.values():
            process.terminate()
        deadline = time.monotonic() + SHUT_DOWN_SECONDS
        while self.processes() and time.monotonic() < deadline:
            time.sleep(_KEEP_SECONDS)
        self.power_off()

    def power_on(self) -> None:
        """Let what has ended be started again."""
        self._resting.clear()

    def pid_of_each(self) -> Mapping[str, int]:
        """Give the pid of each component's latest process."""
        return {name: process.pid for name, process in self._running.items()}

    def is_well(self) -> bool:
        """Tell whether every component runs, and beats, answers or takes tasks."""
        try:
            return all(one.poll() is None for one in self._running.values()) and self._works()
        except psycopg.Error:
            return False

    def known_secrets(self) -> tuple[str, ...]:
        """List the generated secrets, which must not stand in a log."""
        return tuple(map(str, asdict(self._secrets).values()))

    def pids(self) -> tuple[int, ...]:
        """List every process of it, servers included."""
        return tuple(sorted({*self.processes(), *self.servers.pids()}))

    def processes(self) -> tuple[int, ...]:
        """List every process of Airflow itself."""
        return process_tree.find(self._mark)

    # --- what it does ----------------------------------------------------------------------------

    @cached_property
    def api(self) -> Api:
        """The REST API as the administrator."""
        return Api(self.url, USER, self._secrets.user_password)

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send ``GET``, ``POST`` or ``PATCH`` to a path below ``/api/v2/``, which may have a query.

        Raises ApiError when Airflow refuses.
        """
        parts = urlsplit(path)
        words, query = [unquote(word) for word in parts.path.strip("/").split("/")], dict(parse_qsl(parts.query))
        match method:
            case "GET":
                return self.api.get(*words, **query)
            case "POST":
                return self.api.post(*words, body=body or {})
            case "PATCH":
                return self.api.patch(*words, body=body or {}, **query)
        raise ValueError(f"{method} is not GET, POST or PATCH")

    def wait_for_dag(self, dag_id: str, seconds: float = START_SECONDS) -> None:
        """Wait until Airflow knows a Dag, for which it takes its time."""
        super().wait_for_dag(dag_id, seconds)

    # --- how it is started -----------------------------------------------------------------------

    def _start(self, name: str) -> None:
        self._started[name] = time.time()
        with self._log(name).open("ab") as log:
            self._logged[name] = log.tell()
            self._running[name] = spawn([*self.within, _PROGRAM, *self.components[name]], self._environment, log)

    def _keep(self) -> None:
        while not self._ending.wait(_KEEP_SECONDS):
            for name, process in tuple(self._running.items()):
                if process.poll() is not None and not (self._ending.is_set() or self._resting.is_set()):
                    self._start(name)

    def _healthy(self) -> bool:
        for name, process in self._running.items():
            if process.poll() is not None:
                raise AssertionError(f"{name} ended with {process.returncode}:\n{self._end_of_log(name)}")
        return self._works()

    def _works(self) -> bool:
        """Tell whether the API answers, the worker takes tasks, and the latest component of each kind beats."""
        with closing(DatabaseConnection(self.database_url)) as database:
            beating = all(
                component_probe.ask(JobBeats(job_type), ProbeSubject(0, self._latest_start(kind), database)).well
                for kind, job_type in _BEATS.items()
                if kind in self.components
            )
            answering = component_probe.ask(self._api_answers, ProbeSubject(0, 0.0, database)).well
        return beating and answering and ("worker" not in self.components or self._takes_tasks())

    def _takes_tasks(self) -> bool:
        """Tell whether the worker that was started last has said so."""
        with self._log("worker").open("rb") as log:
            log.seek(self._logged["worker"])
            return _WORKER_READY.encode() in log.read(_FIRST_BYTES)

    def _latest_start(self, kind: str) -> float:
        return max(at for name, at in self._started.items() if name.startswith(kind))

    @property
    def _api_answers(self) -> Probe:
        return HttpAnswers((f"{self.url}/api/v2/version", f"{self.url}/execution/health"))

    def _end_of_log(self, name: str) -> str:
        return self._log(name).read_text(errors="replace")[-8000:]

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def _write_password(self) -> None:
        (self.folder / "home").mkdir(parents=True, exist_ok=True)
        secrets.write_private(self._passwords, json.dumps({USER: self._secrets.user_password}))

    @property
    def _passwords(self) -> Path:
        return self.folder / "home" / "passwords.json"

    @property
    def _mark(self) -> str:
        return f"stock-{fleet_id(self.folder)}"

    @cached_property
    def _environment(self) -> dict[str, str]:
        options = {
            f"AIRFLOW__{section.upper()}__{key.upper()}": value
            for chosen in (self._needed(), self.settings)
            for section, values in chosen.items()
            for key, value in values.items()
        }
        home = {"AIRFLOW_HOME": str(self.folder / "home"), process_tree.MARK: self._mark, "SPT_NOENV": "1"}
        return clean_environment() | home | options | dict(self.environ)

    def _needed(self) -> Mapping[str, Mapping[str, str]]:
        """Give the settings whose defaults several systems on one machine cannot share."""
        api, worker_logs, trigger_logs = map(str, self._ports)
        driver = databases.for_sqlalchemy(self.database_url)
        return {
            "core": {
                "executor": "CeleryExecutor",
                "load_examples": "False",
                "dags_folder": str(self.dags.absolute()),
                "execution_api_server_url": f"{self.url}/execution/",
                "simple_auth_manager_users": f"{USER}:admin",
                "simple_auth_manager_passwords_file": str(self._passwords),
                "fernet_key": self._secrets.fernet_key,
            },
            "database": {"sql_alchemy_conn": driver, "sql_alchemy_conn_async": driver},
            "api": {
                "base_url": self.url,
                "host": self.api_address,
                "port": api,
                "secret_key": self._secrets.api_secret_key,
            },
            "api_auth": {"jwt_secret": self._secrets.jwt_secret},
            "celery": {"broker_url": self.servers.broker(), "worker_concurrency": str(self.slots)},
            "logging": {"worker_log_server_port": worker_logs, "trigger_log_server_port": trigger_logs},
        }


_PROGRAM = str(Path(sys.executable).parent / "airflow")
