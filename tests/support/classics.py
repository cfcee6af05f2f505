"""The classic examples as one project: their pipelines in one folder, their modules beside it, one fleet for all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from airfleet.testing.fleet import FleetUnderTest
from csv_to_dynamo import clouds
from csv_to_dynamo.clouds import Clouds
from etl_classics import local
from etl_classics.local import Surroundings

EXAMPLES = Path(__file__).parents[2] / "examples"
PROJECTS = ("csv_to_dynamo", "etl_classics", "existing_dags")

FLEET = """\
name: classics
workers: [{{name: worker, slots: 4}}]
env:
{env}
"""
#: unpausing a daily Dag would start the run of today beside the ones that are asked for
UNSCHEDULED = """\
airflow: {scheduler: {use_job_schedule: "False"}}
"""


@dataclass(frozen=True)
class Classics:
    """The services of the pipelines, and the folder of the results of the shop's Dags."""

    clouds: Clouds
    around: Surroundings
    output: Path

    def environment(self) -> dict[str, str]:
        """Give the environment of everything that runs a task."""
        return {
            **self.clouds.environment(),
            **self.around.environment(),
            "SHOP_OUTPUT": str(self.output),
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the warehouse."""
        with psycopg.connect(self.around.warehouse) as connection:
            return connection.execute(query).fetchall()


@contextmanager
def classics(folder: Path) -> Iterator[Classics]:
    """Start both accounts, the warehouse, the shop and the folders, until the block ends."""
    folder.chmod(0o755)  # the user that PostgreSQL runs as, when we are root, must reach its data
    with clouds.emulated() as accounts, local.surroundings(folder) as around:
        yield Classics(accounts, around, folder / "output")


def copy_into(root: Path) -> None:
    """Make one project of their pipelines, Dags and modules."""
    ignore = shutil.ignore_patterns("__pycache__", ".airfleet", "fleet.yaml", "README.md", "old")
    for name in PROJECTS:
        shutil.copytree(EXAMPLES / name, root, ignore=ignore, dirs_exist_ok=True)


@contextmanager
def fleet_of(there: Classics, settings: str = "") -> Iterator[FleetUnderTest]:
    """Start one healthy fleet with all of their Dags; ``settings`` are more lines of fleet.yaml."""
    given = there.environment()
    env = "\n".join(f"  {name}: ${{{{ env.{name} }}}}" for name in given)
    with FleetUnderTest.make(FLEET.format(env=env) + settings) as fleet:
        copy_into(fleet.root)
        fleet.environ = {**fleet.environ, **given}
        fleet.start()
        yield fleet


def environment_of(there: Classics) -> dict[str, str]:
    """Give the environment for ``run_pipeline`` in place of this process's."""
    return {**os.environ, **there.environment()}
