"""The fleets that tests share, each started once for the whole session.

- ``air_quality_fleet`` runs the example, with archives from a file server on this machine, and some small
  pipelines; tests ask it and leave it running.
- ``tiny_fleet`` is for tests that hurt a fleet: ``running`` gives it healthy, ``stopped`` gives it down,
  whatever the test before did to it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from airfleet.testing.fleet import FleetUnderTest
from faultlab.measuring.ledger import Ledger
from support import pipelines

EXAMPLE = Path(__file__).parents[2] / "examples" / "air_quality"
OZONE, GSOD = "epa_aqs_ozone_daily_summary", "noaa_global_summary_of_day"

AIR_QUALITY = """\
name: air-quality
workers:
  - {{name: light, queues: [default, queue_1], slots: 2}}
  - {{name: heavy, queues: [queue_2], slots: 1}}
env:
  AIRFLOW_VAR_AIR_QUALITY_SOURCE: "{source}"
  AIRFLOW_VAR_AIR_QUALITY_OUTPUT: "{output}"
  AIRFLOW_VAR_AIR_QUALITY_WORK: "{work}"
airflow:
  scheduler:
    # Unpausing a daily Dag would start the run of today beside the one that a test asks for.
    use_job_schedule: "False"
"""
TINY = """\
name: tiny
triggerer: false
workers: [{name: worker, slots: 1}]
"""


@dataclass(frozen=True)
class AirQuality:
    """The example's fleet, and the folders that it reads and writes."""

    fleet: FleetUnderTest
    mirror: Path
    output: Path

    def archives(self, *pattern: str) -> list[Path]:
        """Give the archives on the file server whose names match one of the patterns."""
        return sorted(path for one in pattern for path in self.mirror.rglob(one))


@dataclass(frozen=True)
class Tiny:
    """A fleet to hurt, and the witness of what its tasks did."""

    fleet: FleetUnderTest
    ledger: Ledger

    def runs_a_task(self, words: str, seconds: float = 90.0) -> bool:
        """Tell whether a task started now runs, by what it wrote into the ledger, and its run ends well."""
        self.fleet.wait_for_dag("witness")
        run = self.fleet.trigger("witness", {"words": words})
        return self.fleet.wait_for_run("witness", run, seconds) == "success" and words in self.ledger.lines()


@pytest.fixture(scope="session")
def air_quality_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirQuality]:
    """Start the air-quality example as a healthy fleet."""
    if str(EXAMPLE) not in sys.path:
        sys.path.insert(0, str(EXAMPLE))
    from air_quality import sample, serve

    folder = tmp_path_factory.mktemp("air-quality")
    mirror, output = folder / "mirror", folder / "output"
    sample.write(mirror, rows=1500, seed=11, datasets=("ozone", "gsod"), bad=8)
    with serve.served(mirror) as address:
        text = AIR_QUALITY.format(source=address, output=output, work=folder / "work")
        with FleetUnderTest.make(text, pipelines.FILES, copy_of=EXAMPLE) as fleet:
            fleet.start()
            yield AirQuality(fleet, mirror, output)


@pytest.fixture(scope="session")
def tiny_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tiny]:
    """Give the smallest fleet that runs tasks; not started yet."""
    ledger = Ledger(tmp_path_factory.mktemp("tiny") / "ledger")
    with FleetUnderTest.make(TINY, {"pipelines/witness.yaml": pipelines.witness(ledger)}) as fleet:
        yield Tiny(fleet, ledger)


@pytest.fixture
def running(tiny_fleet: Tiny) -> Tiny:
    """Give the tiny fleet, healthy; ``up`` leaves a healthy one as it is."""
    tiny_fleet.fleet.start()
    return tiny_fleet


@pytest.fixture
def stopped(tiny_fleet: Tiny) -> Iterator[Tiny]:
    """Give the tiny fleet with no process; its fleet.yaml is as it was after the test."""
    tiny_fleet.fleet.stop()
    yield tiny_fleet
    tiny_fleet.fleet.stop()
    tiny_fleet.fleet.write("fleet.yaml", TINY)
