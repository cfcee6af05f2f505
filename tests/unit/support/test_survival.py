from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from support.survival import survives


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        yield started
        started.kill()


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_was_sent_the_moment_before_is_seen(sent: signal.Signals) -> None:
    for _ in range(50):
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
            os.kill(process.pid, sent)
            assert not survives(process.pid)


def test_who_was_sent_nothing_survives_and_goes_on(process: subprocess.Popen[str]) -> None:
    assert survives(process.pid)
    assert process.stdin
    assert process.stdout
    process.stdin.write("still here\n")
    process.stdin.flush()
    assert process.stdout.readline() == "still here\n"


def test_who_was_stopped_before_stays_so(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)
    assert survives(process.pid)
    assert survives(process.pid)
    process.kill()
    process.wait()
    assert not survives(process.pid)
