"""The name by which Airflow knows this machine: in the rows of jobs, and of attempts.

The agent looks for attempts of its own host by this name, so both have to mean the same: a fleet gives each host a
name of its own, whatever the machine calls itself, and several agents on one machine stay apart.
"""

from __future__ import annotations

import os
import socket

#: the variable that holds the name
HOST = "AIRFLEET_HOST"


def host() -> str:
    """The name; Airflow asks for it as ``[core] hostname_callable``."""
    return os.environ.get(HOST) or socket.gethostname()
