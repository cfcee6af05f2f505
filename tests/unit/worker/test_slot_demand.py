from __future__ import annotations

from airfleet.worker.slot_demand import PEAK_SECONDS, WARM_SECONDS, WARM_SLOTS, SlotDemand


def test_a_worker_that_has_run_nothing_keeps_no_slot() -> None:
    assert SlotDemand().wanted(0.0) == 0


def test_a_steady_load_keeps_as_many_slots_as_it_uses_at_once() -> None:
    demand = SlotDemand()
    wanted = set()
    for second in range(0, 600, 20):  # a burst of four, each twenty seconds
        for busy in (1, 2, 3, 4, 3, 2, 1, 0):
            demand.note(busy, second + 0.1 * busy)
        wanted.add(demand.wanted(second + 19.0))
    assert wanted == {4}


def test_slots_of_a_peak_are_given_up_soon_and_the_last_ones_late() -> None:
    demand = SlotDemand()
    demand.note(9, 0.0)
    demand.note(0, 1.0)
    assert demand.wanted(PEAK_SECONDS) == 9
    assert demand.wanted(PEAK_SECONDS + 1) == WARM_SLOTS
    assert demand.wanted(WARM_SECONDS) == WARM_SLOTS
    assert demand.wanted(WARM_SECONDS + 1) == 0


def test_one_task_now_and_then_keeps_one_slot_warm() -> None:
    demand = SlotDemand()
    demand.note(1, 0.0)
    demand.note(0, 1.0)
    assert demand.wanted(WARM_SECONDS) == 1


def test_busy_slots_are_wanted_however_long_they_are_busy() -> None:
    demand = SlotDemand()
    for second in range(0, 3600, 5):
        demand.note(3, float(second))
    assert demand.wanted(3600.0) == 3


def test_what_was_noted_long_ago_is_forgotten() -> None:
    demand = SlotDemand()
    for second in range(10_000):
        demand.note(second % 3, float(second))
    assert len(demand._peaks) < 10
