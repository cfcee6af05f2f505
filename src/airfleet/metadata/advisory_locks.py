"""Keys of the advisory locks that airfleet takes in Airflow's database; Airflow's own keys are below a hundred.

A key never changes: during an upgrade two versions of airfleet have to take the same lock.
"""

from __future__ import annotations

from typing import Final, LiteralString

#: held by the session of the host that changes the schema, Airflow's part of it included
SCHEMA: Final = 0x41495246_4C454554
#: held by the transaction that applies migrations of airfleet's own tables
MIGRATIONS: Final = 0x41495246_4D494752
#: held by the transaction that writes the connections, variables and pools of ``fleet.yaml``
AIRFLOW_OBJECTS: Final = 0x61697266
#: held by the transactions that remove releases or their objects; shared by those that begin a push or make one live
RELEASE_OBJECTS: Final = 0x41495246_52454C53
#: held by the transaction of the scheduler that queues callbacks
CALLBACKS: Final = 20261124

#: held by the transaction of a host that joins: hosts are compared one after the other
HOST_JOIN: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended('airfleet hosts join', 0))"
