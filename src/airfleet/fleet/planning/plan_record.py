"""A plan as its agent leaves it beside the fleet, to be compared with the next one: what runs, without a secret.

Of the agent itself and of nginx there stands what a person decides in ``fleet.yaml``; what a machine finds by itself
(a free port for agents, which nginx it has) is no reason to start them anew.

Values that are long, or may be secret, stand there as fingerprints, made with a key of the fleet. A fingerprint shows a
change, and not the value.
"""

from __future__ import annotations

import configparser
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from airfleet.fleet.config.spec import Releases
from airfleet.fleet.names import numbered
from airfleet.fleet.planning.plan import BrokerWorks, Component, File, FileBeats, Fork, Plan
from airfleet.fleet.servers.nginx_site import Site
from airfleet.releases.stores.objects import DATABASE_STORE
from airfleet.yaml.durations import seconds_text
from airfleet.yaml.sizes import size_text

AGENT = "agent"
FOR_EVER = "for ever"
CONFIGURATION = "airflow.cfg"
#: options that say where something lies, or what stands elsewhere too
_LEFT_OUT = ("beat", "memory_bytes", "releases")
#: the option that names the program of a server, which a plan that touches no machine does not know
PROGRAM = "program"
#: a kind of which there may be more by order, beside workers
_API_SERVER = "api-server"


@dataclass(frozen=True)
class Described:
    """One component."""

    name: str
    kind: str
    address: str = ""
    memory_bytes: int | None = None
    #: what it is started with, for people
    options: Mapping[str, str] = field(default_factory=dict)
    #: fingerprint of what only it is told
    secrets: str = ""
    #: whether it heeds ``airflow.cfg`` and the environment
    airflow: bool = True
    #: by which name an order has more or fewer of it run; empty where none can
    group: str = ""
    #: what decided the number of a worker's slots; no difference between two plans
    slots_by: str = ""


