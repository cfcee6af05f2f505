"""What a real nginx makes of its configuration: who gets in, what upstreams are told, what happens when one dies."""

from __future__ import annotations

import http.client
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.fleet.components import proxy
from airfleet.fleet.planning.context import Nginx
from airfleet.fleet.servers.nginx_site import Certificate, Door, Public, Site
from airfleet.render.nginx import ACCESS_LOG, FILE_NAME, configuration
from airfleet.testing.ports import free_ports
from support.proxies import Answer, Upstream, ask, certificate, nginx_here, serving, upstream

pytestmark = pytest.mark.needs("nginx")

NAME = "airflow.test"


@dataclass
class Proxied:
    """An nginx with TLS over two api-servers and Flower."""

    site: Site
    api: tuple[Upstream, Upstream]
    flower: Upstream
    trust: ssl.SSLContext
    nginx: Nginx
    process: subprocess.Popen[bytes]

    def ask(self, path: str, **how: object) -> Answer:
        """A request at the public door."""
        assert self.site.public
        return ask(self.site.public.door, path, trust=self.trust, **how)  # type: ignore[arg-type]

    def ask_locally(self, path: str, **how: object) -> Answer:
        """A request at the door for workers."""
        assert self.site.local
        return ask(self.site.local, path, host="127.0.0.1", **how)  # type: ignore[arg-type]

    def asked(self) -> list[tuple[str, str]]:
        """What has reached an api-server."""
        return self.api[0].asked + self.api[1].asked


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[Proxied]:
    chain, key = certificate(tmp_path, NAME)
    public, plain, local = free_ports(3)
    with upstream("one") as one, upstream("two") as two, upstream("flower") as flower, nginx_here(tmp_path) as found:
        site = Site(
            api_servers=(one.place, two.place),
            airflow_path="/myorg/airflow",
            flower=flower.place,
            flower_path="/myorg/flower",
            public=Public(Door("127.0.0.1", public), NAME, Certificate(str(chain), str(key)), Door("127.0.0.1", plain)),
            local=Door("127.0.0.1", local),
            execution_answer_seconds=0.5,
            page_answer_seconds=1.0,
            user=found.user,
            version=found.version,
        )
        with serving(found, site) as process:
            yield Proxied(site, (one, two), flower, ssl.create_default_context(cafile=str(chain)), found, process)


# --- ways in ---------------------------------------------------------------------------------------------------------


def test_airflow_and_flower_are_passed_on_below_their_paths_as_they_came(proxied: Proxied) -> None:
    path = "/myorg/airflow/api/v2/dags/a/dagRuns/manual__2026-01-01T00%3A00%3A00%2B00%3A00?limit=1&x=%2F"
    assert proxied.ask(path).json()["path"] == path
    assert proxied.ask("/myorg/flower/workers?json=1").json()["path"] == "/myorg/flower/workers?json=1"
    assert proxied.flower.asked == [("GET", "/myorg/flower/workers?json=1")]


@pytest.mark.parametrize(
    ("path", "status", "location"),
    [
        ("/", 307, "/myorg/airflow/"),
        ("/myorg/airflow", 308, "/myorg/airflow/"),
        ("/myorg/airflow?next=1", 308, "/myorg/airflow/?next=1"),
        ("/myorg/flower", 308, "/myorg/flower/"),
        ("/elsewhere", 404, None),
        ("/myorg/airflowed", 404, None),
        ("/api/v2/version", 404, None),
        ("/execution/health", 404, None),
    ],
)
def test_other_paths_lead_to_airflow_or_nowhere(proxied: Proxied, path: str, status: int, location: str | None) -> None:
    answer = proxied.ask(path)
    assert (answer.status, answer.headers.get("location")) == (status, location)
    assert proxied.asked() == []


