"""The air-quality example: its jobs, and archives for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from air_quality import sample, serve

EXAMPLE = Path(__file__).parents[4] / "examples" / "air_quality"
OZONE, SO2 = "epa_aqs_ozone_daily_summary", "epa_aqs_so2_daily_summary"


@pytest.fixture(scope="session")
def example() -> Path:
    """The folder of the example."""
    return EXAMPLE


@pytest.fixture(scope="session")
def jobs() -> dict[str, dict[str, Any]]:
    """The jobs of the pipeline file, by name."""
    document = yaml.safe_load((EXAMPLE / "pipelines" / "air_quality.yaml").read_text())
    return {job["name"]: job for job in document["jobs"]}


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Archives with 3,000 good and 16 bad rows each, and the pages that link to them."""
    folder = tmp_path_factory.mktemp("mirror")
    sample.write(folder, rows=3000, seed=3, datasets=("ozone", "so2", "gsod"), bad=16)
    return folder


@pytest.fixture(scope="session")
def server(mirror: Path) -> Iterator[str]:
    """The address at which the mirror is served."""
    with serve.served(mirror) as address:
        yield address
