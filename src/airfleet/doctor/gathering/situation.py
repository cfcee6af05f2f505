"""The situation of a fleet on this host: its file, its plan, its secrets, its agent; each as far as it is known."""

from __future__ import annotations

import re
import socket
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from airfleet.agent.control import Snapshot
from airfleet.client import agent_client, host_plan
from airfleet.client.project import Project
from airfleet.doctor.facts import AgentTrouble, FileCheck, Maybe
from airfleet.doctor.finding import Unknown
from airfleet.doctor.gathering.attempts import attempt, of
from airfleet.errors import FileProblems, FleetError, Unhealthy
from airfleet.fleet.components import postgres, valkey
from airfleet.fleet.config import reader
from airfleet.fleet.config.spec import Fleet
from airfleet.fleet.planning.paths import Paths, fleet_id
from airfleet.fleet.planning.plan import BrokerWorks, Plan
from airfleet.fleet.servers import brokers, databases, secrets
from airfleet.fleet.servers.brokers import Broker
from airfleet.fleet.servers.secrets import Secrets
from airfleet.system import process_tree
from airfleet.yaml import secret_detection

T = TypeVar("T")
#: characters of a variable's value, below which it may as well be a word like "false"
_LONG_ENOUGH = 8
#: seconds that a server of this machine has for its answer
_SECONDS = 2.0
_IN_URL = re.compile(r"//[^/?#@:]*:(?P<password>.+)@")


@dataclass(frozen=True)
class Situation:
    """A fleet on this host, before anything of it was judged."""

    here: Project
    paths: Paths
    file: Maybe[FileCheck]
    fleet: Maybe[Fleet]
    #: None where the fleet was never started here
    secrets: Maybe[Secrets | None] = field(repr=False)
    plan: Maybe[Plan]
    agent: Maybe[Snapshot | AgentTrouble]

    @property
    def snapshot(self) -> Maybe[Snapshot]:
        """Return what the agent says."""
        if isinstance(self.agent, AgentTrouble):
            return Unknown(f"{self.agent.sentence} (D301)", self.agent.next)
        return self.agent

    @property
    def was_started(self) -> Maybe[Secrets]:
        """Return the secrets of a fleet that was started here once."""
        if self.secrets is None:
            return Unknown("the fleet was not started here yet", "airfleet up")
        return self.secrets

    @property
    def broker(self) -> Maybe[Broker]:
        """Return the broker; an embedded one while the fleet runs."""
        return of(self.fleet, self._broker)

    @property
    def database_url(self) -> Maybe[str]:
        """Return the URL of the database for libpq; of an embedded one while the fleet runs."""
        return of(self.fleet, self._database_url)

    def pids(self) -> tuple[int, ...]:
        """Return the processes of this fleet on this machine, its agent among them."""
        return process_tree.find(fleet_id(self.paths.home), process_tree.read_down(self.paths.processes))

    def known_secrets(self) -> dict[str, str]:
        """Return every secret that is known here, by its name: those of the fleet, and of fleet.yaml."""
        return {name: value for name, value in self._named_secrets() if value}

    def all_secrets(self) -> dict[str, str]:
        """Return those, and secrets of tasks and users: whatever must not leave this machine or stand in a log."""
        return {name: value for name, value in self._further_secrets() if value} | self.known_secrets()

    def _further_secrets(self) -> Iterator[tuple[str, str]]:
        for name, value in self.here.environ.items():
            if secret_detection.is_secret(name) and len(value) >= _LONG_ENOUGH:
                yield f"the variable {name}", value
        if isinstance(self.fleet, Fleet):
            yield from _files(Path(self.fleet.secrets_folder))
            if isinstance(kept := self.secrets, Secrets):
                yield from ((f"the password of user '{name}'", kept.password_of(name)) for name in _users(self.fleet))

    def _named_secrets(self) -> Iterator[tuple[str, str]]:
        kept = self.secrets
        if isinstance(kept, Secrets):
            names = (*kept.__dataclass_fields__, "logs_key", "component_logs_key")
            yield from ((name, getattr(kept, name)) for name in names)
        if isinstance(self.fleet, Fleet):
            yield from _of_fleet(self.fleet)

    def _database_url(self, fleet: Fleet) -> str:
        if not fleet.runs_database:
            return databases.for_sqlalchemy(fleet.database).replace("+psycopg", "", 1)
        plan = _required(self.plan)
        self._require_embedded(plan, postgres.KIND)
        return plan.database_url

    def _broker(self, fleet: Fleet) -> Broker:
        if not fleet.runs_broker:
            return brokers.parse(fleet.broker)
        plan = _required(self.plan)
        self._require_embedded(plan, valkey.KIND)
        probes = (one.probe for one in plan.components)
        found = next((probe.broker for probe in probes if isinstance(probe, BrokerWorks)), None)
        if found is None:
            raise FleetError("this host has no component that needs the broker")
        return found

    def _require_embedded(self, plan: Plan, kind: str) -> None:
        """Raise FleetError unless an embedded server may answer: with its agent, or on its own after that has died."""
        if isinstance(self.agent, AgentTrouble):
            own = next((one for one in plan.components if one.kind == kind), None)
            if own is not None and _takes_connections(own.address):
                return
        _required(self.snapshot)


