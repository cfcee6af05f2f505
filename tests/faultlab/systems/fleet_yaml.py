"""The ``fleet.yaml`` of a fleet under test.

One host has everything. Of several hosts, either this machine simulates the hosts of a fleet of one (``airfleet up
--hosts``), or the file names them. Two of the named hosts can be whole control hosts, as in production: when one is
lost, the other has all that it had.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from airfleet.fleet.planning import local_hosts
from airfleet.fleet.planning.local_hosts import Network
from faultlab.systems.topology import Topology

#: environment variables with the URLs of the servers, whose passwords do not stand in the file
DATABASE, BROKER = "FAULTS_DATABASE_URL", "FAULTS_BROKER_URL"
#: where nginx of named hosts listens
_PROXY_PORT = 8088
_CONTROL = "scheduler: true, api_server: true, dag_processor: true, triggerer: true, "


def fleet_yaml(
    topology: Topology,
    urls: Collection[str],
    environment: Mapping[str, str],
    way_in: str = "",
    network: Network | None = None,
    witness: str = "",
) -> str:
    """Give the text of ``fleet.yaml``.

    ``urls`` are the variables that the file takes from the environment, ``environment`` is that of every task.
    ``way_in`` are the lines about the API of a single host. ``network`` is that of named hosts, ``witness`` the server
    that two of them ask.
    """
    keys = {DATABASE: "database", BROKER: "broker"}
    variables = ", ".join(f'{name}: "{value}"' for name, value in environment.items())
    lines = [
        "name: faults",
        *(f"{key}: ${{{{ env.{variable} }}}}" for variable, key in keys.items() if variable in urls),
        *(_named(topology, network, witness) if network else _unnamed(topology)),
        *([f"policies: {{on_partition: {topology.on_partition}}}"] if topology.hosts > 1 else []),
        f"env: {{{variables}}}",
    ]
    return "\n".join(lines) + "\n" + way_in


def way_in_of_one_host(topology: Topology, api_port: int, execution_api: str) -> str:
    """Give the lines about the API of a single host.

    The last key is ``airflow``, so that further settings may go on with it.
    """
    if topology.proxied:
        proxy = f"proxy: {{name: localhost, address: 127.0.0.1, port: {api_port}}}"
        return f"api_server: {{count: 2}}\nflower: true\n{proxy}\nairflow:\n  logging: {{logging_level: INFO}}\n"
    return f'api_server: {{port: {api_port}}}\nairflow:\n  core: {{execution_api_server_url: "{execution_api}"}}\n'


def _unnamed(topology: Topology) -> Iterator[str]:
    if topology.schedulers != 1:
        yield f"scheduler: {topology.schedulers}"
    yield f"workers: {_workers(topology)}"


def _named(topology: Topology, network: Network, witness: str) -> Iterator[str]:
    """Put a worker on each host, all that decides and serves on the first ones, and the proxy on the last one."""
    names = local_hosts.names(topology.hosts)
    yield "hosts:"
    for number, name in enumerate(names, start=1):
        control = _CONTROL if number <= topology.control_hosts else ""
        yield f"  - {{name: {name}, address: {_address(network, number)}, {control}workers: {_workers(topology)}}}"
    if topology.proxied:
        address = _address(network, len(names))
        yield f"proxy: {{on: {names[-1]}, name: {address}, address: {address}, port: {_PROXY_PORT}}}"
    if topology.hosts == 2:
        yield f"witness: {witness}"


def _workers(topology: Topology) -> str:
    return f"[{{name: worker, slots: {topology.slots}}}]"


def _address(network: Network, number: int) -> str:
    return f"{network.prefix}.{number}"
