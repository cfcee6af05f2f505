"""The record of a version on a host: its name, and what hosts of one fleet must have in common."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from airfleet.agent.host_facts import HostFacts, refusal
from airfleet.fleet.config.spec import Fleet
from airfleet.releases.environments import lock
from airfleet.yaml import nodes

#: distributions whose versions the hosts of a fleet compare
_COMPARED: Final = ("apache-airflow",)
#: keys of fleet.yaml that say something of single hosts, and nothing of all
_OF_HOSTS: Final = frozenset({"hosts", "deploy"})


@dataclass(frozen=True)
class VersionRecord:
    """One version."""

    name: str
    #: the environment that it runs in
    environment: str = ""
    #: of airfleet
    airfleet: str = ""
    rules: Mapping[str, str] = field(default_factory=dict)
    #: distribution -> version
    versions: Mapping[str, str] = field(default_factory=dict)
    #: key of fleet.yaml with its overlay -> digest; empty of an older airfleet
    keys: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Write the file of the version."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def read(cls, text: str) -> VersionRecord | None:
        """Read such a file; None for anything else."""
        try:
            found = json.loads(text)
            told = {name: found[name] for name in cls.__dataclass_fields__ if name != "keys"}
            return cls(**told, keys=found.get("keys", {}))
        except (ValueError, KeyError, TypeError):
            return None

    def differs_by_hosts_alone(self, other: VersionRecord) -> bool:
        """Tell whether two versions have one environment, and one fleet.yaml but for single hosts of it."""
        names = {name for name in {*self.keys, *other.keys} if self.keys.get(name) != other.keys.get(name)}
        return bool(self.keys and other.keys) and self.environment == other.environment and names <= _OF_HOSTS

    def excludes(self, other: VersionRecord) -> str:
        """Say why hosts of these two versions cannot run beside one another; empty when they can."""
        mine, theirs = HostFacts(self.rules, self.versions), HostFacts(other.rules, other.versions)
        return refusal("", mine, {"": theirs})


def keys_of(top: nodes.Node) -> dict[str, str]:
    """Give a digest of each key of fleet.yaml, as it is written: names of secrets, and no values."""
    entries = top.entries if isinstance(top, nodes.Mapping) else ()
    return {key.text: _digest(nodes.plain(value)) for key, value in entries}


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:12]


def rules_of(fleet: Fleet) -> dict[str, str]:
    """Give what all hosts have to do alike."""
    return {
        "hosts": ", ".join(host.name for host in fleet.hosts),
        "witness": fleet.witness or "",
        "on_partition": fleet.policies.on_partition,
        "on_worker_lost": fleet.policies.on_worker_lost,
        "queues": fleet.name,
    }


def versions_of(airfleet: str, locked: str) -> dict[str, str]:
    """Give the versions that hosts compare, from a lock."""
    pins = {pin.name: pin.version for pin in lock.pins(locked)}
    return {"airfleet": airfleet, **{name: found for name, found in pins.items() if name.startswith(_COMPARED)}}
