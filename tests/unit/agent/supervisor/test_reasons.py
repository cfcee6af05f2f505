"""Reasons of states, in words."""

from __future__ import annotations

import signal

import pytest

from airfleet.agent.supervisor.reasons import exit_of


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