#: ways to write the path of the execution API, or one that some server would read as it
DISGUISES = (
    "/myorg/airflow/execution",
    "/myorg/airflow/execution/health",
    "/myorg/airflow/execution?x=1",
    "/myorg/airflow//execution/health",
    "/myorg//airflow/execution/health",
    "//myorg/airflow/execution/health",
    "/myorg/airflow/%65xecution/health",
    "/myorg/airflow/%65%78%65%63%75%74%69%6f%6e/health",
    "/myorg%2Fairflow%2Fexecution%2Fhealth",
    "/myorg/airflow/execution%2Fhealth",
    "/myorg/airflow/./execution/health",
    "/myorg/airflow/ui/../execution/health",
    "/myorg/airflow/ui/%2e%2e/execution/health",
    "/myorg/airflow/ui%2f..%2fexecution/health",
    "/myorg/airflow/execution/variables/../../ui",
    "/myorg/airflow/execution/variables/%2e%2e/%2E%2e/ui",
    "/myorg/airflow/execution/..",
    "/myorg/flower/../airflow/execution/health",
    "/myorg/flower/..%2fairflow/execution/health",
)


@pytest.mark.parametrize(
    "path", ["airfleet/releases/objects/0", "/airfleet/releases/objects?digests=0", "%61irfleet/releases/objects/0"]
)
def test_nobody_reaches_objects_of_releases_from_outside(proxied: Proxied, path: str) -> None:
    assert proxied.ask(f"/myorg/airflow/{path}").status == 403
    assert proxied.asked() == []


def test_nobody_reaches_the_execution_api_from_outside(proxied: Proxied) -> None:
    got = {(method, path): proxied.ask(path, method=method).status for path in DISGUISES for method in ("GET", "POST")}
    assert {way: status for way, status in got.items() if status not in (400, 403, 404)} == {}
    assert proxied.asked() == []
    assert proxied.flower.asked == []


def test_the_networks_of_the_cluster_may_reach_it_when_they_are_named(proxied: Proxied) -> None:
    assert proxied.site.public
    opened = replace(proxied.site, public=replace(proxied.site.public, cluster=("127.0.0.0/8",)))
    foreign = replace(proxied.site, public=replace(proxied.site.public, cluster=("192.0.2.0/24",)))
    assert statuses(proxied, opened) == [200, 200]
    assert statuses(proxied, foreign) == [403, 200]


def statuses(proxied: Proxied, site: Site) -> list[int]:
    """Of the execution API and of the REST API, by another nginx with this site."""
    assert site.public
    public, local = free_ports(2)
    opened = replace(site.public, door=Door("127.0.0.1", public), plain=None)
    site = replace(site, public=opened, local=Door("127.0.0.1", local))
    with serving(proxied.nginx, site):
        assert site.public
        paths = ("/myorg/airflow/execution/health", "/myorg/airflow/api/v2/version")
        return [ask(site.public.door, path, trust=proxied.trust).status for path in paths]


def test_a_request_for_another_host_is_turned_away(proxied: Proxied) -> None:
    assert proxied.site.public
    insecure = ssl.create_default_context()
    insecure.check_hostname, insecure.verify_mode = False, ssl.CERT_NONE
    answer = ask(proxied.site.public.door, "/myorg/airflow/", trust=insecure, host="evil.test")
    assert answer.status == 421
    assert proxied.asked() == []


def test_plain_http_is_led_to_tls_at_its_own_port_and_at_that_of_tls(proxied: Proxied) -> None:
    public = proxied.site.public
    assert public
    assert public.plain
    path = "/myorg/airflow/dags?x=%2F"
    for door in (public.plain, public.door):
        answer = ask(door, path)
        assert (answer.status, answer.headers["location"]) == (308, f"https://{NAME}:{public.door.port}{path}")
    assert ask(public.plain, path, host="evil.test").status == 421
    assert proxied.asked() == []


def test_the_metrics_of_flower_are_for_this_machine_alone(proxied: Proxied) -> None:
    assert proxied.ask("/myorg/flower/metrics").status == 403
    assert proxied.flower.asked == []


def test_the_door_for_workers_leads_to_the_execution_api_and_nowhere_else(proxied: Proxied) -> None:
    assert proxied.ask_locally("/myorg/airflow/execution/health").status == 200
    assert proxied.ask_locally("/myorg/airflow/api/v2/version").status == 404
    assert proxied.ask_locally("/myorg/flower/").status == 404
    assert proxied.ask_locally("/").status == 404


# --- what is told ----------------------------------------------------------------------------------------------------


