"""Loads the Dags of a file into a Dag zygote, as an attempt would load them itself. [A]

The first steps of an attempt are done once for many (reference: ``parse`` in
airflow/sdk/execution_time/task_runner.py): the bundle, the Dag bag with its policies and template files, the classes
that XComs may hold. A file that does more than define Dags while it is read is not shared: each attempt loads it, by
Airflow's own code (:class:`Unshareable`, and :mod:`airfleet.task_process.side_effects`).
"""

from __future__ import annotations

import functools
import json
import math
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import structlog
from airflow.dag_processing.bundles.base import BaseDagBundle
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.sdk import DAG
from airflow.sdk.definitions._internal.dag_parsing_context import _airflow_parsing_context_manager
from airflow.sdk.execution_time import task_runner
from airflow.sdk.listener import get_listener_manager
from airflow.sdk.log import configure_logging, reset_logging

from airfleet import file_stamps
from airfleet.file_stamps import Stamp
from airfleet.task_process import ipc, template_fields
from airfleet.task_process.work import Unshareable

#: where everything that forks attempts, and each attempt, writes its log: to nowhere, until it is given a channel
LOG_CHANNEL = open(os.devnull, "wb", buffering=0)  # noqa: SIM115 - open for as long as the process lives
#: a Python file can depend on the clock; Airflow's own picture of it is as old (min_file_process_interval)
PYTHON_SECONDS_GOOD = 30.0
#: files that are read in part, one Dag at a time, and depend on nothing but files
_DECLARATIVE = (".yaml", ".yml")


@dataclass(frozen=True)
class Loaded:
    """The Dags of one file, by id, and the bundle that it is in."""

    bundle: BaseDagBundle
    dags: Mapping[str, DAG]


def prepare() -> None:
    """Set up logging as attempts need it, before anything is forked: setting it up is dear.

    It writes to the descriptor of :data:`LOG_CHANNEL`, which each process replaces by its own.
    """
    reset_logging()
    configure_logging(json_output=True, output=LOG_CHANNEL, sending_to_supervisor=True)


def file_of(bundle: str, version: str | None, path: str, dag_id: str) -> ipc.DagFile:
    """Return the file of an attempt, and the part of it that its zygote loads.

    An attempt without a version has the newest one of a bundle whose versions stay on the host.
    """
    return ipc.DagFile(bundle, version or _newest(bundle), path, dag_id if path.endswith(_DECLARATIVE) else None)


def _newest(bundle: str) -> str | None:
    found: Any = _unversioned(bundle)
    if not getattr(found, "keeps_versions", False):
        return None
    found.follow()
    now = found.get_current_version()
    return None if now is None else str(now.version)


@functools.cache
def _unversioned(bundle: str) -> BaseDagBundle | None:
    with suppress(ValueError):  # a bundle that is not configured: the attempt says so
        return DagBundlesManager().get_bundle(name=bundle)
    return None


def seconds_good(file: ipc.DagFile) -> float:
    """Return the seconds for which Dags of ``file`` may serve when no file changes."""
    return math.inf if file.path.endswith(_DECLARATIVE) else PYTHON_SECONDS_GOOD


def path_of(file: ipc.DagFile) -> Path:
    """Return the path of a file in its bundle, at its version."""
    return Path(_bundle(file).path / file.path)


def stamp(file: ipc.DagFile) -> Stamp | None:
    """Return a value that tells one content of the file from the next."""
    return file_stamps.stamp(str(path_of(file)))


def load(file: ipc.DagFile) -> Loaded:
    """Load the Dags of ``file``.

    Raises:
        Unshareable: they cannot serve several attempts, or there are problems that the attempt reports.
    """
    with _refusing_requests(), _quiet(), _airflow_parsing_context_manager(dag_id=file.dag, task_id=None):
        bundle = _bundle(file)
        bundle.initialize()
        task_runner._verify_bundle_access(bundle, structlog.get_logger(__name__))
        bag = BundleDagBag(
            dag_folder=os.fspath(bundle.path / file.path),
            safe_mode=False,
            load_op_links=False,
            bundle_path=bundle.path,
            bundle_name=file.bundle,
        )
        _let_crashes_end_the_process()
        for dag in bag.dags.values():
            task_runner._register_deserialization_allowed_classes(dag, structlog.get_logger(__name__))
            _import_functions(dag)
        get_listener_manager()  # plugins, which every attempt would look for otherwise
        template_fields.prepare()
    if bag.import_errors:
        raise Unshareable("it has problems")
    if bag.captured_warnings:
        raise Unshareable("it causes warnings")
    return Loaded(bundle, bag.dags)


def _import_functions(dag: DAG) -> None:
    """Let operators that import late do it now, once for all attempts; what fails will fail in its task."""
    for task in dag.tasks:
        if import_function := getattr(task, "import_function", None):
            with suppress(Exception):
                import_function()


def _bundle(file: ipc.DagFile) -> BaseDagBundle:
    return DagBundlesManager().get_bundle(name=file.bundle, version=file.version)


class _Refusing:
    """Stands where an attempt has its connection to the API; there is none before there is an attempt."""

    socket = None

    def __init__(self) -> None:
        self.asked = False

    def send(self, msg: object) -> NoReturn:
        self.asked = True
        raise RuntimeError("a Dag zygote has no attempt for which it could ask")

    async def asend(self, msg: object) -> NoReturn:
        self.send(msg)


@contextmanager
def _refusing_requests() -> Iterator[None]:
    """Notice a file that reads Variables or connections, or masks secrets, while it is loaded."""
    refusing = _Refusing()
    task_runner.SUPERVISOR_COMMS = refusing  # type: ignore[assignment]
    try:
        yield
    finally:
        del task_runner.SUPERVISOR_COMMS
        if refusing.asked:
            raise Unshareable("it asks Airflow for something")


@contextmanager
def _quiet() -> Iterator[None]:
    """Notice a file that prints or logs: that belongs into the log of each attempt."""
    said, logged = os.memfd_create("said"), os.memfd_create("logged")
    _flush()
    kept = {number: os.dup(number) for number in (1, 2, LOG_CHANNEL.fileno())}
    for number in kept:
        os.dup2(logged if number == LOG_CHANNEL.fileno() else said, number)
    try:
        yield
    finally:
        _flush()
        for number, descriptor in kept.items():
            os.dup2(descriptor, number)
        spoke = os.lseek(said, 0, os.SEEK_END) > 0 or any(map(_is_users, _lines(logged)))
        ipc.close([said, logged, *kept.values()])
        if spoke:
            raise Unshareable("it prints or logs something")


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def _lines(descriptor: int) -> list[bytes]:
    return os.pread(descriptor, os.lseek(descriptor, 0, os.SEEK_END), 0).splitlines()


def _is_users(line: bytes) -> bool:
    """Tell whether a line of a log comes from user code."""
    said: dict[str, Any] = json.loads(line)
    return not str(said.get("logger", "")).startswith(("airflow.", "airfleet."))


def _let_crashes_end_the_process() -> None:
    """Undo what Airflow's importer leaves behind: its handler in Python returns to what crashed, over and over."""
    handler = signal.getsignal(signal.SIGSEGV)
    if getattr(handler, "__module__", "").startswith("airflow."):
        with suppress(ValueError):  # not in the main thread, where Airflow has set none either
            signal.signal(signal.SIGSEGV, signal.SIG_DFL)
