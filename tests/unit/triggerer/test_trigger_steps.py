"""Whose step the event loop of the triggers runs, told to another process."""

from __future__ import annotations

import asyncio
import os
import time

from airfleet.triggerer.trigger_steps import OWNER, StepBoard, StepLoop


def loop(board: StepBoard, ends: dict[int, BaseException] | None = None) -> StepLoop:
    return StepLoop(board, (ends if ends is not None else {}).setdefault)


def owned(number: int) -> None:
    OWNER.set(number)


def test_the_board_has_the_trigger_that_runs_and_nobody_between_two_steps() -> None:
    board, seen = StepBoard(), []

    def look() -> None:
        step = board.read()
        seen.append(step.trigger if step else 0)

    async def trigger(number: int) -> None:
        owned(number)
        for _ in range(2):
            await asyncio.sleep(0.01)
            look()
        await asyncio.create_task(child())
        asyncio.get_running_loop().call_later(0.01, look)
        await asyncio.to_thread(time.sleep, 0.001)
        look()

    async def child() -> None:
        await asyncio.sleep(0)
        look()

    async def both() -> None:
        await asyncio.gather(trigger(7), trigger(8))
        await asyncio.sleep(0.05)
        look()

    with asyncio.Runner(loop_factory=lambda: loop(board)) as runner:
        runner.run(both())
    assert sorted(seen) == [0] + [7] * 5 + [8] * 5
    assert board.read() is None


def test_who_ended_the_process_is_read_by_another_one() -> None:
    board = StepBoard()

    async def trigger() -> None:
        owned(7)
        await asyncio.sleep(0)
        os._exit(3)

    pid = os.fork()
    if pid == 0:
        with asyncio.Runner(loop_factory=lambda: loop(board)) as runner:
            runner.run(trigger())
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
    step = board.read()
    assert step is not None
    assert step.trigger == 7
    assert 0 <= time.monotonic() - step.since < 60


def test_a_trigger_that_exits_does_not_end_the_loop() -> None:
    ends: dict[int, BaseException] = {}

    async def trigger() -> None:
        owned(7)
        await asyncio.sleep(0)
        raise SystemExit(3)

    async def others() -> str:
        task = asyncio.create_task(trigger())
        await asyncio.sleep(0.05)
        assert task.done()
        return "went on"

    with asyncio.Runner(loop_factory=lambda: loop(StepBoard(), ends)) as runner:
        assert runner.run(others()) == "went on"
    assert {number: repr(end) for number, end in ends.items()} == {7: "SystemExit(3)"}