def test_what_a_client_says_of_itself_is_replaced_by_what_nginx_knows(proxied: Proxied) -> None:
    lies = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "evil.test",
        "X-Forwarded-Port": "1",
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-User": "root",
        "X-Real-IP": "6.6.6.6",
        "X-Scheme": "http",
        "X-Remote-User": "root",
        "X-Original-URL": "/myorg/airflow/execution/health",
        "X-Rewrite-URL": "/myorg/airflow/execution/health",
        "Forwarded": "for=6.6.6.6",
        "Remote-User": "root",
        "Proxy": "http://evil.test",
        "X-Mine": "kept",
    }
    for path in ("/myorg/airflow/api/v2/version", "/myorg/airflow/auth/token", "/myorg/flower/"):
        told = proxied.ask(path, headers=lies).json()["headers"]
        assert {name: told.get(name) for name in lies} == {
            **dict.fromkeys(lies),
            "X-Forwarded-For": "127.0.0.1",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": NAME,
            "X-Forwarded-Port": str(proxied.site.public.door.port) if proxied.site.public else "",
            "X-Real-IP": "127.0.0.1",
            "X-Scheme": "https",
            "X-Mine": "kept",
        }
        assert told["Host"] == NAME


def test_every_answer_carries_the_headers_that_browsers_heed_and_each_once(proxied: Proxied) -> None:
    paths = ("/myorg/airflow/", "/myorg/airflow/docs", "/myorg/flower/", "/myorg/airflow/execution", "/elsewhere")
    policies = []
    for path in paths:
        found = proxied.ask(path).headers
        assert found["x-frame-options"] == "SAMEORIGIN"  # not what the upstream says
        assert found["x-content-type-options"] == "nosniff"
        assert found["referrer-policy"] == "same-origin"
        assert found["strict-transport-security"] == "max-age=31536000"
        assert "." not in found["server"]  # no version
        policies.append(found["content-security-policy"])
    assert len(set(policies)) == 3  # Airflow's pages, those about its API, and Flower's
    assert "'unsafe-inline'" not in policies[0].split("style-src")[0]


def test_old_tls_is_refused(proxied: Proxied) -> None:
    assert proxied.site.public
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(proxied.site.public.door, "/myorg/airflow/", trust=old)


def test_a_renewed_certificate_is_served_when_nginx_is_told(proxied: Proxied, tmp_path: Path) -> None:
    assert proxied.site.public
    place = (proxied.site.public.door.address, proxied.site.public.door.port)
    before = ssl.get_server_certificate(place)
    chain, _ = certificate(tmp_path, NAME)  # in the place of the old one
    assert ssl.get_server_certificate(place) == before
    proxied.process.send_signal(signal.SIGHUP)
    wait_until(lambda: ssl.get_server_certificate(place) == chain.read_text(), 10, "the new certificate is served")


def test_guessing_passwords_is_slowed_down_and_reading_is_not(proxied: Proxied) -> None:
    def post(_: int) -> int:
        return proxied.ask("/myorg/airflow/auth/token", method="POST", body=b"{}").status

    with ThreadPoolExecutor(8) as clients:
        got = list(clients.map(post, range(60)))
    assert set(got) == {200, 429}
    assert got.count(200) <= 25  # a burst of 20, and one more every two seconds
    assert {proxied.ask("/myorg/airflow/auth/login").status for _ in range(40)} == {200}


@contextmanager
def another(proxied: Proxied, public: Public, *, more: str = "") -> Iterator[Site]:
    """Another nginx over the same upstreams, whose door for people is like ``public``."""
    door, plain, local = free_ports(3)
    public = replace(public, door=Door("127.0.0.1", door), plain=Door("127.0.0.1", plain))
    site = replace(proxied.site, public=public, local=Door("127.0.0.1", local))
    with serving(proxied.nginx, site, more=more):
        yield site


