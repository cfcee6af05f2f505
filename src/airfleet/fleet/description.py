"""A plan as its agent leaves it beside the fleet, to be compared with the next one: what runs, without a secret.

What may be secret, or is long, stands there as a fingerprint, made with a key of the fleet: it tells that something
has changed and not what.
"""

from __future__ import annotations

import configparser
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from airfleet.fleet.plan import Component, File, Fork, Plan

CONFIGURATION = "airflow.cfg"
#: options that say where something lies, or what stands elsewhere too
_LEFT_OUT = ("beat", "memory_bytes")


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


@dataclass(frozen=True)
class Description:
    """What one host runs."""

    host: str
    components: tuple[Described, ...]
    #: ``section.key`` -> fingerprint of each of Airflow's settings
    settings: Mapping[str, str] = field(default_factory=dict)
    #: name -> fingerprint of each variable that components get
    environment: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """As a file holds it."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Description:
        """What :meth:`to_json` gave. Raises ValueError, KeyError or TypeError for anything else."""
        found: Any = json.loads(text)
        if not isinstance(found, dict):
            raise TypeError
        components = tuple(Described(**component) for component in found.pop("components"))
        return cls(components=components, **found)


def describe(plan: Plan, key: str) -> Description:
    """What ``plan`` runs; ``key`` is a secret of the fleet."""

    def fingerprint(value: str) -> str:
        return hashlib.blake2b(value.encode(), key=key.encode()[:64], digest_size=9).hexdigest()

    return Description(
        host=plan.host,
        components=tuple(_described(component, fingerprint) for component in plan.components),
        settings={name: fingerprint(value) for name, value in _settings(plan.files).items()},
        environment={name: fingerprint(value) for name, value in plan.environment.items()},
    )


def _described(component: Component, fingerprint: Callable[[str], str]) -> Described:
    start = component.start
    return Described(
        name=component.name,
        kind=component.kind,
        address=component.address,
        memory_bytes=component.memory_bytes,
        options={k: v for k, v in start.options.items() if k not in _LEFT_OUT} if isinstance(start, Fork) else {},
        secrets=fingerprint(json.dumps(start.settings)) if isinstance(start, Fork) else "",
        airflow=isinstance(start, Fork) or component.kind == "template",
    )


def _settings(files: Mapping[Path, File]) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    for path, file in files.items():
        if path.name == CONFIGURATION:
            parser.read_string(file.text)
    return {f"{section}.{key}": value for section in parser.sections() for key, value in parser[section].items()}
