"""``airfleet render helm``: values out of a project folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from airfleet.cli.main import cli

FLEET = """\
name: shop
database: postgresql://me:${{ secrets.word }}@db/airflow
env: {TOKEN: "${{ secrets.word }}", PLAIN: x}
vars: {token: "${{ env.WORD }}"}
airflow: {smtp: {smtp_host: "${{ env.WORD }}", smtp_port: 25}}
pools: {warehouse: 4}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "fleet.yaml").write_text(FLEET)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "word").touch(mode=0o600)
    (tmp_path / "secrets" / "word").write_text("s3cret")
    return tmp_path


def render(project: Path, *arguments: str) -> Result:
    return CliRunner(env={"WORD": "s3cret"}).invoke(cli, ["-C", str(project), "render", "helm", *arguments])


def document(project: Path, *arguments: str) -> dict[str, Any]:
    found = yaml.safe_load(render(project, *arguments).stdout)
    assert isinstance(found, dict)
    return found


def test_what_comes_from_elsewhere_is_named_and_not_written(project: Path) -> None:
    done = render(project)
    assert "s3cret" not in done.output
    found = yaml.safe_load(done.stdout)
    assert found["env"] == [{"name": "PLAIN", "value": "x"}]
    assert {one["envName"] for one in found["secret"]} == {
        "TOKEN",
        "AIRFLEET_VAR_token",
        "AIRFLOW__SMTP__SMTP_HOST",
    }
    assert found["config"]["smtp"] == {"smtp_port": "25"}


def test_the_image(project: Path) -> None:
    assert document(project)["images"]["airflow"] == {"repository": "shop-airfleet", "tag": "latest"}
    image = document(project, "--image", "registry:5000/shop:7")["images"]["airflow"]
    assert image == {"repository": "registry:5000/shop", "tag": "7"}
    image = document(project, "--image", "registry:5000/shop")["images"]["airflow"]
    assert image == {"repository": "registry:5000/shop", "tag": "latest"}


def test_what_a_chart_lacks_is_said(project: Path) -> None:
    done = render(project, "--output", str(project / "made"))
    assert "pools are no part of a chart: warehouse" in done.stderr
    assert (project / "made" / "values.yaml").exists()
