"""What the tests of the lightning example share; they run in an environment of their own (``make test-lightning``).

One PostgreSQL and one set of clouds serve them all. Years are how they keep out of each other's way: a run
replaces a year, and nothing else.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "lightning"
for folder in (Path(__file__).parent, EXAMPLE):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from airfleet.testing.fleet import clean_environment, command  # noqa: E402
from lightning import clouds, sample  # noqa: E402
from lightning.clouds import Clouds  # noqa: E402

RUN_SECONDS = 240
#: a Java that starts quickly; these runs are too short for its best code to pay
QUICK_JAVA = {"JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}


@dataclass(frozen=True)
class Runner:
    """Runs of the pipeline in this process's environment and some variables more."""

    environ: dict[str, str]
    database: str

    def run(self, year: int, environ: dict[str, str] | None = None, **params: str) -> subprocess.CompletedProcess[str]:
        """``airfleet run`` to its end."""
        said = [
            word for name, value in {"year": str(year), **params}.items() for word in ("--param", f"{name}={value}")
        ]
        return subprocess.run(
            [*command(), "run", "pipelines/lightning.yaml", *said],
            cwd=EXAMPLE,
            env=self.environ | (environ or {}),
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )

    def ask(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """What the database says; nothing when it has not been loaded at all."""
        with psycopg.connect(self.database) as database:
            if database.execute("SELECT to_regclass('lightning.years')").fetchone() == (None,):
                return []
            return database.execute(query, values).fetchall()


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL."""
    with clouds.database(_reachable(tmp_path_factory.mktemp("database"))) as address:
        yield address


@pytest.fixture(scope="session")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    """The clouds."""
    with Clouds(tmp_path_factory.mktemp("clouds"), clouds.emulators_python()) as started:
        yield started


@pytest.fixture(scope="session")
def local(database: str, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """Runs without a cloud."""
    cache = str(tmp_path_factory.mktemp("cache"))
    environ = clean_environment() | clouds.connections(database) | QUICK_JAVA | {"XDG_CACHE_HOME": cache}
    return Runner(environ | {"AIRFLOW_VAR_LIGHTNING_WORK": str(tmp_path_factory.mktemp("work"))}, database)


@pytest.fixture(scope="session")
def cloudy(local: Runner, sky: Clouds) -> Runner:
    """Runs with the clouds."""
    return Runner(local.environ | sky.environment(), local.database)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Yearly files of 2019 and 2020, of 3,000 tiles each."""
    folder = tmp_path_factory.mktemp("files")
    for year in (2019, 2020):
        sample.write(folder, year, 3000, 5)
    return folder


def _reachable(folder: Path) -> Path:
    """The folder, which the user that PostgreSQL runs as can reach when we are root."""
    if os.geteuid() == 0:
        for one in (folder, *folder.parents):
            if one.stat().st_uid == 0 and one != Path("/"):
                one.chmod(one.stat().st_mode | 0o755)
    return folder
