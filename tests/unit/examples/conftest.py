"""The example's modules are found the way a worker finds them: its folder is on the path."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[2] / "examples" / "air_quality"

if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from air_quality import sample, serve  # noqa: E402

OZONE, SO2 = "epa_aqs_ozone_daily_summary", "epa_aqs_so2_daily_summary"
GSOD = "noaa_global_summary_of_day"


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
