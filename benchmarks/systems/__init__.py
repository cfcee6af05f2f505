"""The systems that are compared: what each must do, and where each is."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from figures import Run
from workloads import Workload


@dataclass(frozen=True)
class About:
    """What must be known of a system to read its figures."""

    title: str
    #: what keeps tasks apart
    isolation: str
    #: what is left when everything is killed
    durability: str


class System(Protocol):
    """One system on this machine. Order: ``start``, then ``run`` any number of times, then ``stop``."""

    about: About

    def version(self) -> str:
        """What was measured."""

    def offers(self, workload: Workload) -> str:
        """Why it is not asked to do this workload; empty when it is."""

    def start(self, workloads: Sequence[Workload]) -> None:
        """Begin, until it is healthy and knows these workloads."""

    def run(self, workload: Workload, label: str) -> Run:
        """Do a workload once. ``label`` is new each time. Raises witness.NotDone."""

    def stop(self) -> None:
        """End every process; called also when ``start`` failed."""


#: name -> module and class
SYSTEMS = {
    "airfleet": ("systems.fleet", "PythonDags"),
    "airfleet_yaml": ("systems.fleet", "Pipelines"),
    "stock": ("systems.stock", "Stock"),
    "stock_quick": ("systems.stock", "Quick"),
    "stock_busy": ("systems.stock", "Busy"),
    "prefect": ("systems.peers", "Prefect"),
    "dagster": ("systems.peers", "Dagster"),
    "dagster_multiprocess": ("systems.peers", "DagsterMultiprocess"),
    "dbos": ("systems.peers", "Dbos"),
    "luigi": ("systems.peers", "Luigi"),
    "celery": ("systems.peers", "Celery"),
}


def make(name: str, folder: Path, slots: int) -> System:
    """The system of this name, with so many slots, in a folder of its own."""
    module, kind = SYSTEMS[name]
    return cast(System, getattr(importlib.import_module(module), kind)(folder, slots))
