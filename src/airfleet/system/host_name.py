"""The name by which Airflow knows this machine: in the rows of jobs, and of attempts.

The agent looks for attempts of its own host by this name, so both have to mean the same. A fleet gives each host a name
of its own, whatever the machine calls itself, and several agents on one machine stay apart. The name ends with the
incarnation, as in ``work-1.3fa80c12``: a restarted host is never taken for its earlier incarnation.
"""

from __future__ import annotations

import os
import socket

#: the variable that holds the name
HOST = "AIRFLEET_HOSTNAME"


def host() -> str:
    """Give the name; Airflow asks for it as ``[core] hostname_callable``."""
    return os.environ.get(HOST) or socket.gethostname()


def name(host_name: str, boot: str) -> str:
    """Make the name of a host of the fleet in one incarnation."""
    return f"{host_name}.{boot}"
