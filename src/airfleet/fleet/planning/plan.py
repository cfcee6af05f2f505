"""The plan of this machine, as data: the agent executes it, renderers print it.

A plan holds no secret in anything that becomes an argument, an environment or a log line:
secrets travel as ``settings`` of a forked component (over the zygote's socket) and in
files of mode 0600.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeAlias

from airfleet.fleet.config.spec import OnPartition, Policies, Releases
from airfleet.fleet.planning.profiles import ChosenProfile
from airfleet.fleet.planning.worker_slots import SlotRule
from airfleet.fleet.servers.brokers import Broker
from airfleet.fleet.servers.nginx_site import Site

#: one Airflow setting: section, key, value
Setting: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True)
class Exec:
    """Start a program of its own."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    #: the user to run as, when the agent is root and the program must not be
    user: str | None = None
    #: written to its standard input, then closed
    secret_input: str = field(default="", repr=False)


@dataclass(frozen=True)
class Fork:
    """Have the zygote process fork this Airflow component."""

    #: a name in :data:`airfleet.zygote.entrypoints.ENTRIES`
    entry: str
    options: Mapping[str, str] = field(default_factory=dict)
    #: Airflow settings that only this component may know
    settings: tuple[Setting, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Watch:
    """Start nothing: it runs elsewhere, and its probe says how it is."""


@dataclass(frozen=True)
class Started:
    """Ready as soon as the process runs (the zygote, which reports by itself)."""


@dataclass(frozen=True)
class PostgresAnswers:
    """Ready when the server takes connections and Airflow's role and database are there."""

    port: int
    password: str = field(repr=False)
    airflow_password: str = field(repr=False)


@dataclass(frozen=True)
class BrokerWorks:
    """Ready when the broker takes a message and gives it back."""

    broker: Broker


@dataclass(frozen=True)
class HttpAnswers:
    """Ready when every URL answers with a status below 500 (the last one within seconds)."""

    urls: tuple[str, ...]


@dataclass(frozen=True)
class JobBeats:
    """Ready when Airflow's ``job`` table has a heartbeat of this kind newer than the start.

    Degraded when the newest one is older than ``late_seconds``.
    """

    job_type: str
    late_seconds: float = 30.0
    #: where the component writes down which row is its own; without it, any row of this kind counts
    file: str = ""


@dataclass(frozen=True)
class FileBeats:
    """Ready when the component itself wrote its pid into ``path``; it touches it while it is well.

    One that is late although ``broker`` has been well for as long does not do its work, and never will again.
    """

    path: str
    late_seconds: float = 30.0
    broker: Broker | None = None


Probe: TypeAlias = Started | PostgresAnswers | BrokerWorks | HttpAnswers | JobBeats | FileBeats


class Wake(StrEnum):
    """The event that ends the sleep of a component."""

    #: a trigger is in the database
    DEFERRED = "deferred"
    #: a file or the live release changed, a file is due again, or a request waits in the database
    CHANGED = "changed"
    #: somebody connects to its port
    ASKED = "asked"


@dataclass(frozen=True)
class Sleep:
    """How a component ends while it has nothing to do, and is started again by its agent."""

    until: Wake
    #: seconds without work, after which it ends
    after_seconds: float
    #: address and port that the agent listens on for it; None where it has no port
    listens: tuple[str, int] | None = None
    #: whether it sleeps before it has run for the first time
    from_start: bool = False


#: the option of a component that may sleep: seconds without work; without it, it runs all the time
SLEEP_AFTER: Final = "sleep_after"


def sleep_options(sleep: Sleep | None) -> dict[str, str]:
    """Return the options of a component that sleeps like this."""
    return {} if sleep is None else {SLEEP_AFTER: f"{sleep.after_seconds:g}"}


@dataclass(frozen=True)
class Component:
    """One thing to keep running, or one step to run once."""

    name: str
    kind: str
    start: Exec | Fork | Watch
    probe: Probe = Started()
    #: names of components that must be ready (or done) first
    needs: tuple[str, ...] = ()
    #: a step that ends by itself; success is exit code 0
    once: bool = False
    stop_signal: int = signal.SIGTERM
    #: seconds between the stop signal and the end by force
    grace_seconds: float = 10.0
    #: seconds to become ready before it counts as failed
    start_seconds: float = 60.0
    #: seconds for which one that was ready may do nothing, while what it depends on is well, until it is ended
    silent_seconds: float = 30.0
    #: what it listens on, for people
    address: str = ""
    #: memory that it may use with all its processes; None is no limit
    memory_bytes: int | None = None
    #: of a worker: its name in fleet.yaml, which it shares with others alike
    group: str = ""
    #: of an embedded server: its choice in fleet.yaml, and the program, as far as it is known
    server: str = ""
    program: str = ""
    #: None: it runs all the time
    sleep: Sleep | None = None
    #: of a worker: what decided the number of its slots
    slots_by: SlotRule | None = None


@dataclass(frozen=True)
class Neighbours:
    """The fleet around this host, for its agent to know who is gone."""

    #: the hosts of the fleet, this one among them
    names: tuple[str, ...]
    #: what a host does that is cut off, and what is done about one that is gone
    on_partition: OnPartition
    #: where this agent answers the others
    address: str
    port: int
    #: the secret that all agents of the fleet share
    key: str = field(repr=False)
    #: ``host:port`` that counts as one more host
    witness: str | None = None
    #: what every host of the fleet has to do alike: name -> value
    rules: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReleaseHosts:
    """The hosts that give objects of releases to this one, where its store does not."""

    #: host -> the URL of each of its api-servers, below which Airflow lies
    urls: Mapping[str, tuple[str, ...]]
    #: the secret by which they know requests of this fleet
    key: str = field(repr=False)


@dataclass(frozen=True)
class File:
    """A file that the agent writes before anything starts."""

    text: str = field(repr=False)
    mode: int = 0o600


@dataclass(frozen=True)
class Plan:
    """Everything the agent of this machine does for one fleet."""

    fleet: str
    root: Path
    components: tuple[Component, ...]
    files: Mapping[Path, File]
    #: environment of the zygote, and so of every forked component; no secrets
    environment: Mapping[str, str]
    url: str
    user: str
    #: how long logs are kept; None is for ever
    log_retention_seconds: float | None = None
    #: after which a monitor is held to be silent for good, while others of its host are heard
    silence_seconds: float = 240.0
    #: how the agent itself reaches the metadata database
    database_url: str = field(default="", repr=False)
    #: the name of this machine in the fleet
    host: str = "local"
    #: the api-servers themselves, for commands on this machine, its own first; ``url`` may lead over a proxy
    api_urls: tuple[str, ...] = ()
    #: every way to an execution API, the preferred one first
    execution_urls: tuple[str, ...] = ()
    #: what this host's nginx serves; None without one
    site: Site | None = None
    #: host -> ``host:port`` of each of its api-servers as this host reaches them, this host first
    api_servers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: the folder of the pipelines: what a component died of may be gone when something changes there
    pipelines: Path | None = None
    #: where releases are kept, and how many
    releases: Releases = field(default_factory=Releases)
    #: who vouches for them
    policies: Policies = field(default_factory=Policies)
    #: None where no other host has an api-server
    release_hosts: ReleaseHosts | None = None
    #: the size of machine that this host is set up for, and why
    profile: ChosenProfile | None = None
    #: None in a fleet without ``hosts``
    neighbours: Neighbours | None = None

    def component(self, name: str) -> Component:
        """Find the component of this name. Raises KeyError when there is none."""
        for component in self.components:
            if component.name == name:
                return component
        raise KeyError(name)
