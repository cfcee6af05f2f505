"""nginx: in front of the UI, the APIs and Flower, and between a host's workers and the api-servers.

It runs on the hosts that ``proxy:`` names. Where several api-servers share the work and the machine has an nginx, it
also runs on each host with workers. It remembers for all of them which api-server is silent; without it every attempt
would find out by itself.
"""

from __future__ import annotations

import ipaddress
import signal
from pathlib import Path
from typing import Final

from airfleet.fleet.components import flower
from airfleet.fleet.config.spec import LOOPBACK, Fleet, Host, Proxy
from airfleet.fleet.planning.context import Context, Nginx
from airfleet.fleet.planning.plan import Component, Exec, HttpAnswers
from airfleet.fleet.servers.nginx_site import HEALTH, Certificate, Door, Public, Site

KIND: Final = "nginx"


def is_public(fleet: Fleet, host: Host) -> bool:
    """Tell whether people enter the fleet at this host."""
    return fleet.proxy is not None and host.name in fleet.proxy.on


def helps(fleet: Fleet, host: Host) -> bool:
    """Tell whether this host's workers have a choice of api-servers."""
    return bool(host.workers) and sum(other.api_server.count for other in fleet.hosts) > 1


def components(context: Context) -> tuple[Component, ...]:
    """Make this host's nginx, if it needs one."""
    nginx, port = context.nginx, context.ports.nginx
    return () if nginx is None or port is None else (_component(context, nginx, port),)


def _component(context: Context, nginx: Nginx, port: int) -> Component:
    serves = site(context)
    shown = serves.public.door if serves is not None and serves.public else Door(LOOPBACK, port)
    return Component(
        name=KIND,
        kind=KIND,
        start=Exec(command(nginx)),
        probe=HttpAnswers((f"http://{Door(LOOPBACK, port)}{HEALTH}",)),
        stop_signal=signal.SIGQUIT,  # answers what it has begun to answer
        grace_seconds=3.0,  # a browser may keep a connection open for as long as it likes
        address=str(shown),
    )


def command(nginx: Nginx) -> tuple[str, ...]:
    """Return the command that starts nginx in the foreground."""
    early_errors = ("-e", "stderr") if nginx.version >= (1, 19, 5) else ()
    return (str(nginx.program), *early_errors, "-p", f"{nginx.folder}/", "-c", "nginx.conf")


def site(context: Context) -> Site | None:
    """Describe the site of this host's nginx; None without one."""
    nginx, port = context.nginx, context.ports.nginx
    if nginx is None or port is None:
        return None
    proxy = context.fleet.proxy
    public = _public(proxy, Path(context.fleet.root)) if proxy and is_public(context.fleet, context.here) else None
    return Site(
        api_servers=context.api_servers,
        airflow_path=context.root_path or "/",
        flower=flower.reached_at(context) if public else None,
        flower_path=proxy.flower_path if proxy else "/flower",
        public=public,
        local=Door(LOOPBACK, port),
        user=nginx.user,
        version=nginx.version,
    )


def trusted(context: Context) -> tuple[str, ...]:
    """List the addresses of proxies whose words about clients this host's api-servers believe."""
    proxy = context.fleet.proxy
    if proxy is None:
        return ()
    own = context.own_address if context.host in proxy.on or not proxy.on else None
    others = (host.address for host in context.fleet.hosts if host.name in proxy.on and host.name != context.host)
    return tuple(dict.fromkeys((*([own] if own else []), *others)))


def _public(proxy: Proxy, root: Path) -> Public:
    usual = 443 if proxy.tls else 80
    certificate = None
    if proxy.tls:
        files = (str(root / proxy.tls.certificate), str(root / proxy.tls.key))
        certificate = Certificate(*files, strict=_is_of_the_network(proxy.name))
    plain = Door(proxy.address, proxy.plain_port) if proxy.plain_port else None
    return Public(Door(proxy.address, proxy.port or usual), proxy.name, certificate, plain)


def _is_of_the_network(name: str) -> bool:
    """Tell whether browsers may remember that this name speaks TLS: not ``localhost``, and no address."""
    if name == "localhost" or name.endswith(".localhost"):
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return True
    return False
