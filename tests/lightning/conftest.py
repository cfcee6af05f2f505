"""What the tests of the lightning example share; they run in an environment of their own (``make test-lightning``).

One PostgreSQL and one set of clouds serve them all. Years are how they keep out of each other's way: a run
replaces a year, and nothing else.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
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

    def run(self, year: int, **params: str) -> subprocess.CompletedProcess[str]:
        """``airfleet run`` to its end."""
        with self.started(year, **params) as process:
            output, errors = process.communicate(timeout=RUN_SECONDS)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def started(self, year: int, **params: str) -> subprocess.Popen[str]:
        """``airfleet run``, which has begun."""
        said = {"year": str(year), **params}
        words = [word for name, value in said.items() for word in ("--param", f"{name}={value}")]
        return subprocess.Popen(
            [*command(), "run", "pipelines/lightning.yaml", *words],
            cwd=EXAMPLE,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """What the database says; nothing when it has not been loaded at all."""
        with psycopg.connect(self.database) as database:
            if database.execute("SELECT to_regclass('lightning.years')").fetchone() == (None,):
                return []
            return database.execute(query, values).fetchall()


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    """The address of a PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="lightning-test-") as folder:
        Path(folder).chmod(0o755)  # the user that PostgreSQL runs as, when we are root, must reach its data
        with clouds.database(Path(folder)) as address:
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
    """The yearly file of 2019, with 3,000 tiles."""
    folder = tmp_path_factory.mktemp("files")
    sample.write(folder, 2019, 3000, 5)
    return folder
