"""Facts of a host that others compare: rules, versions, ``fleet.yaml``, pipelines; and how two hosts differ.

Pure: values in, values out. :mod:`airfleet.agent.cluster.local_facts` finds them on the disk, and
:mod:`airfleet.agent.cluster.leases` brings them to the other hosts.

A host is compared with the first one of the fleet that has the like, in the order of ``fleet.yaml``, so each host says
the same of all.
Some differences would do harm: two hosts that read a partition in two ways start one attempt twice, and one that sends
to other queues sends to nobody. A host that comes with such a difference does not join (:func:`refusal`). Lists of
hosts may differ by one: then each majority of the one has a host in common with each majority of the other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

#: entries of one difference that are named
MOST_NAMED = 3
#: the names in ``rules`` by which hosts decide who may run what
HOSTS, ON_PARTITION, WITNESS = "hosts", "on_partition", "witness"
#: the secret with which the fingerprints of all are made
SHARED_KEY = "peers_key"
_QUORUM = frozenset({HOSTS, ON_PARTITION, WITNESS})
#: distributions of which hosts of one fleet need the same version
_SAME = frozenset(
    {
        "airfleet",
        "apache-airflow",
        "apache-airflow-core",
        "apache-airflow-task-sdk",
        "apache-airflow-providers-celery",
    }
)


class FactKind(StrEnum):
    """The kinds of facts in which hosts may differ."""

    RULES = "rules"
    VERSIONS = "versions"
    FLEET_FILE = "fleet_file"
    KEYS = "keys"
    PIPELINES = "pipelines"


@dataclass(frozen=True)
class HostFacts:
    """The facts of one host."""

    #: what all hosts have to do alike: name -> value
    rules: Mapping[str, str] = field(default_factory=dict)
    #: distribution -> version
    versions: Mapping[str, str] = field(default_factory=dict)
    #: key of ``fleet.yaml`` with its overlay -> digest, as the file is now
    fleet_file: Mapping[str, str] = field(default_factory=dict)
    #: secret -> fingerprint, of those that this host was given
    keys: Mapping[str, str] = field(default_factory=dict)
    #: file below the folder of pipelines -> digest; None before it was looked at, and where nothing reads it
    pipelines: Mapping[str, str] | None = None

    @property
    def digest(self) -> str:
        """Return a digest, the same for the same facts."""
        return hashlib.blake2b(self.to_json().encode(), digest_size=12).hexdigest()

    def to_json(self) -> str:
        """Return the text that the database holds."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> HostFacts:
        """Read what the database held; keys of another airfleet are left out."""
        return cls(**{name: data[name] for name in cls.__dataclass_fields__ if name in data})


@dataclass(frozen=True)
class FactDifference:
    """One thing that differs: how it is on the host, and on the one it is compared with; empty where it is not."""

    name: str
    here: str
    there: str


@dataclass(frozen=True)
class HostDifference:
    """The facts of one kind in which ``host`` differs from ``other``; ``more`` entries are not listed."""

    host: str
    other: str
    subject: FactKind
    entries: tuple[FactDifference, ...]
    more: int = 0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> HostDifference:
        """Read the plain value that it became."""
        entries = tuple(FactDifference(**entry) for entry in data["entries"])
        return cls(data["host"], data["other"], FactKind(data["subject"]), entries, data["more"])

    def __str__(self) -> str:
        return f"host '{self.host}' {self.predicate}"

    @property
    def predicate(self) -> str:
        """Return the sentence without its subject, which is the host."""
        return _SENTENCES[self.subject](self)


def differences(facts: Mapping[str, HostFacts], order: Sequence[str]) -> tuple[HostDifference, ...]:
    """Compare each host with the first one; ``order`` is that of ``fleet.yaml``.

    >>> facts = {"control": HostFacts(versions={"airfleet": "1"}), "work": HostFacts(versions={"airfleet": "2"})}
    >>> [str(difference) for difference in differences(facts, ["control", "work"])]
    ["host 'work' has other versions than 'control': airfleet 2, there 1"]
    """
    hosts = sorted(facts, key=lambda host: (order.index(host) if host in order else len(order), host))
    return tuple(
        difference
        for subject in FactKind
        for first, host in _beside_the_first([host for host in hosts if getattr(facts[host], subject) is not None])
        if (difference := _compared(subject, host, facts[host], first, facts[first])) is not None
    )


