"""Which addresses an api-server believes about its clients."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from airfleet.zygote.job_components import tell_job
from airfleet.zygote.server_components import addresses
from airfleet.zygote.worker_component import Beat


@pytest.mark.parametrize(
    ("hosts", "believed"),
    [
        ("", ()),
        ("127.0.0.1", ("127.0.0.1",)),
        ("10.0.0.1,10.0.0.4,10.0.0.1", ("10.0.0.1", "10.0.0.4")),
        ("::1,10.0.0.4", ("::1", "10.0.0.4")),
    ],
)
def test_addresses_stay_as_they_are_and_stand_once(hosts: str, believed: tuple[str, ...]) -> None:
    assert addresses(hosts) == believed


def test_a_name_becomes_its_addresses() -> None:
    assert "127.0.0.1" in addresses("localhost")


def test_a_name_that_nobody_knows_is_said_and_nobody_is_believed_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert addresses("no..such.host,10.0.0.4") == ("10.0.0.4",)  # refused before anybody is asked for it
    assert "the proxy's host 'no..such.host' is not believed" in capsys.readouterr().err


def test_a_worker_whose_beats_go_nowhere_says_so_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beat = Beat(tmp_path / "missing" / "worker.beat")
    beat()
    beat(sender="Celery says who")
    assert capsys.readouterr().err.count("is not told that this worker is well: ") == 1


def test_a_component_that_cannot_say_which_job_is_its_own_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLEET_COMPONENT", "scheduler")
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "missing"))
    tell_job(Row(4))
    assert "the agent is not told which job this is: " in capsys.readouterr().err


@dataclass(frozen=True)
class Row:
    """One of the table of jobs."""

    id: int
