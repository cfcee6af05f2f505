"""Several hosts whose pipelines nobody carries: what check and plan say."""

from __future__ import annotations

import pytest

from airfleet.client.project import Project
from support.command_line import Airfleet

HOSTS = """\
database: postgresql://airflow@db.internal/airflow
broker: redis://mq.internal
policies: {on_partition: keep}
hosts:
  - {name: a, address: 10.0.0.1, scheduler: true, api_server: true, dag_processor: true, triggerer: true}
  - {name: b, address: 10.0.0.2, workers: [{name: light}]}
"""
SAID = "2 hosts run pipelines, each from a folder of its own: nothing brings them the same"


def test_check_remarks_on_it_at_the_hosts(project: Project, airfleet: Airfleet) -> None:
    (project.root / "fleet.yaml").write_text(HOSTS)
    result = airfleet("check")
    assert result.code == 0
    assert result.out == (
        f"fleet.yaml:4:1: hosts: remark: {SAID} [AF219]\n"
        "hint: 'releases: {}' says that 'airfleet push' does; a comment '# airfleet: ignore AF219', that they share a "
        "folder\n"
    )
    assert f"warning: {SAID}\n" in airfleet("plan").err


@pytest.mark.parametrize(
    "text",
    [
        f"releases: {{}}\n{HOSTS}",
        HOSTS.replace("hosts:", "hosts:  # airfleet: ignore AF219 (NFS)"),
        HOSTS.replace(", dag_processor: true, triggerer: true}", "}").replace("[{name: light}]}", "[{name: light}], "
                      "dag_processor: true, triggerer: true}"),
        "workers: [{name: light}]\n",
    ],
    ids=["releases", "a comment", "one host has all code", "one host"],
)  # fmt: skip
def test_nothing_is_said_where_something_carries_them(project: Project, airfleet: Airfleet, text: str) -> None:
    (project.root / "fleet.yaml").write_text(text)
    result = airfleet("check")
    assert (result.code, result.out) == (0, "")
    assert SAID not in airfleet("plan").err
