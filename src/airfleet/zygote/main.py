"""The process that imports Airflow once and forks every component. [A]

It speaks JSON lines with the agent over a socket whose descriptor is in ``AIRFLEET_ZYGOTE_FD``::

    zygote                                     agent
                                         <-          {"name", "entry", "options", "log", "listens"} + a file   fork
    {"said": "forked", "name", "pid"}    ->
    {"said": "ready"}                    ->          everything is imported and built
    (socket closed)                      <-          end

It loads in three steps: the models, the application of the API, everything else. Building the application leaves much
garbage, so it comes early: what is imported next fills the room that the garbage had.

Orders wait in the socket until it can obey them. The migration is the only one given before it
is ready: it is forked between two of these steps. Everything else is forked after them, and so shares all of its pages.

Each component is forked twice: the process between ends at once, so that the component becomes
a child of the agent (a subreaper) and outlives the zygote. It does nothing before the agent was
told of it: a zygote that dies between the two leaves no component of which nobody knows.

Before any fork there is no thread and no database connection; what was imported is frozen, so
the garbage collector of a child does not touch (and so copy) its pages. Secrets are in the file that
comes with the order to fork: its descriptor is passed on, and only the child that needs them reads it.
A secret that this process had read would stay in the memory of everything that it forks, tasks among them.

Deaths, and their effects: when the zygote dies, components go on and the agent starts another. When the agent dies, the
socket closes and the zygote ends. A child that cannot start says why in its log and ends with exit code 1.
"""

from __future__ import annotations

import contextlib
import gc
import json
import linecache
import os
import select
import signal
import socket
import sys
import traceback
from typing import Any, NoReturn

from airfleet.agent.host import cgroups
from airfleet.agent.supervisor.process import ZYGOTE_DESCRIPTOR
from airfleet.system import disk_full_logging, fast_import
from airfleet.zygote import component_settings, entrypoints, immortal_objects, preload, shared_heap, warm_up


def main() -> None:
    """Import, build, report, and serve orders until the agent closes the socket."""
    disk_full_logging.keep_streams()  # before Airflow's logging takes hold of them
    connection = socket.socket(fileno=int(os.environ.pop(ZYGOTE_DESCRIPTOR)))
    connection.set_inheritable(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the agent to handle
    orders = ForkOrders(connection)
    with fast_import.few_collections():
        for load in (preload.import_models, preload.build_shared_api, preload.import_airflow, warm_up.run):
            load()
            preload.forget_database()
            if not _obey_waiting(connection, orders):
                return
    _settle()
    _say(connection, said="ready")
    while _obey_next(connection, orders):
        pass


class ForkOrders:
    """Reads orders, each with the descriptor of its settings, and of a listening socket where it says so."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._read = b""
        self._descriptors: list[int] = []

    def next(self) -> tuple[dict[str, Any], tuple[int, ...]] | None:
        """Read an order and its descriptors; None when the agent is gone."""
        while b"\n" not in self._read:
            more, descriptors, _, _ = socket.recv_fds(self._connection, 65536, 2)
            if not more:
                return None
            self._read += more
            self._descriptors += descriptors
        line, _, self._read = self._read.partition(b"\n")
        order = json.loads(line)
        return order, tuple(self._descriptors.pop(0) for _ in range(2 if order["listens"] else 1))


def _obey_waiting(connection: socket.socket, orders: ForkOrders) -> bool:
    """Obey the orders that are there; False when the agent is gone."""
    while select.select([connection], [], [], 0)[0]:
        if not _obey_next(connection, orders):
            return False
    return True


def _obey_next(connection: socket.socket, orders: ForkOrders) -> bool:
    """Obey one order; False when the agent is gone."""
    found = orders.next()
    if found is None:
        return False
    order, descriptors = found
    wait, go = os.pipe()
    pid = fork(order, descriptors, connection, wait, go)
    os.close(wait)
    for descriptor in descriptors:
        os.close(descriptor)
    _say(connection, said="forked", name=order["name"], pid=pid)
    with contextlib.suppress(BrokenPipeError):  # it was killed meanwhile, and the agent knows
        os.write(go, b"\0")
    os.close(go)
    return True


def _settle() -> None:
    """Make the heap such that children share as much of it as they can."""
    linecache.clearcache()
    immortal_objects.make_immortal()
    shared_heap.give_back()
    shared_heap.fill_holes()
    gc.freeze()
    shared_heap.use_huge_pages()


def fork(order: dict[str, Any], descriptors: tuple[int, ...], connection: socket.socket, wait: int, go: int) -> int:
    """Fork the component of ``order`` as a child of the agent; returns its pid.

    ``descriptors`` are that of what it alone is told, and perhaps one of a socket that it accepts callers on. ``wait``
    and ``go`` are the ends of a pipe: it begins when there is something to read, and ends at once when there will never
    be.
    """
    read, write = os.pipe()
    between = os.fork()
    if between == 0:
        component = os.fork()
        if component == 0:
            os.close(read)
            os.close(write)
            os.close(go)
            _let_go(connection)
            if not os.read(wait, 1):
                os._exit(1)  # no success: a step that must be done once would be held to be done
            os.close(wait)
            _become(order, *descriptors)
        os.write(write, str(component).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        pid = int(answer.read())
    os.waitpid(between, 0)  # from here on the component is the agent's child
    return pid


def _let_go(connection: socket.socket) -> None:
    """Give up a child's copy of the socket, by which secrets of other components come.

    Not ``close``: that only counts down while the reader of orders holds the socket too.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, connection.fileno(), inheritable=False)
    os.close(nothing)


def _become(order: dict[str, Any], settings: int, listener: int | None = None) -> NoReturn:
    code = 1
    try:
        os.setsid()
        _redirect(order["log"])
        cgroups.enter(order["name"], order["options"])
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.environ["AIRFLEET_COMPONENT"] = order["name"]
        entrypoints.PREPARATIONS.get(order["entry"], _nothing)(settings)
        with os.fdopen(settings) as told:
            component_settings.apply(json.load(told))
        inherited = {} if listener is None else {"listener": str(listener)}
        entrypoints.ENTRIES[order["entry"]]({**order["options"], **inherited})
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        component_settings.finish()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _nothing(_: int) -> None:
    """Prepare nothing, as most components do before their settings."""


def _redirect(log: str) -> None:
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)


def _say(connection: socket.socket, **message: Any) -> None:
    connection.sendall(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()