def test_of_ipv6_a_whole_network_is_one_who_guesses(proxied: Proxied) -> None:
    assert proxied.site.public
    told = "real_ip_header X-Test-From; set_real_ip_from 127.0.0.1;"
    with another(proxied, proxied.site.public, more=told) as site:
        assert site.public
        door = site.public.door

        def statuses(*addresses: str) -> set[int]:
            def post(address: str) -> int:
                how = {"method": "POST", "body": b"{}", "headers": {"X-Test-From": address}}
                return ask(door, "/myorg/airflow/auth/token", trust=proxied.trust, **how).status

            with ThreadPoolExecutor(8) as clients:
                return set(clients.map(post, addresses))

        assert statuses(*(f"2001:db8:0:{number:x}::1" for number in range(60))) == {200}
        assert statuses(*(f"2001:db8:1:1:{number:x}::1" for number in range(60))) == {200, 429}
        assert statuses(*(f"192.0.2.{number}" for number in range(60))) == {200}


def test_guessing_the_password_of_flower_is_slowed_down_and_reading_is_not(proxied: Proxied) -> None:
    def wants_a_password(request: BaseHTTPRequestHandler) -> int | None:
        if request.headers.get("Authorization") == "Basic right":
            return None
        request.send_response(401)
        request.send_header("WWW-Authenticate", 'Basic realm="flower"')
        request.send_header("Content-Length", "0")
        request.end_headers()
        return 0

    proxied.flower.behaves = wants_a_password
    assert proxied.site.public
    with another(proxied, replace(proxied.site.public, login_burst=4, logins_per_minute=600)) as site:
        assert site.public
        door = site.public.door

        def visit(password: str | None) -> Answer:
            headers = {"Authorization": f"Basic {password}"} if password else {}
            return ask(door, "/myorg/flower/workers", trust=proxied.trust, headers=headers)

        strangers = [visit(None) for _ in range(20)]
        assert {(answer.status, answer.headers["www-authenticate"]) for answer in strangers} == {
            (401, 'Basic realm="flower"')
        }
        began = time.monotonic()
        with ThreadPoolExecutor(12) as clients:
            got = [answer.status for answer in clients.map(visit, [str(number) for number in range(60)])]
        passed = time.monotonic() - began
        assert set(got) == {401, 429}
        assert got.count(401) <= passed / 0.1 + 2  # each has its turn, whoever asks how often
        assert {visit("right").status for _ in range(40)} == {200}


# --- large, slow and live --------------------------------------------------------------------------------------------


def test_a_body_of_megabytes_is_taken_and_one_without_end_is_not(proxied: Proxied) -> None:
    assert proxied.ask("/myorg/airflow/api/v2/x", method="POST", body=bytes(8_000_000)).json()["size"] == 8_000_000
    refused = {"Content-Length": str(2**40), "Expect": "100-continue"}
    assert proxied.ask("/myorg/airflow/api/v2/x", method="POST", headers=refused).status == 413
    big = proxied.ask_locally("/myorg/airflow/execution/xcoms/a/b/c/d", method="POST", body=bytes(40_000_000))
    assert big.json()["size"] == 40_000_000


LIVE = "/myorg/airflow/api/v2/dags/a/dagRuns/b/taskInstances/c/logs/1"


@pytest.mark.parametrize("path", [LIVE, "/myorg/airflow/api/v2/dags/a/dagRuns/b/wait?interval=1"])
def test_a_log_comes_line_by_line_while_it_is_written(proxied: Proxied, path: str) -> None:
    first_was_read = threading.Event()

    def write_slowly(request: BaseHTTPRequestHandler) -> int:
        request.send_response(200)
        request.send_header("Content-Type", "application/x-ndjson")
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        request.wfile.write(b"6\r\nfirst\n\r\n")
        assert first_was_read.wait(10), "the first line was kept back"
        request.wfile.write(b"5\r\nlast\n\r\n0\r\n\r\n")
        return 0

    for server in proxied.api:
        server.behaves = write_slowly
    assert proxied.site.public
    connection = http.client.HTTPSConnection(NAME, timeout=15, context=proxied.trust)
    door = proxied.site.public.door
    connection._create_connection = lambda *_, **__: socket.create_connection((door.address, door.port), 15)  # type: ignore[attr-defined]
    connection.request("GET", path)
    answer = connection.getresponse()
    assert answer.readline() == b"first\n"
    first_was_read.set()
    assert answer.read() == b"last\n"
    connection.close()


