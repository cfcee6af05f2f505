"""How long a scheduler leaves alone what it failed at."""

from __future__ import annotations

from airfleet.scheduler.isolation.fault_record import FaultRecord


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_dag_is_left_alone_longer_each_time_and_tried_at_once_after_news() -> None:
    clock = Clock()
    faults = FaultRecord(clock)
    for pause in (60.0, 120.0, 300.0, 300.0):
        faults.dag_failed("a", "why")
        assert faults.dag_waits("a")
        clock.now += pause - 0.1
        assert faults.dag_waits("a")
        clock.now += 0.1
        assert not faults.dag_waits("a")
    faults.dag_failed("a", "why")
    faults.changed("a")
    faults.changed("b")
    assert not faults.dag_waits("a")


def test_what_is_wrong_with_a_dag_is_said_once() -> None:
    faults = FaultRecord(Clock())
    said = [faults.dag_failed("a", why) for why in ("one", "one", "two", "two")]
    assert said == [True, False, True, False]
    faults.dag_is_well("a")
    assert faults.dag_failed("a", "two")


def test_a_run_is_given_up_after_five_tries_in_fifteen_seconds() -> None:
    clock = Clock()
    faults = FaultRecord(clock)
    tries = []
    for second in range(20):
        clock.now = float(second)
        if not faults.run_waits(7):
            tries.append((second, faults.run_failed(7, "why")))
            if tries[-1][1]:
                break
    assert tries == [(0, False), (1, False), (3, False), (7, False), (15, True)]
