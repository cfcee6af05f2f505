"""What people tell a host beyond fleet.yaml, and which workers it runs then."""

from __future__ import annotations

from airfleet.agent.orders import Orders, Size, workers
from airfleet.fleet.plan import Component, FileBeats, Fork


def worker(name: str, group: str = "light", slots: str = "4") -> Component:
    options = {"name": name, "queues": "default", "slots": slots, "beat": f"/run/{name}.beat"}
    return Component(name, "worker", Fork("worker", options), FileBeats(f"/run/{name}.beat"), group=group)


PLANNED = (worker("light"), worker("light-2"), worker("heavy", "heavy"), Component("scheduler", "scheduler", Fork("x")))


def test_without_orders_a_host_runs_the_workers_of_its_plan() -> None:
    assert tuple(workers(PLANNED, Orders())) == PLANNED[:3]


def test_more_workers_are_like_the_first_with_names_and_files_of_their_own() -> None:
    assert tuple(workers(PLANNED, Orders(scale={"heavy": Size(count=2)}))) == (
        *PLANNED[:3],
        worker("heavy-2", "heavy"),
    )


def test_fewer_workers_are_the_first_ones() -> None:
    assert tuple(workers(PLANNED, Orders(scale={"light": Size(count=1)}))) == (PLANNED[0], PLANNED[2])


def test_slots_change_for_every_worker_of_the_name() -> None:
    found = tuple(workers(PLANNED, Orders(scale={"light": Size(slots=16)})))
    assert found == (worker("light", slots="16"), worker("light-2", slots="16"), PLANNED[2])


def test_orders_are_read_and_nonsense_is_not_ordered() -> None:
    told = {"drained": True, "scale": {"light": {"count": 2, "slots": -1}, "heavy": "many"}, "else": 1}
    assert Orders.read(told) == Orders(True, {"light": Size(count=2)})
    assert Orders.read({"drained": "yes", "scale": 3}) == Orders()
