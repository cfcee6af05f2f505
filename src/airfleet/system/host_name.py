"""The name by which Airflow knows this machine: in the rows of jobs, and of attempts.

The agent looks for attempts of its own host by this name, so both have to mean the same: a fleet gives each host a
name of its own, whatever the machine calls itself, and several agents on one machine stay apart. It ends with the name
of the agent's life, like ``work-1.3fa80c12``: a host that was started anew is never taken for what it was before.
"""

from __future__ import annotations

import os
import socket

#: the variable that holds the name
HOST = "AIRFLEET_HOSTNAME"


def host() -> str:
    """The name; Airflow asks for it as ``[core] hostname_callable``."""
    return os.environ.get(HOST) or socket.gethostname()


def name(host_name: str, boot: str) -> str:
    """The name of a host of the fleet in one life of its agent."""
    return f"{host_name}.{boot}"