def test_a_connection_is_upgraded_when_both_ends_want_it(proxied: Proxied) -> None:
    asks = {"Connection": "Upgrade", "Upgrade": "websocket"}
    told = proxied.ask("/myorg/airflow/ui/ws", headers=asks).json()["headers"]
    assert (told["Upgrade"], told["Connection"]) == ("websocket", "upgrade")
    for headers in ({}, {"Connection": "Upgrade", "Upgrade": "h2c"}, {"Connection": "Upgrade", "Upgrade": "TLS/1.0"}):
        told = proxied.ask("/myorg/airflow/ui/ws", headers=headers).json()["headers"]
        assert "Upgrade" not in told
        assert told.get("Connection") != "upgrade"


# --- when an upstream dies -------------------------------------------------------------------------------------------


def test_no_request_fails_when_one_of_two_api_servers_refuses(proxied: Proxied) -> None:
    before = {proxied.ask("/myorg/airflow/api/v2/version").json()["server"] for _ in range(8)}
    assert before == {"one", "two"}
    proxied.api[0].close()
    with ThreadPoolExecutor(4) as clients:
        posts = clients.map(lambda _: proxied.ask("/myorg/airflow/api/v2/x", method="POST", body=b"{}"), range(60))
        starts = clients.map(
            lambda _: proxied.ask_locally("/myorg/airflow/execution/x", method="PATCH", body=b"{}"), range(60)
        )
        answers = [*posts, *starts]
    assert {(answer.status, answer.json()["server"]) for answer in answers} == {(200, "two")}


@pytest.mark.parametrize("status", [502, 503])
def test_an_api_server_that_is_unwell_is_passed_over(proxied: Proxied, status: int) -> None:
    proxied.api[0].behaves = lambda _: status
    for method in ("GET", "PATCH"):
        answers = [proxied.ask_locally("/myorg/airflow/execution/x", method=method) for _ in range(10)]
        assert {(answer.status, answer.json()["server"]) for answer in answers} == {(200, "two")}


def test_a_start_that_got_no_answer_is_repeated_elsewhere_and_a_trigger_is_not(proxied: Proxied) -> None:
    release = threading.Event()

    def silent(request: BaseHTTPRequestHandler) -> int:
        release.wait(10)
        request.close_connection = True
        return 0

    def dies(request: BaseHTTPRequestHandler) -> int:
        request.close_connection = True
        return 0

    one, two = proxied.api
    one.behaves = silent
    try:
        began = time.monotonic()
        answers = [proxied.ask_locally("/myorg/airflow/execution/x", method="PATCH", body=b"{}") for _ in range(4)]
        assert {(answer.status, answer.json()["server"]) for answer in answers} == {(200, "two")}
        assert len(one.asked) == 1  # who was silent once is not asked again for a while
        assert time.monotonic() - began < 2.0
    finally:
        release.set()
    one.behaves = two.behaves = dies
    one.asked.clear()
    two.asked.clear()
    wait_for_both(proxied)
    assert proxied.ask("/myorg/airflow/api/v2/trigger", method="POST", body=b"{}").status == 503
    assert len(proxied.asked()) == 1


@dataclass
class Frozen:
    """An api-server that keeps its connections and answers nothing, like one of a host without power."""

    release: threading.Event = field(default_factory=threading.Event)
    stuck: threading.Event = field(default_factory=threading.Event)

    def __call__(self, request: BaseHTTPRequestHandler) -> int:
        self.stuck.set()
        self.release.wait(20)
        request.close_connection = True
        return 0

    def wait_until_asked(self, ask: Callable[[], Future[Answer]]) -> list[Future[Answer]]:
        """Ask until a question has reached it; one may go to the other server."""
        asked = [ask()]
        while not self.stuck.wait(0.1):
            asked.append(ask())
        return asked


@contextmanager
def frozen(server: Upstream) -> Iterator[Frozen]:
    """One of them, for a while."""
    server.behaves = made = Frozen()
    try:
        yield made
    finally:
        made.release.set()


