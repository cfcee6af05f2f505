"""Operators of providers that are not installed, and the packages that have them.

The names stand in a file that ``scripts/well_known_operators.py`` writes; it is read when a name is not found.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airfleet.pipelines.analysis.short_names import short_of
from airfleet.provider_names import package


def missing(provider: str) -> tuple[str, str]:
    """Write the sentence about a provider that is not installed, and the hint."""
    return f"provider '{provider}' is not installed", f"add {package(provider)} to the requirements"


def providers_of(name: str) -> tuple[str, ...]:
    """List the well-known providers with an operator of this name: its class (``DockerOperator``), or ``docker``."""
    return _providers().get(name, ())


@functools.cache
def _providers() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for provider, classes in _table().items():
        for name in classes:
            for written in filter(None, (name, short_of(name))):
                found[written] = (*found.get(written, ()), provider)
    return found


def _table() -> dict[str, list[str]]:
    file = Path(__file__).with_name("well_known_operators.json")
    table: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return table
