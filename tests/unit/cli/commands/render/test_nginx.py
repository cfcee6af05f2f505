"""``airfleet render``: the files of other programs, printed or written."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from airfleet.cli.main import at_the_edge, cli

FLEET = """\
name: shop
api_server: {count: 2}
flower: true
proxy: {name: airflow.example.com, airflow: /myorg/airflow, flower: /myorg/flower}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "fleet.yaml").write_text(FLEET)
    return tmp_path


def render(project: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["-C", str(project), "render", *arguments])


def test_nginx_as_text(project: Path) -> None:
    text = render(project, "nginx").stdout
    assert "server_name airflow.example.com;" in text
    assert "listen 0.0.0.0:80;" in text
    assert "server 127.0.0.1:8080 max_fails" in text
    assert "server 127.0.0.1:8081 max_fails" in text
    assert "location ^~ /myorg/flower/ {" in text
    assert not (project / ".airfleet").exists()  # it leaves nothing behind


def test_the_ports_of_a_fleet_that_has_run(project: Path) -> None:
    (project / ".airfleet").mkdir()
    kept = {"api_server": 8888, "api_server_2": 8889, "flower": 5560, "nginx": 8091}
    (project / ".airfleet" / "ports.json").write_text(json.dumps(kept))
    text = render(project, "nginx").stdout
    for place in ("127.0.0.1:8888", "127.0.0.1:8889", "127.0.0.1:5560", "127.0.0.1:8091"):
        assert place in text


def test_nginx_as_a_file(project: Path) -> None:
    done = render(project, "nginx", "--output", str(project / "made" / "nginx"))
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    assert "airflow.example.com" in (project / "made" / "nginx" / "nginx.conf").read_text()


HOSTS = """\
name: shop
database: postgresql://db/airflow
broker: redis://queue/0
hosts:
  - {name: a, address: 10.0.0.1, scheduler: 1, dag_processor: 1, api_server: {count: 1}, workers: [{name: worker}]}
  - {name: b, address: 10.0.0.2, api_server: {count: 1}}
proxy: {on: [b], name: airflow.example.com}
policies: {on_partition: keep}
"""


def refusal(project: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    def run() -> object:
        return cli.main(["-C", str(project), "render", *arguments], standalone_mode=False)

    assert at_the_edge(run) == 1
    return capsys.readouterr().err


@pytest.mark.parametrize(("mask", "mode"), [(0o000, 0o644), (0o022, 0o644), (0o077, 0o600)])
def test_what_is_written_is_not_for_others_to_change(project: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        assert render(project, "nginx", "--output", str(project / "made")).exit_code == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE((project / "made" / "nginx.conf").stat().st_mode) == mode
    assert not stat.S_IMODE((project / "made").stat().st_mode) & 0o022


def test_what_cannot_be_rendered_is_explained(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "fleet.yaml").write_text("name: shop\n")
    assert "fleet.yaml has no proxy" in refusal(project, capsys, "nginx")
    (project / "fleet.yaml").write_text(HOSTS)
    assert "the fleet has no host 'c'" in refusal(project, capsys, "nginx", "--host", "c")
    assert "the proxy does not run on 'a'\nhint: it runs on b" in refusal(project, capsys, "nginx", "--host", "a")


def test_the_host_of_the_proxy_is_found(project: Path) -> None:
    (project / "fleet.yaml").write_text(HOSTS)
    text = render(project, "nginx").stdout
    assert text.index("server 10.0.0.2:8080") < text.index("server 10.0.0.1:8080")
    assert text == render(project, "nginx", "--host", "b").stdout


OWN = "name: shop\napi_server: 2\nproxy: {on: [], name: airflow.example.com, airflow: /a}\n"


def test_one_that_people_run_themselves(project: Path) -> None:
    (project / "fleet.yaml").write_text(OWN)
    assert "location ^~ /a/execution {" in render(project, "nginx").stdout


def test_one_that_people_run_themselves_leaves_the_door_for_tasks_to_the_fleet_s_own(project: Path) -> None:
    (project / "fleet.yaml").write_text(OWN)
    text = render(project, "nginx").stdout
    assert [line.strip() for line in text.splitlines() if line.strip().startswith("listen ")] == [
        "listen 0.0.0.0:80 default_server;",
        "listen 0.0.0.0:80;",
    ]
    assert "listen 127.0.0.1:8090;" in without(OWN, "on: [], ", project)


def without(text: str, part: str, project: Path) -> str:
    (project / "fleet.yaml").write_text(text.replace(part, ""))
    return render(project, "nginx").stdout


def test_requests_are_logged_into_the_folder_that_it_is_started_with(project: Path) -> None:
    text = render(project, "nginx").stdout
    assert "access_log access.log plain;" in text
    assert "/dev/stdout" not in text


def test_a_certificate_whose_name_nginx_cannot_be_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tls = "tls: {certificate: a.pem, key: c.pem}"
    folder = project / "a$b"
    folder.mkdir()
    (folder / "fleet.yaml").write_text(f"name: shop\nproxy: {{name: airflow.example.com, {tls}}}\n")
    said = refusal(folder, capsys, "nginx")
    assert f"error: '{folder}/a.pem' cannot stand in nginx.conf\nhint: give the file" in said
