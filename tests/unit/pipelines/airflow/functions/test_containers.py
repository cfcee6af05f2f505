"""A function in a container is sent with the modules of its project that it imports; Airflow's decorator is played."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pendulum
import pytest
from airflow.sdk.bases.decorator import DecoratedOperator

from airfleet.pipelines.airflow.functions import containers
from airfleet.pipelines.airflow.import_common import dags_and_problems
from airfleet.pipelines.checks.pipeline_checks import read_and_check
from support import played_providers


class PlayedDocker(DecoratedOperator):
    """What Airflow's class does, but for the container."""

    custom_operator_name = "@task.docker"
    template_fields = ("image", "environment", "op_args", "op_kwargs")

    def __init__(
        self, *, image: str, environment: dict[str, str] | None = None, network_mode: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.image, self.environment, self.network_mode = image, environment, network_mode

    def execute(self, context: Any) -> Any:
        namespace: dict[str, Any] = {}
        exec("from __future__ import annotations\n" + self.get_python_source(), namespace)
        return namespace[self.python_callable.__name__](*self.op_args, **self.op_kwargs)


OPERATOR = """
class DockerOperator(BaseOperator):
    template_fields = ("image", "environment")
    def __init__(self, *, image: str, environment=None, network_mode: str = "", privileged: bool = False, **kwargs): ...
"""
STEPS = """
from boxed_words import up
def shout(text, ds=None, logical_date=None, dag=None): return [up(text), ds, type(logical_date).__module__, dag]
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Play an installed provider; give the folder of a project."""
    monkeypatch.setitem(containers.DECORATORS, "docker", f"{__name__}.PlayedDocker")
    monkeypatch.setitem(sys.modules, __name__, sys.modules[PlayedDocker.__module__])
    with played_providers.installed(tmp_path / "site", {"docker": ""}):
        (tmp_path / "site/airflow/providers/docker/operators/docker.py").write_text(OPERATOR)
        yield tmp_path / "project"


def operator(isolation: str, project: Path) -> Any:
    project.mkdir()
    (project / "boxed_steps.py").write_text(STEPS)
    (project / "boxed_words.py").write_text("def up(t): return t.upper()\n")
    file = project / "p.yaml"
    task = f"{{id: t, uses: 'boxed_steps:shout', with: {{text: a}}, isolation: {isolation}}}"
    file.write_text(f"dag_id: d\ntasks: [{task}]\n")
    dags, problems = dags_and_problems(file)
    assert [str(problem) for problem in problems] == []
    return dags[0].get_task("t")


def test_the_arguments_of_the_operator_stand_beside_the_image(installed: Path) -> None:
    made = operator("{docker: x, environment: {A: 1, B: true}, network_mode: host}", installed)
    assert isinstance(made, PlayedDocker)
    assert (made.image, made.environment, made.network_mode) == ("x", {"A": "1", "B": "true"}, "host")
    assert made.template_fields == ()


def test_the_modules_of_the_project_come_along(installed: Path) -> None:
    made = operator("{docker: {image: x}}", installed)
    assert str(installed) not in sys.path
    context = {"ds": "2026-01-31", "logical_date": pendulum.datetime(2026, 1, 31), "dag": object()}
    assert made.execute(context) == ["A", "2026-01-31", "datetime", None]


def test_only_what_any_python_reads_is_sent_of_the_context() -> None:
    moment = pendulum.datetime(2026, 1, 31, tz="Europe/Berlin")
    objects = {"dag": object(), "triggering_asset_events": {object(): []}, "inlet_events": {"a": [object()]}}
    params = {"b": [2, {"c": None}]}
    plain = containers._plain({"a": 1, "moment": moment, "params": params, "none": None, **objects})
    assert plain == {"a": 1, "moment": dt.datetime.fromisoformat(moment.isoformat()), "params": params, "none": None}
    assert type(plain["moment"]) is dt.datetime


def test_what_the_operator_does_not_take_is_a_problem(installed: Path) -> None:
    installed.mkdir()
    (installed / "boxed_steps.py").write_text(STEPS)
    (installed / "p.yaml").write_text(
        "dag_id: d\ntasks:\n- {id: t, uses: 'boxed_steps:shout', with: {text: a}, "
        "isolation: {docker: {networkmode: host, command: ls}}}\n"
        "- {id: u, uses: 'boxed_steps:shout', with: {text: a}, "
        "isolation: {docker: [x], network_mode: {$t: h}, privileged: [a], environment: {A: {$x: t}}}}\n"
    )
    found = read_and_check(installed / "p.yaml", environ={}).problems
    assert [f"{one.path}: {one.sentence} | {one.hint}" for one in found] == [
        "tasks.t.isolation.docker: needs an image | write its name, such as python:3.12",
        "tasks.t.isolation.docker.networkmode: DockerOperator takes no argument 'networkmode' "
        "| did you mean 'network_mode'?",
        "tasks.t.isolation.docker.command: 'command' is made of the function | leave it out",
        "tasks.u.isolation.docker: must be the name of an image | such as python:3.12",
        "tasks.u.isolation.network_mode: 'network_mode' is not rendered, so it cannot hold a marker | None",
        "tasks.u.isolation.privileged: must be true or false, not a list | None",
    ]
