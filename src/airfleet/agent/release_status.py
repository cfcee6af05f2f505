"""The releases of a fleet as values: which one is live, which hosts have it, and the room that all take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airfleet.releases.news import ReleaseState


@dataclass(frozen=True)
class HostRelease:
    """The live release on one host."""

    host: str
    state: ReleaseState
    #: why it is not there, as a sentence; empty when there is nothing to say
    sentence: str = ""


@dataclass(frozen=True)
class ReleaseStatus:
    """The live release and its hosts, as the agent read them last; nothing while the folder is in force."""

    #: its digest; empty while none is live
    live: str = ""
    note: str = ""
    author: str = ""
    #: for so many seconds
    since: float = 0.0
    hosts: tuple[HostRelease, ...] = ()
    #: bytes that all releases take in the database, and may take; None where they are kept elsewhere
    used_bytes: int | None = None
    budget_bytes: int | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ReleaseStatus:
        """Read the plain value that it became; unknown keys are ignored."""
        known = {key: value for key, value in data.items() if key in cls.__dataclass_fields__}
        hosts = tuple(
            HostRelease(host["host"], ReleaseState(host["state"]), host["sentence"]) for host in data.get("hosts", ())
        )
        return cls(**{**known, "hosts": hosts})