def test_who_only_reads_gets_an_answer_of_another_api_server_when_one_is_silent(proxied: Proxied) -> None:
    with frozen(proxied.api[0]) as silent, ThreadPoolExecutor() as people:
        asked = silent.wait_until_asked(lambda: people.submit(proxied.ask, "/myorg/airflow/x?limit=5"))
        began = time.monotonic()
        assert {proxied.ask("/myorg/airflow/x").json()["server"] for _ in range(20)} == {"two"}
        answers = [one.result().json() for one in asked]
        assert time.monotonic() - began < 5
    assert {(answer["server"], answer["path"]) for answer in answers} == {("two", "/myorg/airflow/x?limit=5")}
    assert answers[0]["headers"]["Host"] == NAME


def test_a_page_that_takes_long_everywhere_is_waited_for(proxied: Proxied) -> None:
    for server in proxied.api:
        server.behaves = lambda _: time.sleep(2.0)
    answer = proxied.ask("/myorg/airflow/x")
    assert (answer.status, len(proxied.asked())) == (200, 2)
    assert answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "how"),
    [
        ("x", {"method": "POST", "body": b"{}"}),
        ("x", {"headers": {"Accept": "text/event-stream"}}),
        ("x", {"headers": {"Accept": "application/x-ndjson"}}),
        ("x", {"headers": {"Upgrade": "websocket"}}),
        ("auth/oauth-authorized/x?code=1", {}),
    ],
)
def test_what_changes_something_or_is_answered_in_pieces_is_asked_once(proxied: Proxied, path: str, how: Any) -> None:
    for server in proxied.api:
        server.behaves = lambda _: time.sleep(2.0)
    assert proxied.ask(f"/myorg/airflow/{path}", **how).status == 200
    assert len(proxied.asked()) == 1


def wait_for_both(proxied: Proxied) -> None:
    """Until the one that failed may be asked again."""
    kept = [server.behaves for server in proxied.api]
    for server in proxied.api:
        server.behaves = lambda _: None
    wait_until(
        lambda: {proxied.ask("/myorg/airflow/api/v2/version").json()["server"] for _ in range(4)} == {"one", "two"},
        15,
        "both api-servers are asked again",
    )
    for server, behaves in zip(proxied.api, kept, strict=True):
        server.asked.clear()
        server.behaves = behaves


def test_an_api_server_that_comes_back_is_asked_again(proxied: Proxied) -> None:
    proxied.api[0].behaves = lambda _: 503
    assert {proxied.ask("/myorg/airflow/x").json()["server"] for _ in range(4)} == {"two"}
    proxied.api[0].behaves = lambda _: None
    wait_for_both(proxied)


def test_one_that_is_back_is_asked_when_the_other_fails_before_it_is_trusted_again(proxied: Proxied) -> None:
    one, two = proxied.api
    one.behaves = lambda _: 503
    assert {proxied.ask("/myorg/airflow/x").json()["server"] for _ in range(4)} == {"two"}
    one.behaves = lambda _: None
    two.close()
    for method in ("GET", "POST"):
        answer = proxied.ask("/myorg/airflow/x", method=method)
        assert (answer.status, answer.json()["server"]) == (200, "one")
    assert proxied.ask_locally("/myorg/airflow/execution/x", method="PATCH").json()["server"] == "one"


def test_people_read_a_sentence_while_no_api_server_answers(proxied: Proxied) -> None:
    for server in proxied.api:
        server.close()
    answer = proxied.ask("/myorg/airflow/")
    assert answer.status == 503
    assert b"Airflow does not answer; it may be starting" in answer.body
    assert answer.headers["content-security-policy"]


def test_people_read_which_of_both_does_not_answer(proxied: Proxied) -> None:
    proxied.flower.close()
    answer = proxied.ask("/myorg/flower/workers")
    assert (answer.status, answer.body) == (
        503,
        b"Flower does not answer; it may be starting. Try again in some seconds.\n",
    )
    assert proxied.ask("/myorg/airflow/").status == 200
    assert proxied.site.public
    assert ask(proxied.site.public.door, "/myorg/flower/workers").status == 308  # to TLS, as everywhere


# --- nginx itself ----------------------------------------------------------------------------------------------------


def test_what_is_logged_of_a_request_holds_no_query(proxied: Proxied) -> None:
    proxied.ask("/myorg/airflow/api/v2/version?token=hush")
    log, line = proxied.nginx.folder / "nginx.log", '"GET /myorg/airflow/api/v2/version" 200'
    wait_until(lambda: line in log.read_text(), 5, "the request is logged")  # that is after its answer
    assert "hush" not in log.read_text()


