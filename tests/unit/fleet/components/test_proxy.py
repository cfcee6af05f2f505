"""nginx on each host of a fleet: who is upstream, who is believed, what leads where."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest

from airfleet.fleet import planner
from airfleet.fleet.components import proxy
from airfleet.fleet.config.spec import ApiServer, Fleet, Tls, local_host
from airfleet.fleet.planning.plan import Exec, Fork, HttpAnswers
from airfleet.fleet.servers.nginx_site import Certificate, Door
from support.proxied_fleets import FOUR_HOSTS, NGINX, ONE_HOST, PROXY, here, site


def test_the_site_of_a_fleet_on_one_host() -> None:
    found = site(here())
    assert found.api_servers == ("127.0.0.1:8080",)
    assert (found.airflow_path, found.flower_path) == ("/myorg/airflow", "/myorg/flower")
    assert (found.flower, found.local) == ("127.0.0.1:5555", Door("127.0.0.1", 8090))
    assert found.public is not None
    assert found.public.door == Door("0.0.0.0", 8443)
    assert found.public.certificate == Certificate("/srv/shop/tls/chain.pem", "/etc/tls/key.pem", strict=True)
    assert found.public.cluster == ()


@pytest.mark.parametrize(("tls", "port"), [(PROXY.tls, 443), (None, 80)])
def test_the_usual_ports(tls: Tls | None, port: int) -> None:
    found = site(here(replace(ONE_HOST, proxy=replace(PROXY, port=None, tls=tls))))
    assert found.public
    assert found.public.door.port == port


@pytest.mark.parametrize(
    ("name", "strict"),
    [("airflow.example.com", True), ("localhost", False), ("a.localhost", False), ("10.1.2.3", False), ("::1", False)],
)
def test_browsers_remember_tls_only_for_names_that_are_one_machine_s(name: str, strict: bool) -> None:
    found = site(here(replace(ONE_HOST, proxy=replace(PROXY, name=name))))
    assert found.public
    assert found.public.certificate
    assert found.public.certificate.strict is strict


def test_the_component_is_nginx_itself_and_ends_when_it_has_answered() -> None:
    component = planner.plan(here()).component("nginx")
    assert component.start == Exec(
        ("/usr/sbin/nginx", "-e", "stderr", "-p", "/srv/shop/.airfleet/nginx/", "-c", "nginx.conf")
    )
    assert component.probe == HttpAnswers(("http://127.0.0.1:8090/airfleet/health",))
    assert (component.stop_signal, component.needs) == (signal.SIGQUIT, ())
    assert component.address == "0.0.0.0:8443"


def test_an_older_nginx_is_not_told_a_word_that_it_does_not_know() -> None:
    assert "-e" not in proxy.command(replace(NGINX, version=(1, 18, 0)))


def test_without_a_proxy_there_is_no_nginx() -> None:
    plan = planner.plan(here(Fleet("shop", "/srv/shop"), nginx=None))
    assert "nginx" not in {component.name for component in plan.components}
    assert plan.site is None


@pytest.mark.parametrize(
    ("host", "servers", "is_public", "helps"),
    [
        ("a", ("10.0.0.1:8080", "10.0.0.2:8081", "10.0.0.2:8082"), True, True),
        ("b", ("10.0.0.2:8081", "10.0.0.2:8082", "10.0.0.1:8080"), False, True),
        ("w", ("10.0.0.1:8080", "10.0.0.2:8081", "10.0.0.2:8082"), False, True),
        ("front", ("10.0.0.1:8080", "10.0.0.2:8081", "10.0.0.2:8082"), True, False),
    ],
)
def test_hosts_and_what_their_nginx_is_for(host: str, servers: tuple[str, ...], is_public: bool, helps: bool) -> None:
    found = site(here(FOUR_HOSTS, host))
    assert found.api_servers == servers
    assert (found.public is not None) is is_public
    assert proxy.is_public(FOUR_HOSTS, FOUR_HOSTS.host(host)) is is_public
    assert proxy.helps(FOUR_HOSTS, FOUR_HOSTS.host(host)) is helps


@pytest.mark.parametrize(("host", "believed"), [("a", ("10.0.0.1", "10.0.0.4")), ("b", ("10.0.0.1", "10.0.0.4"))])
def test_api_servers_believe_the_proxies_and_nobody_else(host: str, believed: tuple[str, ...]) -> None:
    assert proxy.trusted(here(FOUR_HOSTS, host)) == believed
    for component in planner.plan(here(FOUR_HOSTS, host)).components:
        if component.kind == "api-server":
            assert isinstance(component.start, Fork)
            assert component.start.options["proxies"] == ",".join(believed)


def test_on_one_host_it_is_loopback_that_is_believed_and_without_a_proxy_nobody() -> None:
    assert proxy.trusted(here()) == ("127.0.0.1",)
    everywhere = replace(ONE_HOST, hosts=(local_host(api_server=ApiServer(address="0.0.0.0")),))
    assert proxy.trusted(here(everywhere)) == ("127.0.0.1",)
    assert proxy.trusted(here(Fleet("shop", "/srv/shop"))) == ()


def test_a_proxy_that_people_run_themselves_is_believed_and_not_started() -> None:
    theirs = replace(ONE_HOST, proxy=replace(PROXY, on=()))
    assert proxy.trusted(here(theirs)) == ("127.0.0.1",)
    assert not proxy.is_public(theirs, theirs.host("local"))
    assert planner.plan(here(theirs)).url == "https://airflow.example.com:8443/myorg/airflow"


@pytest.mark.parametrize(
    ("port", "redirect", "tls", "plain"),
    [
        (None, None, True, 80),
        (443, None, True, 80),
        (443, 0, True, None),
        (8443, None, True, None),
        (8443, 8080, True, 8080),
        (None, None, False, None),
    ],
)
def test_where_plain_http_leads_to_tls(port: int | None, redirect: int | None, tls: bool, plain: int | None) -> None:
    fronted = replace(PROXY, port=port, redirect=redirect, tls=PROXY.tls if tls else None)
    found = site(here(replace(ONE_HOST, proxy=fronted))).public
    assert found
    assert found.plain == (Door("0.0.0.0", plain) if plain else None)
