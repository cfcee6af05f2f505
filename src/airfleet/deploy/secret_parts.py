"""Secrets of a fleet on their way to a host: its part alone, and never another key than the one that its data have."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from airfleet.agent.cluster import identity
from airfleet.deploy.facts import Facts
from airfleet.fleet.config.spec import Fleet
from airfleet.fleet.servers import secrets
from airfleet.fleet.servers.secrets import Secrets

#: with which data are encrypted or guarded that are on the host already
_BOUND: Final = ("fernet_key", "postgres_password", "airflow_password")


@dataclass(frozen=True)
class Part:
    """The secrets of one host; its ``repr`` shows none of them."""

    names: tuple[str, ...]
    #: what ``airfleet secrets export`` writes; None where the host keeps what it has
    text: bytes | None = None

    def __repr__(self) -> str:
        return f"Part({', '.join(self.names)})"


def digest(value: str) -> str:
    """Give the digest by which a secret is compared."""
    return hashlib.sha256(value.encode()).hexdigest()


def part(fleet: Fleet, host: str, kept: Secrets | None, there: Mapping[str, str] | None) -> Part:
    """Give what a host must get: nothing when it has all of it; ``there`` are digests of what it has."""
    names = identity.needed(fleet, fleet.host(host))
    if kept is None or _is_same(kept, names, there):
        return Part(names)
    return Part(names, secrets.parcel(kept, names, fleet.name, host).encode())


def _is_same(kept: Secrets, names: tuple[str, ...], there: Mapping[str, str] | None) -> bool:
    return there is not None and all(there.get(name) == digest(getattr(kept, name)) for name in names)


def are_anywhere(found: Mapping[str, Facts]) -> bool:
    """Tell whether a host has secrets already: then none may be made anew."""
    return any(facts.secrets for facts in found.values())


def problems(fleet: Fleet, kept: Secrets | None, found: Mapping[str, Facts]) -> Iterator[str]:
    """Find hosts that lack secrets which are not here, and those whose data belong to other ones."""
    for host in fleet.hosts:
        there = found[host.name].secrets or {} if host.name in found else {}
        needed = identity.needed(fleet, host)
        if kept is None:
            if host.name in found and (missing := [name for name in needed if name not in there]):
                yield (
                    f"host '{host.name}' lacks secrets of the fleet ({', '.join(missing)}), which are not here: "
                    "deploy once from the folder that has .airfleet/secrets.json"
                )
        elif other := [n for n in _BOUND if n in needed and n in there and there[n] != digest(getattr(kept, n))]:
            yield (
                f"host '{host.name}' has other secrets than this folder ({', '.join(other)}), and its data are "
                "encrypted with them: bring back .airfleet/secrets.json of that fleet"
            )
        elif empty := [name for name in needed if not getattr(kept, name)]:
            yield f"host '{host.name}' needs secrets that are not here ({', '.join(empty)})"
