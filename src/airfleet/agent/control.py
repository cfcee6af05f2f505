"""The control protocol between commands and the agent: JSON lines over a Unix socket.

A client sends one line, ``{"do": "status" | "watch" | "stop" | ..., ...}``:

- ``status``: the agent answers with one snapshot and closes;
- ``watch``: a snapshot now and after every change, until the client closes or the agent ends;
- ``stop``: the agent begins to stop the fleet, in which running tasks may take ``seconds`` to end, and sends
  snapshots until it is gone;
- ``restart``: ends one component (``name``); the agent starts it again;
- ``order``: tells ``host`` (nothing: this one) what to do from now on (``orders``, see
  :mod:`airfleet.agent.supervisor.overrides`);
- ``bury``: ``host`` is off, as a person says: what ran there runs again elsewhere.

The socket lies in a directory of mode 0700, so who may open it may command it.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from airfleet.agent.host_facts import HostDifference
from airfleet.agent.release_status import ReleaseStatus
from airfleet.agent.states import FINE, HostState, State
from airfleet.errors import FleetError
from airfleet.spool.current_work import Kind
from airfleet.system import unix_sockets


@dataclass(frozen=True)
class ComponentStatus:
    """One component as the agent sees it; times in seconds."""

    name: str
    kind: str
    state: State
    pid: int | None = None
    #: since the component's first start in this run of the agent, until it was ready
    started_after: float | None = None
    #: in this state for so long
    since: float = 0.0
    restarts: int = 0
    #: why it is in this state, as a sentence; empty when there is nothing to say
    reason: str = ""
    #: the last lines of its log, given when it died
    last_lines: tuple[str, ...] = ()
    #: what it listens on, e.g. ``127.0.0.1:8080``
    address: str = ""
    log: str = ""
    #: of a worker its name in ``fleet.yaml``, which several may share
    group: str = ""
    #: of an embedded server its program, with version and path
    program: str = ""
    #: what it worked on when it died last (``file``, ``dag``, ``run``), and the error that its log ended with
    work_kind: Kind = Kind.NOTHING
    work_name: str = ""
    error: str = ""
    #: the SQL of that error, shortened, without its values
    statement: str = ""
    #: of one that was given up: seconds until it is tried again
    tried_again_in: float | None = None
    #: proportional memory of all its processes, MB; None when not asked for
    memory_mb: float | None = None

    def in_short(self) -> dict[str, Any]:
        """Return the part that other hosts are told."""
        return {
            "name": self.name,
            "kind": self.kind,
            "state": str(self.state),
            "pid": self.pid,
            "since": round(self.since, 1),
            "restarts": self.restarts,
            "reason": self.reason,
            "work_kind": str(self.work_kind),
            "work_name": self.work_name,
            "error": self.error,
            "statement": self.statement,
            "address": self.address,
            "group": self.group,
        }


@dataclass(frozen=True)
class HostStatus:
    """One host of the fleet, as the agent read it in the database; times in seconds."""

    host: str
    state: HostState
    boot: str = ""
    pid: int | None = None
    address: str = ""
    #: where its agent answers others; None where an older one did not say it
    port: int | None = None
    #: since its last renewal
    age: float = 0.0
    #: whether its workers take no more tasks
    drained: bool = False
    #: who said that it is gone
    ended_by: str = ""
    #: other orders that it was given
    orders: Mapping[str, Any] = field(default_factory=dict)
    components: tuple[ComponentStatus, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> HostStatus:
        """Read the plain value that :class:`Snapshot` became."""
        components = tuple(_component(component) for component in data.get("components", ()))
        return cls(**{**_known(cls, data), "state": HostState(data["state"]), "components": components})


@dataclass(frozen=True)
class Unapplied:
    """A change to one component that the next start of the fleet would make."""

    component: str
    #: ``+`` starts, ``-`` stops, ``~`` is started anew
    change: str
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edited:
    """Drift of ``fleet.yaml`` and the libraries since the agent was started."""

    #: the environment whose ``fleet.NAME.yaml`` is laid over it; empty without one
    overlay: str = ""
    unapplied: tuple[Unapplied, ...] = ()
    #: it has problems now, or does not have this host any more
    is_wrong: bool = False
    #: installed libraries that have changed, each with its versions
    libraries: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Edited:
        """Read the plain value that it became."""
        found = (Unapplied(one["component"], one["change"], tuple(one["why"])) for one in data.get("unapplied", ()))
        return cls(**{**_known(cls, data), "unapplied": tuple(found), "libraries": tuple(data.get("libraries", ()))})


@dataclass(frozen=True)
class ImportErrors:
    """The Dag files that have import errors."""

    count: int = 0
    #: the first of them, by name: what is wrong with each
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """The whole fleet of this machine at one moment."""

    fleet: str
    #: ``starting``, ``ready``, ``degraded``, ``failed``, ``stopping`` or ``stopped``
    state: str
    pid: int
    home: str
    url: str = ""
    #: the api-servers themselves, for commands on this machine, its own first; ``url`` may lead over a proxy
    api_urls: tuple[str, ...] = ()
    user: str = ""
    #: the file that holds the user's password; the password itself never travels here
    password_file: str = ""
    #: seconds since the agent started
    elapsed: float = 0.0
    #: seconds from the agent's start until everything was ready; None before that
    ready_after: float | None = None
    components: tuple[ComponentStatus, ...] = field(default_factory=tuple)
    #: why the fleet cannot come up, as a sentence; empty while it can
    problem: str = ""
    #: the name of this host in its fleet; empty in a fleet without hosts
    host: str = ""
    #: every host of the fleet, this one among them; nothing in a fleet without hosts
    hosts: tuple[HostStatus, ...] = ()
    #: hosts that ``fleet.yaml`` names and that have not been up yet
    missing: tuple[str, ...] = ()
    #: how the hosts that are up differ from the first of them
    differences: tuple[HostDifference, ...] = ()
    #: why hosts did not join the others, as sentences; this one may be among them
    refused: Mapping[str, str] = field(default_factory=dict)
    #: whether somebody ends it on purpose, as 'airfleet down' does; a signal to the agent may be anything
    asked_to_end: bool = False
    #: what of fleet.yaml is not in force
    edited: Edited = Edited()
    #: components whose limit of memory the kernel does not keep here; the agent's log says why
    unlimited: tuple[str, ...] = ()
    #: in a fleet without hosts, what its one host was told (see :mod:`airfleet.agent.supervisor.overrides`)
    orders: Mapping[str, Any] = field(default_factory=dict)
    #: why nothing may use the database yet: ``verdict`` (see :mod:`airfleet.agent.database.finding`), ``sentence``,
    #: ``hint``; empty when it may be used, and before it was looked at
    database: Mapping[str, str] = field(default_factory=dict)
    import_errors: ImportErrors = ImportErrors()
    releases: ReleaseStatus = field(default_factory=ReleaseStatus)

    @property
    def healthy(self) -> bool:
        """Whether every component of this host does what it should."""
        return self.state == "ready" and all(is_fine(component) for component in self.components)

    def to_json(self) -> dict[str, Any]:
        """Return a plain value for ``json.dumps``."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Snapshot:
        """Read what :meth:`to_json` made; unknown keys are ignored."""
        components = tuple(_component(component) for component in data.get("components", ()))
        hosts = tuple(HostStatus.from_json(host) for host in data.get("hosts", ()))
        told = {name: tuple(data.get(name, ())) for name in ("api_urls", "missing", "unlimited")}
        edited = Edited.from_json(data.get("edited", {}))
        wrong = ImportErrors(**_known(ImportErrors, data.get("import_errors", {})))
        differences = tuple(map(HostDifference.from_json, data.get("differences", ())))
        made = {
            "components": components,
            "hosts": hosts,
            "edited": edited,
            "differences": differences,
            "import_errors": wrong,
            "releases": ReleaseStatus.from_json(data.get("releases", {})),
        }
        return cls(**{**_known(cls, data), **told, **made})


