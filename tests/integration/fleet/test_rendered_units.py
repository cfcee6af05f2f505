"""Units that ``airfleet render systemd`` writes, read by the real systemd."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from airfleet.testing.fleet import command

pytestmark = pytest.mark.needs("systemd")

ALONE = """\
name: shop
database: postgresql://me@127.0.0.1/airflow
broker: redis://:${{ env.BROKER_PASSWORD }}@localhost/0
proxy: {name: airflow.example.com}
"""
SEVERAL = """\
name: shop
database: postgresql://me@db/airflow
broker: amqp://me@queue/shop
hosts:
  - {name: front, address: 10.0.0.1, scheduler: 1, api_server: 1, dag_processor: 1, triggerer: 1}
  - {name: work, address: 10.0.0.2, workers: [{slots: 2, memory: 2GB}]}
policies: {on_partition: keep}
"""


def verified(unit: Path) -> tuple[int, str]:
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("fleet", [ALONE, SEVERAL], ids=["alone", "several"])
@pytest.mark.parametrize("folder", ["shop", 'a $b %c "d"'])
def test_systemd_finds_nothing_wrong(fleet: str, folder: str, tmp_path: Path) -> None:
    root = tmp_path / folder
    root.mkdir()
    (root / "fleet.yaml").write_text(fleet)
    words = [*command(), "-C", str(root), "render", "systemd", "--user", "root", "--output", str(tmp_path / "units")]
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    units = sorted((tmp_path / "units").iterdir())
    assert len(units) == 1 + (fleet is SEVERAL)
    for unit in units:
        assert verified(unit) == (0, "")


def test_systemd_would_find_a_mistake(tmp_path: Path) -> None:
    unit = tmp_path / "airfleet-shop.service"
    unit.write_text("[Service]\nExecStart=/bin/true\nDelegates=yes\n")
    assert "Delegates" in verified(unit)[1]
