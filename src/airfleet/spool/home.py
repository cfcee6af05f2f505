"""Where a component finds what its host's agent wrote for it, and leaves what the agent is to find."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def looked_after(environ: Mapping[str, str]) -> Path | None:
    """The Airflow home of a component of a fleet; None for any other process, whose home no agent looks into."""
    home = environ.get("AIRFLOW_HOME") if environ.get("AIRFLEET_COMPONENT") else None
    return Path(home) if home else None
