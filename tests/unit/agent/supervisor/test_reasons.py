"""Reasons of states, in words."""

from __future__ import annotations

import signal

import pytest

from airfleet.agent.probes.results import NoHeartbeat
from airfleet.agent.states import Reason
from airfleet.agent.supervisor.reasons import (
    AgentFailed,
    Drained,
    NotStarted,
    Resized,
    Stalled,
    StartTimeout,
    WaitsForDatabase,
    ZygoteDied,
    ZygoteStalled,
    exit_of,
)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (0, "ended with exit code 0"),
        (3 << 8, "ended with exit code 3"),
        (signal.SIGSEGV, "was killed by SIGSEGV"),
        (signal.SIGABRT | 0x80, "was killed by SIGABRT"),  # with a core file
        (signal.SIGRTMIN + 1, "was killed by signal 35"),
    ],
)
def test_how_a_process_ended_in_words(status: int, sentence: str) -> None:
    assert str(exit_of(status)) == sentence


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (StartTimeout(10.0, NoHeartbeat()), "was not ready after 10 s: has not written its first heartbeat yet"),
        (StartTimeout(10.0, None), "was not ready after 10 s: it did not say why"),
        (Stalled(30.0, NoHeartbeat()), "did nothing for 30 s: has not written its first heartbeat yet"),
        (ZygoteStalled(16.0, "one"), "did nothing for 16 s: it was told to fork one"),
        (ZygoteDied(), "the zygote ended before it was forked"),
        (NotStarted("No such file or directory", "nginx"), "cannot be started: No such file or directory (nginx)"),
        (AgentFailed("KeyError: 1"), "the agent failed at it: KeyError: 1"),
        (WaitsForDatabase("Connection refused"), "waits for the database: Connection refused"),
        (Resized(), "has another size now"),
        (Drained(), "drained"),
        (Drained(finishing=True), "drained, finishes what it runs"),
    ],
)
def test_what_the_agent_did_in_words(reason: Reason, sentence: str) -> None:
    assert str(reason) == sentence
