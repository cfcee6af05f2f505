"""What people tell a host beyond fleet.yaml, and which workers it runs then."""

from __future__ import annotations

from airfleet.agent.supervisor.overrides import HostOverrides, ScaledSize, api_servers, workers
from airfleet.fleet.planning.plan import Component, FileBeats, Fork, HttpAnswers


def worker(name: str, group: str = "light", slots: str = "4") -> Component:
    options = {"name": name, "queues": "default", "slots": slots, "beat": f"/run/{name}.beat"}
    return Component(name, "worker", Fork("worker", options), FileBeats(f"/run/{name}.beat"), group=group)


PLANNED = (worker("light"), worker("light-2"), worker("heavy", "heavy"), Component("scheduler", "scheduler", Fork("x")))


def test_without_orders_a_host_runs_the_workers_of_its_plan() -> None:
    assert tuple(workers(PLANNED, HostOverrides())) == PLANNED[:3]


def test_more_workers_are_like_the_first_with_names_and_files_of_their_own() -> None:
    assert tuple(workers(PLANNED, HostOverrides(scale={"heavy": ScaledSize(count=2)}))) == (
        *PLANNED[:3],
        worker("heavy-2", "heavy"),
    )


def test_fewer_workers_are_the_first_ones() -> None:
    assert tuple(workers(PLANNED, HostOverrides(scale={"light": ScaledSize(count=1)}))) == (PLANNED[0], PLANNED[2])


def test_slots_change_for_every_worker_of_the_name() -> None:
    found = tuple(workers(PLANNED, HostOverrides(scale={"light": ScaledSize(slots=16)})))
    assert found == (worker("light", slots="16"), worker("light-2", slots="16"), PLANNED[2])


def test_orders_are_read_and_nonsense_is_not_ordered() -> None:
    told = {"drained": True, "scale": {"light": {"count": 2, "slots": -1}, "heavy": "many"}, "else": 1}
    assert HostOverrides.read(told) == HostOverrides(True, {"light": ScaledSize(count=2)})
    assert HostOverrides.read({"drained": "yes", "scale": 3}) == HostOverrides()


def api_server(name: str, port: int) -> Component:
    probe = HttpAnswers((f"http://10.0.0.1:{port}/a/api/v2/version", f"http://10.0.0.1:{port}/a/execution/health"))
    start = Fork("api-server", {"address": "0.0.0.0", "port": str(port), "proxies": ""})
    return Component(name, "api-server", start, probe, address=f"0.0.0.0:{port}")


def test_more_api_servers_are_like_the_first_at_ports_of_their_own_and_fewer_are_the_first_ones() -> None:
    planned = (*PLANNED, api_server("api-server", 8080), api_server("api-server-2", 8081))
    asked: list[tuple[str, int]] = []

    def port(name: str, first: int) -> int:
        asked.append((name, first))
        return first + len(asked)

    def found(count: int | None) -> tuple[Component, ...]:
        scale = {"api-server": ScaledSize(count=count)} if count else {}
        return tuple(api_servers(planned, HostOverrides(scale=scale), port))

    assert found(None) == planned[-2:]
    assert found(1) == planned[-2:-1]
    assert found(4) == (*planned[-2:], api_server("api-server-3", 8083), api_server("api-server-4", 8084))
    assert asked == [("api-server-3", 8082), ("api-server-4", 8082)]
    assert tuple(api_servers(PLANNED, HostOverrides(scale={"api-server": ScaledSize(count=2)}), port)) == ()
