"""``airfleet`` run inside this process, in a project of its own, beside an agent and an api-server that tests fill.

The fixtures are taken over by the ``conftest.py`` of each folder that wants them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from airfleet.agent import control
from airfleet.cli.main import cli
from airfleet.client.project import Project
from support import fake_agent, fake_airflow
from support.fake_agent import FakeAgent, component, snapshot
from support.fake_airflow import FakeAirflow


@dataclass(frozen=True)
class Result:
    """The end of a command."""

    code: int
    out: str
    err: str


Airfleet = Callable[..., Result]


def run(*argv: object) -> Result:
    """Run ``airfleet`` with these arguments. Raises the exceptions that it does not turn into an exit code."""
    result = CliRunner().invoke(cli, [str(argument) for argument in argv])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Result(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove the person's own settings."""
    for name in list(os.environ):
        if name.startswith("AIRFLEET") or name in ("NO_COLOR", "FORCE_COLOR", "CI", "COLUMNS"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Make a project named ``shop``; the working directory is in it."""
    root = tmp_path / "shop"
    (root / "pipelines").mkdir(parents=True)
    (root / "fleet.yaml").write_text("name: shop\n")
    monkeypatch.chdir(root)
    return Project(root, os.environ)


@pytest.fixture
def airfleet() -> Airfleet:
    """Run ``airfleet`` with these arguments."""
    return run


@pytest.fixture
def agent_says(project: Project) -> Callable[..., AbstractContextManager[FakeAgent]]:
    """Let an agent of the project answer with these snapshots."""

    def listen(*watched: object, stopped: tuple[object, ...] = ()) -> AbstractContextManager[FakeAgent]:
        return fake_agent.listening(FakeAgent(watched, stopped), project.paths.socket)  # type: ignore[arg-type]

    return listen


@pytest.fixture
def hanging_agent(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start an agent of the project that listens and never answers."""
    monkeypatch.setattr(control.ask, "__defaults__", (0.05,))  # the silence that is allowed
    silent = FakeAgent([snapshot()])
    silent.answers = lambda request: silent.gone.wait(5) and iter(())  # type: ignore[method-assign, assignment]
    with fake_agent.listening(silent, project.paths.socket):
        yield
        silent.gone.set()


@pytest.fixture
def airflow(project: Project) -> Iterator[FakeAirflow]:
    """Start a running fleet of the project: an agent, and an api-server that tests fill."""
    fake = FakeAirflow()
    project.paths.home.mkdir(parents=True)
    project.paths.password.write_text(fake_airflow.PASSWORD + "\n")
    with fake_airflow.serving(fake):
        now = snapshot(
            component("scheduler"),
            component("worker"),
            component("triggerer"),
            url=fake.url,
            user=fake_airflow.USER,
            password_file=str(project.paths.password),
        )
        with fake_agent.listening(FakeAgent([now]), project.paths.socket):
            yield fake
