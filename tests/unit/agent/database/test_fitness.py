"""The fitness of a database for a host."""

from __future__ import annotations

import pytest

from airfleet.agent.database.finding import DatabaseVerdict
from airfleet.agent.database.fitness import connections_of, look
from airfleet.fleet.planning.plan import Component, Fork, Plan
from airfleet.testing.ports import free_ports


@pytest.fixture
def closed() -> str:
    """A database where nobody listens."""
    (port,) = free_ports(1)
    return f"postgresql://me@127.0.0.1:{port}/none"


@pytest.mark.parametrize(
    ("kinds", "connections"),
    [(("worker",), 4), (("scheduler", "dag-processor", "triggerer", "api-server", "api-server", "worker"), 14)],
)
def test_the_connections_of_a_host(tmp_path: object, kinds: tuple[str, ...], connections: int) -> None:
    components = tuple(Component(f"c{number}", kind, Fork(kind)) for number, kind in enumerate(kinds))
    assert connections_of(Plan("toy", tmp_path, components, {}, {}, "", "")) == connections  # type: ignore[arg-type]


def test_a_look_never_raises(closed: str) -> None:
    assert look(closed, needs=3).verdict is DatabaseVerdict.WAIT
    assert look("postgresql://me@127.0.0.1/none?sslmode=nonsense", needs=3).verdict is DatabaseVerdict.REFUSED
