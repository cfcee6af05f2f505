"""The process of the triggers: no event, no failure and no step of one of them stops another one."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from typing import Any

import pytest
from airflow.jobs.triggerer_job_runner import TriggerEventEntry, messages
from airflow.triggers.base import TriggerEvent

from airfleet.triggerer import trigger_runner
from airfleet.triggerer.trigger_runner import CarefulTriggerRunner, TriggerBlocks, TriggerBlocksAgain
from airfleet.triggerer.trigger_steps import OWNER, StepBoard, StepLoop


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> CarefulTriggerRunner:
    monkeypatch.setenv("AIRFLOW__AIRFLEET__MAX_MESSAGE_BYTES", "1000")
    return CarefulTriggerRunner(block_seconds=1.0)


def told(runner: CarefulTriggerRunner, monkeypatch: pytest.MonkeyPatch) -> list[messages.TriggerStateChanges]:
    sent: list[messages.TriggerStateChanges] = []

    async def asend(self: Any, message: messages.TriggerStateChanges) -> None:
        sent.append(message)

    monkeypatch.setattr(CarefulTriggerRunner, "asend", asend)
    return sent


def tell(runner: CarefulTriggerRunner, number: int, value: Any) -> None:
    event = value if isinstance(value, int) else TriggerEvent(value)
    runner.events.append(TriggerEventEntry(number, event, None))  # type: ignore[arg-type]


def test_an_event_that_cannot_be_passed_on_fails_its_trigger_alone(
    runner: CarefulTriggerRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = told(runner, monkeypatch)
    for number, value in enumerate((object(), 7, "\ud800", {"a": lambda: 1}, "x" * 2_000, "fine"), start=1):
        tell(runner, number, value)
    asyncio.run(runner.sync_state_to_supervisor([1, 6]))
    (message,) = sent
    assert [entry.trigger_id for entry in message.events or ()] == [6]
    assert [number for number, _ in message.failures or ()] == [1, 2, 3, 4, 5]
    assert all(
        "The event of this trigger cannot be passed on: " in "".join(why or ()) for _, why in message.failures or ()
    )
    assert message.finished == [1, 6]


def test_no_message_is_too_long_and_no_trigger_has_ended_before_its_events_are_told(
    runner: CarefulTriggerRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = told(runner, monkeypatch)
    for number in (1, 2, 3):
        tell(runner, number, "x" * 400)
    asyncio.run(runner.sync_state_to_supervisor([1, 3]))
    asyncio.run(runner.sync_state_to_supervisor([2]))
    assert [[entry.trigger_id for entry in message.events or ()] for message in sent] == [[1, 2], [3]]
    assert [message.finished for message in sent] == [[1], [3, 2]]


def test_a_failure_is_text_that_can_be_passed_on_and_not_too_much(
    runner: CarefulTriggerRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = told(runner, monkeypatch)
    runner.failed_triggers.extend([(1, ValueError("a\0\ud800")), (2, ValueError("x" * 1_000_000)), (3, None)])
    asyncio.run(runner.sync_state_to_supervisor([]))
    failures = dict(sent[0].failures or ())
    assert "ValueError: a\\x00\\ud800" in "\n".join(failures[1] or ())
    assert len("\n".join(failures[2] or ())) < 30_000
    assert failures[3] is None


def test_a_step_that_blocks_is_interrupted_and_the_second_time_for_good(runner: CarefulTriggerRunner) -> None:
    """In the main thread, as in the process of the triggers."""
    board = runner._board
    before = signal.signal(trigger_runner._SIGNAL, runner._interrupt)
    threading.Thread(target=runner._watch_steps, daemon=True).start()
    raised: list[BaseException] = []

    async def trigger() -> None:
        OWNER.set(7)
        await asyncio.sleep(0)
        for _ in range(2):
            try:
                time.sleep(60)
            except (TriggerBlocks, TriggerBlocksAgain) as error:
                raised.append(error)

    async def other() -> None:
        await asyncio.create_task(trigger())

    try:
        with asyncio.Runner(loop_factory=lambda: StepLoop(board, lambda *_: None)) as loops:
            loops.run(other())
    finally:
        signal.signal(trigger_runner._SIGNAL, before)
        runner._block_seconds = 0.0
    assert [type(error) for error in raised] == [TriggerBlocks, TriggerBlocksAgain]
    assert "test_trigger_runner.py" in str(raised[0])


def test_a_signal_that_comes_late_hits_nobody_else(runner: CarefulTriggerRunner) -> None:
    runner._board.write(7, 1.0)
    runner._to_interrupt = runner._board.read()
    runner._board.write(8, 2.0)
    runner._interrupt(0, None)
    runner._board.write(7, 1.0)
    runner._to_interrupt = runner._board.read()
    with pytest.raises(TriggerBlocks):
        runner._interrupt(0, None)


def test_a_board_of_nobody_names_nobody() -> None:
    assert StepBoard().read() is None
