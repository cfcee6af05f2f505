"""The Airflow home of a component: there it reads what its host's agent wrote, and leaves files for the agent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def of_component(environ: Mapping[str, str]) -> Path | None:
    """Return the Airflow home of a component of a fleet; None for any other process, whose home no agent reads."""
    home = environ.get("AIRFLOW_HOME") if environ.get("AIRFLEET_COMPONENT") else None
    return Path(home) if home else None