def _beside_the_first(hosts: Sequence[str]) -> list[tuple[str, str]]:
    return [(hosts[0], host) for host in hosts[1:]]


def refusal(host: str, mine: HostFacts, others: Mapping[str, HostFacts], *, goes_on: bool = False) -> str:
    """Say why a host may not join those that are up, as a sentence; empty when it may.

    ``goes_on``: its tasks run already; then only a difference counts by which an attempt could run twice.
    """
    for other, theirs in sorted(others.items()):
        for subject in (FactKind.RULES, FactKind.VERSIONS):
            found = _compared(subject, host, mine, other, theirs, most=len(mine.rules) + len(mine.versions))
            entries = found.entries if found else ()
            if harmful := tuple(entry for entry in entries if _does_harm(subject, entry, goes_on)):
                return f"does not join: it {HostDifference(host, other, subject, harmful).predicate}"
    return ""


def _does_harm(subject: FactKind, entry: FactDifference, goes_on: bool) -> bool:
    if subject is FactKind.VERSIONS:
        return not goes_on and entry.name in _SAME
    if entry.name == HOSTS:
        return len(set(entry.here.split(", ")) ^ set(entry.there.split(", "))) > 1
    return not goes_on or entry.name in _QUORUM


def _compared(
    subject: FactKind, host: str, mine: HostFacts, other: str, theirs: HostFacts, most: int = MOST_NAMED
) -> HostDifference | None:
    here, there = getattr(mine, subject), getattr(theirs, subject)
    if here is None or there is None or here == there:
        return None
    entries = tuple(
        FactDifference(name, here.get(name, ""), there.get(name, ""))
        for name in sorted({*here, *there})
        if here.get(name) != there.get(name) and _counts(subject, name, here, there)
    )
    if not entries:
        return None
    return HostDifference(host, other, subject, entries[:most], max(0, len(entries) - most))


def _counts(subject: FactKind, name: str, here: Mapping[str, str], there: Mapping[str, str]) -> bool:
    """Tell whether a name is compared: a key is where both hosts have it, and alone where the key of all differs."""
    if subject is not FactKind.KEYS:
        return True
    shared = here.get(SHARED_KEY) == there.get(SHARED_KEY)
    return name in here and name in there and (shared or name == SHARED_KEY)


# --- sentences ---------------------------------------------------------------------------------------


def _rules(found: HostDifference) -> str:
    told = (f"{entry.name} {entry.here or 'nothing'}, there {entry.there or 'nothing'}" for entry in found.entries)
    return f"goes by other rules than '{found.other}': {_listed(told, found)}"


def _versions(found: HostDifference) -> str:
    told = (f"{entry.name} {entry.here or 'missing'}, there {entry.there or 'missing'}" for entry in found.entries)
    return f"has other versions than '{found.other}': {_listed(told, found)}"


def _fleet_file(found: HostDifference) -> str:
    return f"has another fleet.yaml than '{found.other}': {_listed((entry.name for entry in found.entries), found)}"


def _keys(found: HostDifference) -> str:
    return f"has other keys than '{found.other}': {_listed((entry.name for entry in found.entries), found)}"


def _pipelines(found: HostDifference) -> str:
    count = len(found.entries) + found.more
    files = "1 file differs" if count == 1 else f"{count} files differ"
    told = (entry.name + _how(entry) for entry in found.entries)
    return f"has other pipelines than '{found.other}' ({files}: {_listed(told, found)})"


def _how(entry: FactDifference) -> str:
    return " is missing" if not entry.here else " is there alone" if not entry.there else ""


def _listed(told: Iterator[str], found: HostDifference) -> str:
    return "; ".join(told) + (" …" if found.more else "")


_SENTENCES = {
    FactKind.RULES: _rules,
    FactKind.VERSIONS: _versions,
    FactKind.FLEET_FILE: _fleet_file,
    FactKind.KEYS: _keys,
    FactKind.PIPELINES: _pipelines,
}