def is_fine(component: ComponentStatus) -> bool:
    """Tell whether a component does what it should: it is ready, or done, or stopped as it was told."""
    return component.state in FINE or component.state is State.STOPPED


def _component(data: Mapping[str, Any]) -> ComponentStatus:
    kinds = {"state": State(data["state"]), "work_kind": Kind(data.get("work_kind", ""))}
    lines = tuple(data.get("last_lines", ()))
    return ComponentStatus(**{**_known(ComponentStatus, data), **kinds, "last_lines": lines})


def _known(kind: type[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key in kind.__dataclass_fields__}


class AgentGone(Exception):
    """No agent listens there (any more)."""


class AlreadyRuns(FleetError):
    """An agent was not started: another one has the fleet on this host, and answers now or soon."""


def ask(path: Path, request: Mapping[str, Any], timeout_seconds: float | None = 5.0) -> Iterator[Snapshot]:
    """Send ``request`` to the agent and yield its snapshots until it closes.

    ``timeout_seconds`` bounds the silence between two lines; None waits for ever.
    An agent that is killed while it answers is one that closes. Raises AgentGone when nobody listens.
    """
    with _connect(path, timeout_seconds) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):  # else it was cut off
                    yield Snapshot.from_json(json.loads(line))


def status(path: Path, *, memory: bool = False) -> Snapshot:
    """Return the fleet's snapshot. Raises AgentGone."""
    for snapshot in ask(path, {"do": "status", "memory": memory}):
        return snapshot
    raise AgentGone(str(path))


def watch(path: Path) -> Iterator[Snapshot]:
    """Yield a snapshot now and after every change, until the agent ends. Raises AgentGone."""
    return ask(path, {"do": "watch"}, timeout_seconds=None)


def tell(path: Path, request: Mapping[str, Any]) -> Snapshot:
    """Have the agent do something; its snapshot right afterwards. Raises AgentGone."""
    for snapshot in ask(path, request):
        return snapshot
    raise AgentGone(str(path))


def stop(path: Path, drain_seconds: float) -> Iterator[Snapshot]:
    """Ask the agent to end the fleet, running tasks within so long; snapshots until it is gone. Raises AgentGone."""
    return ask(path, {"do": "stop", "seconds": drain_seconds}, timeout_seconds=None)


@contextlib.contextmanager
def _connect(path: Path, timeout_seconds: float | None) -> Iterator[socket.socket]:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout_seconds)
    try:
        try:
            unix_sockets.connect(connection, path)
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError) as gone:
            raise AgentGone(str(path)) from gone
        yield connection
    finally:
        connection.close()