@pytest.mark.parametrize("name", ["whole", "plain", "local"])
def test_nginx_itself_takes_every_golden_site(name: str, tmp_path: Path) -> None:
    chain, key = certificate(tmp_path, "airflow.example.com")
    ports = dict(zip((80, 443, 8000, 8090), free_ports(4), strict=True))  # those below 1024 are root's
    golden = (Path(__file__).parents[2] / "golden" / "nginx" / f"{name}.conf").read_text()
    with nginx_here(tmp_path) as found:
        text = golden.replace("/etc/tls/fullchain.pem", str(chain)).replace("/etc/tls/privkey.pem", str(key))
        for port, free in ports.items():
            text = text.replace(f":{port};", f":{free};").replace(f":{port} ", f":{free} ")
        if found.version < (1, 25, 1):
            text = text.replace(" ssl;", " ssl http2;").replace("    http2 on;\n", "")
        if found.user is None:
            text = text.replace("user www-data;\n", "")
        (found.folder / FILE_NAME).write_text(text)
        done = subprocess.run([*proxy.command(found), "-t"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "warn" not in done.stderr


def taken(nginx: Nginx, text: str, **how: object) -> str:
    """What nginx says against this text; nothing when it takes it."""
    (nginx.folder / FILE_NAME).write_text(text)
    done = subprocess.run([*proxy.command(nginx), "-t", "-q"], stderr=subprocess.PIPE, text=True, check=False, **how)  # type: ignore[call-overload]
    said: str = done.stderr
    return said or f"exit {done.returncode}" * done.returncode


def door() -> Door:
    return Door("127.0.0.1", free_ports(1)[0])


@pytest.mark.parametrize(
    "name",
    ["localhost", "ec2-203-0-113-25.eu-central-1.compute.amazonaws.com", ".".join(["a" * 62] * 4), "192.0.2.1"],
)
def test_a_name_may_be_as_long_as_dns_lets_it(name: str, tmp_path: Path) -> None:
    with nginx_here(tmp_path) as found:
        site = Site(("127.0.0.1:9",), public=Public(door(), name), local=door(), user=found.user, version=found.version)
        assert taken(found, configuration(site)) == ""


@pytest.mark.parametrize("folder", ["it's", 'a "b"', "c\\d\\", "e; f {g} #h"])
def test_the_certificate_lies_where_people_put_it(folder: str, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir()
    chain, key = certificate(tmp_path / folder, "localhost")
    with nginx_here(tmp_path) as found:
        public = Public(door(), "localhost", Certificate(str(chain), str(key)))
        site = Site(("127.0.0.1:9",), public=public, local=door(), user=found.user, version=found.version)
        assert taken(found, configuration(site)) == ""


def test_one_that_people_run_may_write_to_a_socket_as_that_of_systemd_s_journal(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with nginx_here(tmp_path) as found, ours, theirs:
        site = Site(("127.0.0.1:9",), public=Public(door(), "localhost"), user=found.user, version=found.version)
        assert taken(found, configuration(site, ACCESS_LOG), stdout=theirs) == ""
        assert (found.folder / ACCESS_LOG).exists()


def test_a_browser_that_was_given_an_ipv6_address_is_served_and_led_to_tls(tmp_path: Path) -> None:
    chain, key = certificate(tmp_path, "localhost")
    with upstream("one") as one, nginx_here(tmp_path) as found:
        public = Public(door(), "::1", Certificate(str(chain), str(key)), plain=door())
        site = Site((one.place,), public=public, local=door(), user=found.user, version=found.version)
        with serving(found, site):
            assert public.plain
            led = ask(public.plain, "/x", host=f"[::1]:{public.plain.port}")
            assert (led.status, led.headers["location"]) == (308, f"https://[::1]:{public.door.port}/x")
            trust = ssl.create_default_context()
            trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
            assert ask(public.door, "/x", host=f"[::1]:{public.door.port}", trust=trust).json()["path"] == "/x"


def test_the_text_is_the_same_for_the_same_site(proxied: Proxied) -> None:
    assert configuration(proxied.site) == (proxied.nginx.folder / FILE_NAME).read_text()
