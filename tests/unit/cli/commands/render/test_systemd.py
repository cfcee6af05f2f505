"""``airfleet render systemd``: whose units, for whom, and from where."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from airfleet.cli.main import at_the_edge, cli

FLEET = """\
name: shop
database: postgresql://me:${{ secrets.database }}@db/airflow
broker: redis://:${{ env.BROKER_PASSWORD }}@queue/0
hosts:
  - {name: front, address: 10.0.0.1, scheduler: 1, api_server: 1, dag_processor: 1, triggerer: 1}
  - {name: work, address: 10.0.0.2, workers: [{slots: 2}]}
policies: {on_partition: keep}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "fleet.yaml").write_text(FLEET)
    return tmp_path


def render(project: Path, *arguments: str, **environ: str) -> Result:
    return CliRunner(env=environ).invoke(cli, ["-C", str(project), "render", "systemd", *arguments])


def test_the_unit_of_a_host_as_text(project: Path) -> None:
    text = render(project, "--host", "work").stdout.splitlines()
    program = Path(sys.prefix) / "bin" / "airfleet"
    assert f"ExecStart={program} -C {project} up --host work --adopt --timeout 10m --drain 60s" in text
    assert "# fleet.yaml takes BROKER_PASSWORD from it; mode 0600." in text
    assert "EnvironmentFile=/etc/airfleet/shop-work.env" in text
    assert "s3cret" not in render(project, BROKER_PASSWORD="s3cret").stdout


def test_the_units_of_all_hosts_as_files(project: Path) -> None:
    done = render(project, "--output", str(project / "units"))
    assert done.exit_code == 0, done.output
    found = sorted(file.name for file in (project / "units").iterdir())
    assert found == ["airfleet-shop-front.service", "airfleet-shop-work.service"]


def test_the_owner_of_the_folder_runs_it(project: Path) -> None:
    text = render(project).stdout
    assert ("User=" not in text) if (me := getpass.getuser()) == "root" else (f"User={me}" in text)
    assert "User=shop\n" in render(project, "--user", "shop").stdout


def test_another_folder_there_has_an_airfleet_of_its_own(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(project / ".venv"))
    start = "ExecStart=/srv/shop/.venv/bin/airfleet -C /srv/shop up"
    assert start in render(project, "--at", "/srv/shop/").stdout
    assert (
        "ExecStart=/opt/airfleet -C /srv/shop up"
        in render(project, "--at", "/srv/shop", "--program", "/opt/airfleet").stdout
    )


def test_overlay_and_home_travel_along(project: Path) -> None:
    (project / "fleet.prod.yaml").write_text("user: boss\n")
    text = render(project, "--env", "prod", "--host", "work", AIRFLEET_HOME="data").stdout
    assert "up --host work --env prod --adopt --timeout" in text
    assert f"Environment=AIRFLEET_HOME={project}/data" in text


def refusal(project: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    def run() -> object:
        return cli.main(["-C", str(project), "render", "systemd", *arguments], standalone_mode=False)

    assert at_the_edge(run) == 1
    return capsys.readouterr().err


def test_what_could_not_start_is_explained(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "the fleet has no host 'wrok'\nhint: did you mean 'work'?" in refusal(project, capsys, "--host", "wrok")
    assert "--at shop is no absolute path" in refusal(project, capsys, "--at", "shop")
    (project / "fleet.yaml").write_text(FLEET + "task_user: tasks\n")
    said = refusal(project, capsys, "--user", "shop")
    assert "only root can start them so, not 'shop'\nhint: --user root" in said
    assert "User=" not in render(project).stdout
