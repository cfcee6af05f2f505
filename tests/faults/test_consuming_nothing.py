"""A worker that is alive and connected and reads no queue any more is replaced; on RabbitMQ: ``test_rabbitmq.py``."""

from __future__ import annotations

from faultlab.systems.fleet_system import FleetSystem
from faultlab.systems.topology import Topology
from support.consuming_nothing import check_that_it_is_replaced

#: what is promised: from the moment it reads nothing until another one is ready
READY_SECONDS = 15.0


def test_it_is_replaced_in_time_and_what_it_runs_goes_on() -> None:
    with FleetSystem(Topology(slots=2)) as target:
        check_that_it_is_replaced(target, READY_SECONDS)
