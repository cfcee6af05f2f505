"""The facts of an examination, as frozen values without a secret; each may be unknown.

Values that other rooms have already (the agent's snapshot, the finding about a database) are facts as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from airfleet.agent.control import Snapshot
from airfleet.agent.database.finding import DatabaseFinding
from airfleet.doctor.finding import Unknown
from airfleet.versions import VersionDifference

T = TypeVar("T")
#: a fact, or why there is none
Maybe: TypeAlias = T | Unknown


@dataclass(frozen=True)
class FileCheck:
    """The number of problems in a file or a folder, and the first of them."""

    problems: int
    first: str = ""
    #: files that were read
    files: int = 1


@dataclass(frozen=True)
class AgentTrouble:
    """An agent that should answer and does not, or has died."""

    sentence: str
    next: str


@dataclass(frozen=True)
class Damage:
    """A file that the fleet keeps and that cannot be read."""

    sentence: str
    next: str


@dataclass(frozen=True)
class Rights:
    """A file or a folder of the fleet: its permission bits, those that it may have, and whose it is."""

    path: str
    mode: int
    allowed: int
    is_folder: bool = False
    #: described for people when it is not the owner of the fleet
    stranger: str = ""


@dataclass(frozen=True)
class Password:
    """A place that has a password, and the reason why anybody could guess it; empty when nobody can."""

    place: str
    weakness: str = ""


@dataclass(frozen=True)
class Exposed:
    """A secret in the arguments or the first environment of a process, by its name."""

    pid: int
    process: str
    where: str
    secret: str


@dataclass(frozen=True)
class ProcessSecrets:
    """The processes of the fleet that were looked at for its secrets."""

    looked_at: int
    hidden: int = 0
    found: tuple[Exposed, ...] = ()


@dataclass(frozen=True)
class Clocks:
    """Clocks beside that of the database: this host's lead in seconds, and complaints of other hosts' agents."""

    ahead_seconds: float
    others: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LeftProcess:
    """A process of a fleet without a living agent."""

    pid: int
    command: str


@dataclass(frozen=True)
class Listener:
    """A component with an address, and who listens there; ``held_by`` is empty when nobody does."""

    component: str
    address: str
    port: int
    is_ours: bool = False
    held_by: str = ""
    #: whether somebody should listen now: not in a fleet that is down
    is_expected: bool = True


@dataclass(frozen=True)
class Reached:
    """A try to connect to an address; ``error`` is empty when it was taken."""

    what: str
    place: str
    error: str = ""
    #: names of what belongs together: one that answers is enough for the fleet to go on
    group: str = ""


@dataclass(frozen=True)
class Resolved:
    """A name of ``fleet.yaml``, and the error of looking it up; empty when it has an address."""

    name: str
    key: str
    error: str = ""


@dataclass(frozen=True)
class CertificateFacts:
    """A PEM file with a certificate chain, read now."""

    file: str
    #: why it cannot be used at all; empty when it can be read
    error: str = ""
    days_left: float = 0.0
    #: the name that it should have, and those that it has
    wanted: str = ""
    names: tuple[str, ...] = ()
    key_fits: bool = True
    #: whether each certificate is signed by the next one of the file
    chain_holds: bool = True


@dataclass(frozen=True)
class DatabaseLook:
    """The agent's own finding about the database, and the version of its server; empty when it answers nothing."""

    finding: DatabaseFinding
    version: str = ""


@dataclass(frozen=True)
class Connections:
    """Connections to the database: those that the fleet may have and has, and those that its hosts need at rest."""

    limit: int
    used: int
    at_rest: int


@dataclass(frozen=True)
class Transaction:
    """An open transaction; ``seconds`` since it began."""

    pid: int
    application: str
    state: str
    seconds: float


