"""Fleets with a proxy and Flower, and their contexts on each host."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from airfleet.fleet.components import proxy
from airfleet.fleet.config.spec import ApiServer, Fleet, Flower, Host, Proxy, Tls, Worker
from airfleet.fleet.planning.context import Context, Embedded, Nginx, Ports
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.servers import secrets
from airfleet.fleet.servers.nginx_site import Site

SECRETS = secrets.generate()
HOME = Path("/srv/shop/.airfleet")
NGINX = Nginx(Path("/usr/sbin/nginx"), (1, 22, 1), HOME / "nginx")
PROXY = Proxy(
    on=("local",),
    name="airflow.example.com",
    port=8443,
    airflow_path="/myorg/airflow",
    flower_path="/myorg/flower",
    tls=Tls("tls/chain.pem", "/etc/tls/key.pem"),
)
ONE_HOST = Fleet("shop", "/srv/shop", proxy=PROXY, flower=Flower(on="local"))

#: two hosts with everything, one with workers alone, one in front
FOUR_HOSTS = Fleet(
    "shop",
    "/srv/shop",
    hosts=(
        Host("a", "10.0.0.1", api_server=ApiServer(), workers=(Worker(),)),
        Host("b", "10.0.0.2", api_server=ApiServer(port=8081, count=2), workers=(Worker(),)),
        Host("w", "10.0.0.3", workers=(Worker(),)),
        Host("front", "10.0.0.4"),
    ),
    database="postgresql://db/airflow",
    broker="redis://queue/0",
    proxy=replace(PROXY, on=("a", "front")),
    flower=Flower(on="a"),
)


def here(fleet: Fleet = ONE_HOST, host: str = "local", **changes: object) -> Context:
    """Give the fleet on one host, with the ports that it would find."""
    embedded = Embedded(Path("/pg"), HOME / "pg", Path("/valkey"), HOME / "valkey") if host == "local" else None
    count = fleet.host(host).api_server.count
    first = fleet.host(host).api_server.port or 8080
    made = Context(
        fleet,
        Paths(home=HOME, runtime=Path("/run/airfleet-1")),
        Ports(
            api_servers=tuple(range(first, first + count)),
            postgres=5432 if embedded else None,
            broker=6379 if embedded else None,
            flower=5555 if fleet.flower and fleet.flower.on == host else None,
            nginx=8090,
        ),
        SECRETS,
        embedded=embedded,
        nginx=NGINX,
        host=host,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def site(context: Context) -> Site:
    """Give what nginx serves there; there has to be one."""
    found = proxy.site(context)
    assert found is not None
    return found
