"""Airflow knows a host by its name in the fleet and the incarnation of its agent, else by the machine's name."""

from __future__ import annotations

import socket

import pytest

from airfleet.system import host_name


def test_the_name_comes_from_the_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(host_name.HOST, host_name.name("work-1", "3fa80c12"))
    assert host_name.host() == "work-1.3fa80c12"


@pytest.mark.parametrize("told", [None, ""])
def test_without_an_agent_it_is_that_of_the_machine(told: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(host_name.HOST, raising=False)
    if told is not None:
        monkeypatch.setenv(host_name.HOST, told)
    assert host_name.host() == socket.gethostname()