@dataclass(frozen=True)
class Waiting:
    """A session that waits for a lock that another one holds."""

    pid: int
    application: str
    seconds: float
    blocked_by: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table with its rows, as the server estimates them."""

    name: str
    live: int
    dead: int
    vacuumed: str = ""


@dataclass(frozen=True)
class BrokerFacts:
    """A broker that was asked; ``error`` is empty when it took a message and gave it back."""

    address: str
    kind: str
    error: str = ""
    #: Redis, Valkey or RabbitMQ, and its version; empty where it does not say it
    program: str = ""
    version: str = ""
    #: settings and state by the names of Redis's INFO
    information: Mapping[str, str] = field(default_factory=dict)
    #: policies of RabbitMQ over queues of the fleet's virtual host; None where its management API does not tell
    policies: tuple[QueuePolicy, ...] | None = None
    #: why it does not tell them
    policies_error: str = ""


@dataclass(frozen=True)
class QueuePolicy:
    """The policy of a queue of RabbitMQ: its name, and what it says, with operator policies."""

    queue: str
    name: str
    definition: Mapping[str, str]


@dataclass(frozen=True)
class Visibility:
    """Seconds after which Redis hands an unfinished task to a second worker, and the longest task of a month."""

    timeout_seconds: float
    longest_seconds: float
    task: str = ""


@dataclass(frozen=True)
class Disk:
    """A disk of the fleet; ``inodes_left`` is a share."""

    folder: str
    free_bytes: int
    inodes_left: float = 1.0
    #: whether the fleet's home is on it, which needs more room
    has_home: bool = False


@dataclass(frozen=True)
class Descriptors:
    """The file descriptors of a process."""

    pid: int
    process: str
    used: int
    limit: int


@dataclass(frozen=True)
class MemoryLimits:
    """The components with a limit of memory, and why the kernel does not keep it; empty when it does."""

    limited: tuple[str, ...]
    why_not: str = ""


@dataclass(frozen=True)
class OwnServers:
    """The programs of the servers that the agent runs; ``refused`` is why a start would find none, with a next step."""

    programs: tuple[str, ...]
    refused: str = ""
    next: str = ""
    #: clusters of PostgreSQL that an upgrade has replaced
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Installed:
    """Versions of programs that the list of known vulnerabilities names: name -> version."""

    versions: Mapping[str, str]
    #: vulnerabilities that packages of the distribution say they have fixed in these versions
    fixed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class LiveProbe:
    """The result of a probe of a running fleet: ``leaks`` are sentences, ``done`` says what was tried."""

    done: str
    leaks: tuple[str, ...] = ()


@dataclass(frozen=True)
class LiveFacts:
    """The probes S1 to S8 of a running fleet."""

    written_secrets: Maybe[LiveProbe]
    worker_secrets: Maybe[LiveProbe]
    open_doors: Maybe[LiveProbe]
    handshake: Maybe[LiveProbe]
    database_rules: Maybe[LiveProbe]
    broker_login: Maybe[LiveProbe]
    message: Maybe[LiveProbe]
    flower: Maybe[LiveProbe]


@dataclass(frozen=True)
class Facts:
    """All facts about one host of a fleet."""

    fleet_file: Maybe[FileCheck]
    pipelines: Maybe[FileCheck]
    versions: tuple[VersionDifference, ...]
    installed: Installed
    damage: Maybe[tuple[Damage, ...]]
    agent: Maybe[Snapshot | AgentTrouble]
    snapshot: Maybe[Snapshot]
    rights: Maybe[tuple[Rights, ...]]
    passwords: Maybe[tuple[Password, ...]]
    process_secrets: Maybe[ProcessSecrets]
    clocks: Maybe[Clocks]
    left_processes: Maybe[tuple[LeftProcess, ...]]
    #: the socket of an agent that is gone; empty without one
    left_socket: Maybe[str]
    #: folders of data of embedded servers whose fleet's home is gone: folder -> that home
    left_data: Maybe[Mapping[str, str]]
    listeners: Maybe[tuple[Listener, ...]]
    hosts_reached: Maybe[tuple[Reached, ...]]
    servers_reached: Maybe[tuple[Reached, ...]]
    names: Maybe[tuple[Resolved, ...]]
    certificates: Maybe[tuple[CertificateFacts, ...]]
    database: Maybe[DatabaseLook]
    connections: Maybe[Connections]
    transactions: Maybe[tuple[Transaction, ...]]
    locks: Maybe[tuple[Waiting, ...]]
    tables: Maybe[tuple[Table, ...]]
    broker: Maybe[BrokerFacts]
    visibility: Maybe[Visibility]
    disks: Maybe[tuple[Disk, ...]]
    descriptors: Maybe[tuple[Descriptors, ...]]
    memory_limits: Maybe[MemoryLimits]
    own_servers: Maybe[OwnServers]
    live: LiveFacts | None = None