@dataclass(frozen=True)
class Description:
    """The components and settings of one host."""

    host: str
    components: tuple[Described, ...]
    #: ``section.key`` -> fingerprint of each of Airflow's settings
    settings: Mapping[str, str] = field(default_factory=dict)
    #: name -> fingerprint of each variable that components get
    environment: Mapping[str, str] = field(default_factory=dict)
    #: what the agent itself is told; None where an older airfleet did not write it down
    agent: Described | None = None

    def to_json(self) -> str:
        """Write the record as a file holds it."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Description:
        """Read the text of :meth:`to_json`. Raises ValueError, KeyError or TypeError for anything else."""
        found: Any = json.loads(text)
        if not isinstance(found, dict):
            raise TypeError
        components = tuple(Described(**component) for component in found.pop("components"))
        agent = found.pop("agent", None)
        return cls(components=components, agent=None if agent is None else Described(**agent), **found)


def describe(plan: Plan, key: str) -> Description:
    """Describe a plan; ``key`` is a secret of the fleet."""

    def fingerprint(value: str) -> str:
        return hashlib.blake2b(value.encode(), key=key.encode()[:64], digest_size=9).hexdigest()

    return Description(
        host=plan.host,
        components=tuple(_described(component, plan.site, fingerprint) for component in plan.components),
        settings={name: fingerprint(value) for name, value in settings(plan.files).items()},
        environment={name: fingerprint(value) for name, value in plan.environment.items()},
        agent=Described(AGENT, AGENT, options=dict(_told(plan)), secrets=fingerprint(_secrets(plan)), airflow=False),
    )


def scaled(description: Description, counts: Mapping[str, int], slots: Mapping[str, int]) -> Description:
    """Give the record with as many components of a group as ``counts`` says, and workers of so many ``slots``."""
    groups: dict[str, list[Described]] = {}
    for component in description.components:
        groups.setdefault(component.group or component.name, []).append(component)
    members = (
        member
        for name, group in groups.items()
        for member in (_of_size(name, group, counts.get(name), slots.get(name)) if group[0].group else group)
    )
    return replace(description, components=tuple(members))


def _of_size(name: str, members: Sequence[Described], count: int | None, slots: int | None) -> Iterator[Described]:
    for number, its_name in enumerate(numbered(name, count or len(members))):
        member = members[number] if number < len(members) else _one_more(members[-1], its_name)
        if slots is not None and "slots" in member.options:
            member = replace(member, options={**member.options, "slots": str(slots)}, slots_by="")
        yield member


def _one_more(like: Described, name: str) -> Described:
    """Add a component of a group; its port is found when it is ordered, so it is not known here."""
    told = {key: name if key == "name" else value for key, value in like.options.items() if key != "port"}
    return replace(like, name=name, address="", options=told)


def _described(component: Component, site: Site | None, fingerprint: Callable[[str], str]) -> Described:
    start = component.start
    return Described(
        name=component.name,
        kind=component.kind,
        address=component.address,
        memory_bytes=component.memory_bytes,
        options=dict(_options(component, site)),
        secrets=fingerprint(json.dumps(start.settings)) if isinstance(start, Fork) else "",
        airflow=isinstance(start, Fork) or component.kind == "zygote",
        group=component.group or (_API_SERVER if component.kind == _API_SERVER else ""),
        slots_by=component.slots_by or "",
    )


def _options(component: Component, site: Site | None) -> Iterator[tuple[str, str]]:
    start = component.start
    if isinstance(start, Fork):
        yield from ((name, value) for name, value in start.options.items() if name not in _LEFT_OUT)
    elif component.kind == "nginx" and site is not None:
        yield from _served(site)
    if component.server:
        yield "server", component.server
    if component.program:
        yield PROGRAM, component.program


def _served(site: Site) -> Iterator[tuple[str, str]]:
    """List the settings of nginx, by their names in ``fleet.yaml``."""
    if public := site.public:
        yield "address", str(public.door)
        yield "name", public.name
        if public.certificate:
            yield "tls", public.certificate.chain
            yield "key", public.certificate.key
        if public.plain:
            yield "redirect", str(public.plain)
    yield "airflow", site.airflow_path
    if site.flower:
        yield "flower", f"{site.flower_path} at {site.flower}"
    yield "api_servers", ", ".join(site.api_servers)
    if site.local:
        yield "local", str(site.local)


def _told(plan: Plan) -> Iterator[tuple[str, str]]:
    """List the agent's own settings, which no component gets."""
    kept, around = plan.log_retention_seconds, plan.neighbours
    yield "name", plan.fleet
    yield "user", plan.user
    if plan.profile:
        yield "profile", plan.profile.sizing.profile
    yield "url", plan.url
    yield "api_servers", ", ".join(place for places in plan.api_servers.values() for place in places)
    yield "log_retention", FOR_EVER if kept is None else seconds_text(kept)
    yield "releases", _releases(plan.releases)
    if plan.policies.push.approval:
        yield "approval", str(plan.policies.push.approval)
    if plan.policies.push.signed_by:
        yield "signed_by", plan.policies.push.signed_by
    yield "silence", seconds_text(plan.silence_seconds)
    if around is not None:
        yield "hosts", ", ".join(around.names)
        yield "address", around.address
        yield "on_partition", around.on_partition
        if around.witness:
            yield "witness", around.witness


def _releases(told: Releases) -> str:
    budget = f", budget {size_text(told.budget_bytes)}" if told.store == DATABASE_STORE else ""
    return f"{told.store}, keep {told.keep}{budget}"


def _secrets(plan: Plan) -> str:
    """Give the secrets of the agent: for the database, its peers, and the brokers that it probes."""
    probes = (component.probe for component in plan.components)
    brokers = [probe.broker for probe in probes if isinstance(probe, BrokerWorks | FileBeats) and probe.broker]
    key = plan.neighbours.key if plan.neighbours else ""
    return json.dumps([plan.database_url, key, [asdict(broker) for broker in dict.fromkeys(brokers)]])


def settings(files: Mapping[Path, File]) -> dict[str, str]:
    """Return the settings of Airflow among the files of a plan: ``section.key`` -> value."""
    parser = configparser.RawConfigParser()
    for path, file in files.items():
        if path.name == CONFIGURATION:
            parser.read_string(file.text)
    return {f"{section}.{key}": value for section in parser.sections() for key, value in parser[section].items()}
