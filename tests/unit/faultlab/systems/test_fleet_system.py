"""A fleet under test by the way that people reach it."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from airfleet.client.api_client import REQUEST_SECONDS, Api
from airfleet.drill.load_generator import SLOW_SECONDS
from faultlab.systems.fleet_system import FleetSystem
from faultlab.systems.topology import Topology
from support.fake_agent import snapshot


class ProxiedFleet:
    """A fleet whose agent names nginx."""

    api = Api("http://127.0.0.1:8085", "admin", "x", others=("http://127.0.0.1:8086",))

    def snapshot(self) -> Any:
        return snapshot(url="http://127.0.0.1:8080/")


@pytest.mark.parametrize(("hosts", "seconds"), [(1, REQUEST_SECONDS), (3, SLOW_SECONDS)])
def test_nginx_alone_is_asked_and_only_one_that_may_ask_a_lost_host_is_given_up_early(
    hosts: int, seconds: float
) -> None:
    system = FleetSystem(Topology(proxied=True, hosts=hosts), netns=False)
    shutil.rmtree(system.folder)
    system._fleet = ProxiedFleet()  # type: ignore[assignment]
    assert (system.api.url, system.api.others) == ("http://127.0.0.1:8080", ())
    assert system.api.request_seconds == seconds