def look(here: Project) -> Situation:
    """Look at the project, the secrets and the agent of this host. Raises FleetError when it is somebody else's."""
    agent_client.require_own(here.paths)
    named = _read(here)
    kept = attempt(lambda: secrets.load(here.paths.secrets))
    told = kept if isinstance(kept, Secrets) else secrets.generate()
    plan = of(named, lambda fleet: host_plan.with_secrets(here, fleet, told))
    return Situation(
        here=here,
        paths=here.paths,
        file=_file_check(here),
        fleet=of(named, lambda fleet: host_plan.as_played(fleet, here)),
        secrets=kept,
        plan=plan,
        agent=_agent(here),
    )


def _read(here: Project) -> Maybe[Fleet]:
    return attempt(lambda: reader.read_file(here.fleet_file, here.environ))


def _file_check(here: Project) -> Maybe[FileCheck]:
    try:
        reader.read_file(here.fleet_file, here.environ)
    except FileProblems as wrong:
        return FileCheck(len(wrong.problems), str(wrong.problems[0]).partition("\n")[0])
    return FileCheck(0)


def _agent(here: Project) -> Maybe[Snapshot | AgentTrouble]:
    try:
        found = agent_client.snapshot(here.root, here.paths)
    except Unhealthy as silent:
        return AgentTrouble(silent.sentence, silent.hint or "airfleet logs agent")
    if found is not None:
        return found
    why = agent_client.not_running(here)
    if isinstance(why, Unhealthy):
        return AgentTrouble(why.sentence, why.hint or "airfleet up")
    return Unknown(why.sentence, why.hint or "airfleet up")


def _takes_connections(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS).close()
    except (OSError, ValueError):
        return False
    return True


def _required(fact: T | Unknown) -> T:
    if isinstance(fact, Unknown):
        raise FleetError(fact.why, hint=fact.next or None)
    return fact


def _of_fleet(fleet: Fleet) -> Iterator[tuple[str, str]]:
    """Yield the secrets that fleet.yaml has or leads to."""
    if not fleet.runs_database:
        yield "the password of 'database'", password_in(fleet.database)
    if not fleet.runs_broker:
        broker = brokers.parse(fleet.broker)
        yield "the password of 'broker'", broker.password
        yield "the password of its sentinels", broker.sentinel_password
    for name in fleet.secret_settings:
        section, _, option = name.partition(".")
        yield f"the setting {name}", fleet.airflow.get(section, {}).get(option, "")
    for one in fleet.objects.connections:
        yield f"the password of connection '{one.id}'", one.password
        yield f"the password of connection '{one.id}' (uri)", password_in(one.uri)


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the secrets of the folder of secrets, by the names of their files."""
    for file in sorted(folder.glob("*")) if folder.is_dir() else ():
        try:
            yield f"the secret '{file.name}'", file.read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError):
            continue


def _users(fleet: Fleet) -> Iterator[str]:
    """Yield the users whose passwords are derived from a secret of the fleet."""
    told = fleet.airflow.get("core", {}).get("simple_auth_manager_users", "")
    yield from (one.partition(":")[0].strip() for one in told.split(",") if one.strip())


def password_in(url: str) -> str:
    """Return the password of a URL as people wrote it, decoded; empty without one.

    >>> password_in("postgresql://me:s%40cret@one/shop"), password_in("postgresql://me@one/shop")
    ('s@cret', '')
    """
    found = _IN_URL.search(url)
    return urllib.parse.unquote(found["password"]) if found else ""
