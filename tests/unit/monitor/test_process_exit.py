"""The end of a watched process wakes its monitor, however late it comes after the last word."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Iterator

import pytest
from airflow.sdk.execution_time.supervisor import WatchedSubprocess

from airfleet.monitor import process_exit

#: for how long the process lives on after it has closed everything that its monitor hears
SILENT_SECONDS = 0.3
#: what a monitor waits at the most; without a sign of the end it would wait so long
AT_MOST_SECONDS = 30.0


def close_all_and_linger() -> None:
    """What a process does that takes its time to end."""
    os.closerange(0, 256)
    time.sleep(SILENT_SECONDS)
    os._exit(3)


@pytest.fixture
def process() -> Iterator[WatchedSubprocess]:
    started = WatchedSubprocess.start(id=uuid.uuid4(), target=close_all_and_linger)
    yield started
    started.selector.close()


def test_a_process_that_is_told_to_end_is_waited_for_no_longer_than_it_lives(process: WatchedSubprocess) -> None:
    process_exit.notice(process)
    began = time.monotonic()
    process.kill(signal.SIGCONT, escalation_delay=AT_MOST_SECONDS)  # a signal that ends nothing
    assert process._exit_code == 3
    assert time.monotonic() - began < AT_MOST_SECONDS / 2
    assert not process.selector.get_map()


def test_a_descriptor_is_closed_once() -> None:
    reader, writer = os.pipe()
    descriptor = process_exit.Descriptor(writer)
    descriptor.close()
    other = os.dup(reader)  # takes the number that is free now
    descriptor.close()
    assert os.fstat(other)
    os.close(other)
    os.close(reader)
