"""The size and shape of a system under test, the same for a fleet and for stock Airflow."""

from __future__ import annotations

from dataclasses import dataclass

from airfleet.fleet.config.spec import OnPartition

#: kinds of components
WORKER, SCHEDULER, API_SERVER = "worker", "scheduler", "api-server"


@dataclass(frozen=True)
class Topology:
    """Counts and options. A disk of its own, a standby and networks of hosts need root's rights."""

    #: task slots of each worker
    slots: int = 8
    #: retries of each task
    retries: int = 0
    schedulers: int = 1
    #: one host: two api-servers behind nginx, and Flower; tasks of a fleet then reach the API without the gate.
    #: Several hosts: the api-servers of all control hosts behind nginx on the last host
    proxied: bool = False
    #: whether the database has a standby
    standby: bool = False
    #: size of a disk for the fleet's home alone, in MB; 0 is the disk of the machine
    disk_mb: int = 0
    #: the same for the database
    database_disk_mb: int = 0
    hosts: int = 1
    #: whether each of several hosts must have a network of its own, so that it can be cut off
    networks: bool = False
    #: hosts with all that decides and serves, while database and broker stand beside all hosts; 0 leaves the servers on
    #: the first host, as ``airfleet up --hosts`` does
    control_hosts: int = 0
    on_partition: OnPartition = "replace"
    #: whether the clock of each host can be set wrong; needs a C compiler
    clocks: bool = False
