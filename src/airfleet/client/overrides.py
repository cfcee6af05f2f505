"""Orders to hosts: said to the agent of this machine, which writes them where the host's own agent reads them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from airfleet.agent import control
from airfleet.agent.control import HostStatus, Snapshot
from airfleet.client import agent_client
from airfleet.client.project import Project
from airfleet.errors import FleetError, WaitTimedOut, did_you_mean
from airfleet.fleet.config.spec import LOCAL

#: the order goes over the database, which every agent reads every few seconds
ORDER_SECONDS, PAUSE_SECONDS = 15.0, 0.2


def running(here: Project) -> Snapshot:
    """Ask the fleet. Raises FleetError when it does not run, Unhealthy when its agent does not answer."""
    found = agent_client.snapshot(here.root, here.paths)
    if found is None:
        raise agent_client.not_running(here)
    return found


def require(here: Project, host: str) -> Snapshot:
    """Ask the fleet, which must have this host. Raises FleetError."""
    snapshot = running(here)
    known = [one.host for one in snapshot.hosts] or [LOCAL]
    if host not in known:
        hint = did_you_mean(host, known) or f"there is: {', '.join(known)}"
        raise FleetError(f"fleet '{snapshot.fleet}' has no host '{host}' that was ever up", hint=hint)
    return snapshot


def tell(here: Project, request: Mapping[str, Any], host: str, done: Callable[[HostStatus], bool]) -> None:
    """Say it, and wait until the host's row shows it. Raises FleetError or WaitTimedOut."""
    snapshot = control.tell(here.paths.socket, request)
    deadline = time.monotonic() + ORDER_SECONDS
    while snapshot.hosts and not any(one.host == host and done(one) for one in snapshot.hosts):
        if time.monotonic() > deadline:
            raise WaitTimedOut("the order is not in the database yet\nhint: airfleet status")
        time.sleep(PAUSE_SECONDS)
        snapshot = control.status(here.paths.socket)
