"""What a fleet's proxy and Flower become on each of its hosts: who is upstream, who is believed, who is told what."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from airfleet.fleet import planner
from airfleet.fleet.components import flower, proxy
from airfleet.fleet.config.spec import ApiServer, Fleet, Flower, Host, Proxy, Tls, Worker, local_host
from airfleet.fleet.planning import airflow_settings
from airfleet.fleet.planning.context import Context, Embedded, Nginx, Ports
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.planning.plan import Exec, Fork, HttpAnswers
from airfleet.fleet.servers import secrets
from airfleet.fleet.servers.nginx_site import Certificate, Door, Site

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
    """The fleet on one host, with the ports that it would find."""
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
    found = proxy.site(context)
    assert found is not None
    return found


# --- the proxy -------------------------------------------------------------------------------------------------------


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


# --- addresses -------------------------------------------------------------------------------------------------------


def test_people_are_sent_to_the_proxy_and_commands_to_an_api_server() -> None:
    plan = planner.plan(here())
    assert plan.url == "https://airflow.example.com:8443/myorg/airflow"
    assert plan.api_urls[0] == "http://127.0.0.1:8080/myorg/airflow"
    assert plan.component("api-server").probe == HttpAnswers(
        (
            "http://127.0.0.1:8080/myorg/airflow/api/v2/version",
            "http://127.0.0.1:8080/myorg/airflow/execution/health",
        )
    )
    assert "base_url = https://airflow.example.com:8443/myorg/airflow\n" in airflow_settings.configuration(here())


def test_tasks_go_over_nginx_where_there_is_a_choice_and_straight_where_there_is_none() -> None:
    assert here().execution_url == "http://127.0.0.1:8080/myorg/airflow/execution/"
    two = replace(ONE_HOST, hosts=(local_host(api_server=ApiServer(count=2)),))
    assert here(two).execution_url == "http://127.0.0.1:8090/myorg/airflow/execution/"
    without = replace(here(two).ports, nginx=None)
    assert here(two, ports=without, nginx=None).execution_url == "http://127.0.0.1:8080/myorg/airflow/execution/"


# --- Flower ----------------------------------------------------------------------------------------------------------


def test_flower_is_off_unless_the_fleet_has_it() -> None:
    plan = planner.plan(here(replace(ONE_HOST, flower=None)))
    assert "flower" not in {component.name for component in plan.components}
    assert not any("flower" in path.name for path in plan.files)
    assert plan.site
    assert plan.site.flower is None


def test_flower_is_told_the_broker_and_its_password_and_nothing_of_it_is_shown() -> None:
    plan = planner.plan(here())
    start = plan.component("flower").start
    assert isinstance(start, Fork)
    told = {f"{section}.{key}": value for section, key, value in start.settings}
    assert told["celery.flower_basic_auth"] == f"flower:{SECRETS.flower_password}"
    assert told["airfleet.flower_cookie_secret"] == SECRETS.flower_cookie_secret
    assert "celery.broker_url" in told
    assert not {"database.sql_alchemy_conn", "core.fernet_key", "api_auth.jwt_secret", "api.secret_key"} & set(told)
    assert start.options == {"address": "127.0.0.1", "port": "5555", "path": "/myorg/flower", "read_only": "yes"}
    assert SECRETS.flower_password not in repr(plan)
    file = plan.files[HOME / "flower-password"]
    assert (file.text, file.mode) == (SECRETS.flower_password + "\n", 0o600)


def test_flower_changes_things_only_when_it_may() -> None:
    start = planner.plan(here(replace(ONE_HOST, flower=Flower(on="local", read_only=False)))).component("flower").start
    assert isinstance(start, Fork)
    assert start.options["read_only"] == "no"


def test_flower_stands_at_the_root_without_a_proxy() -> None:
    component = planner.plan(here(replace(ONE_HOST, proxy=None), nginx=None)).component("flower")
    assert component.probe == HttpAnswers(("http://127.0.0.1:5555/healthcheck",))


def test_flower_listens_on_loopback_unless_a_proxy_on_another_host_must_reach_it() -> None:
    assert planner.plan(here()).component("flower").address == "127.0.0.1:5555"
    assert planner.plan(here(FOUR_HOSTS, "a")).component("flower").address == "10.0.0.1:5555"
    alone = replace(FOUR_HOSTS, proxy=replace(PROXY, on=("a",)))
    assert planner.plan(here(alone, "a")).component("flower").address == "127.0.0.1:5555"
    said = replace(FOUR_HOSTS, flower=Flower(on="a", address="0.0.0.0", port=6000))
    assert flower.listens_on(said, Flower(on="a", address="0.0.0.0")) == "0.0.0.0"


@pytest.mark.parametrize(("host", "place"), [("a", "10.0.0.1:5555"), ("front", "10.0.0.1:5555")])
def test_every_proxy_finds_flower(host: str, place: str) -> None:
    assert site(here(FOUR_HOSTS, host)).flower == place


# --- from plain HTTP to TLS ------------------------------------------------------------------------------------------


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
