"""A whole fleet behind a real nginx with TLS, below ``/myorg/airflow`` and ``/myorg/flower``, seen by a real browser.

Needs nginx beside Chromium and its driver. The name that people type exists only in this browser, and it trusts the
certificate by its key alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from airfleet.doctor.gathering import listening_sockets
from airfleet.drill.waiting import wait_until
from airfleet.fleet.servers.nginx_site import Door
from airfleet.system import procfs
from airfleet.testing.fleet import FleetUnderTest
from airfleet.testing.ports import free_ports
from support import pipelines, proxies
from support.browsers import fill, find, is_green, opened, shown_code, waiting
from support.exposed import first_environment
from support.proxies import Answer

pytestmark = pytest.mark.needs("chromium", "nginx")

NAME = "airflow.test"
#: what the task of ``hello`` printed, and not the command that printed it
LOGGED = "//*[contains(text(), 'good day') and not(contains(text(), 'echo'))]"
FLEET = """\
name: proxied
triggerer: false
workers: [{{name: worker, slots: 2}}]
api_server: {{count: 2}}
flower: true
proxy:
  name: {name}
  address: 127.0.0.1
  port: {port}
  airflow: /myorg/airflow
  flower: /myorg/flower
  tls: {{certificate: tls/{name}.pem, key: tls/{name}.key}}
"""


@dataclass
class Entered:
    """The fleet and its front door."""

    fleet: FleetUnderTest
    door: Door
    trust: ssl.SSLContext

    def ask(self, path: str, **how: object) -> Answer:
        """A request from outside."""
        return proxies.ask(self.door, path, trust=self.trust, **how)  # type: ignore[arg-type]

    @property
    def flower_password(self) -> str:
        return self.fleet.paths.flower_password.read_text().strip()

    @property
    def of_flower(self) -> dict[str, str]:
        """What a client says that knows Flower's password."""
        return {"Authorization": "Basic " + base64.b64encode(f"flower:{self.flower_password}".encode()).decode()}


@pytest.fixture(scope="module")
def entered() -> Iterator[Entered]:
    (port,) = free_ports(1)
    text = FLEET.format(name=NAME, port=port)
    with FleetUnderTest.make(text, {"pipelines/hello.yaml": pipelines.HELLO}) as fleet:
        (fleet.root / "tls").mkdir()
        chain, _ = proxies.certificate(fleet.root / "tls", NAME)
        fleet.start()
        fleet.wait_for_dag("hello")
        yield Entered(fleet, Door("127.0.0.1", port), ssl.create_default_context(cafile=str(chain)))


@pytest.fixture(scope="module")
def run(entered: Entered) -> str:
    """A run of ``hello`` that has succeeded: its task spoke with the api-servers over nginx's door for workers."""
    started = entered.fleet.trigger("hello")
    assert entered.fleet.wait_for_run("hello", started) == "success"
    return started


@pytest.fixture(scope="module")
def browser(entered: Entered, tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A browser in which the fleet's user is logged in, by way of the sub-path."""
    chain = entered.fleet.root / "tls" / f"{NAME}.pem"
    flags = (f"--host-resolver-rules=MAP {NAME} 127.0.0.1", f"--ignore-certificate-errors-spki-list={pin(chain)}")
    with opened(tmp_path_factory.mktemp("browser"), *flags, log=True) as driver:
        snapshot = entered.fleet.snapshot()
        assert snapshot.url == f"https://{NAME}:{entered.door.port}/myorg/airflow"
        driver.get(snapshot.url)
        fill(driver, "username", snapshot.user)
        fill(driver, "password", Path(snapshot.password_file).read_text().strip())
        find(driver, "button[type=submit]").click()
        waiting(driver).until(lambda d: d.title.startswith("Home"), "the home page after the login")
        yield driver


def pin(chain: Path) -> str:
    """How Chromium writes the key of a certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    key = x509.load_pem_x509_certificate(chain.read_bytes()).public_key()
    info = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(info).digest()).decode()


# --- in the browser --------------------------------------------------------------------------------------------------


def test_the_login_is_kept_in_a_cookie_for_tls_and_the_path_of_airflow_alone(browser: webdriver.Chrome) -> None:
    cookie = browser.get_cookie("_token")
    assert cookie is not None
    assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/myorg/airflow/", NAME)


def test_a_dag_its_run_the_log_of_its_task_and_its_code(browser: webdriver.Chrome, entered: Entered, run: str) -> None:
    browser.get(f"{entered.fleet.snapshot().url}/dags")
    link = find(browser, "a[href='/myorg/airflow/dags/hello']")
    assert link.text == "hello"
    link.click()
    square = find(browser, f"a[href='/myorg/airflow/dags/hello/runs/{run}/tasks/say']")
    assert is_green(browser, square)
    square.click()
    lines = waiting(browser).until(lambda d: d.find_elements(By.XPATH, LOGGED), "the line of the log")
    assert any(line.is_displayed() for line in lines)
    find(browser, "a[href='/myorg/airflow/dags/hello']").click()
    find(browser, "a[href='/myorg/airflow/dags/hello/code']").click()
    waiting(browser).until(lambda d: "periwinkle" in shown_code(d), "the text of the pipeline in its editor")


def test_flower_shows_the_worker_to_who_knows_the_password(browser: webdriver.Chrome, entered: Entered) -> None:
    place = f"{NAME}:{entered.door.port}/myorg/flower"
    browser.get(f"https://flower:{entered.flower_password}@{place}/workers")
    link = find(browser, "a[href^='/myorg/flower/worker/worker%40'], a[href^='/myorg/flower/worker/worker@']")
    assert link.text.startswith("worker@")


def test_no_page_wanted_what_the_headers_forbid(browser: webdriver.Chrome) -> None:
    """Of all that the tests before this one have shown."""
    said = [entry["message"] for entry in browser.get_log("browser")]  # type: ignore[no-untyped-call]
    assert [words for words in said if re.search(r"Content.Security.Policy|Refused to|X-Frame", words)] == []


# --- from outside ----------------------------------------------------------------------------------------------------


def test_flower_asks_for_a_password_on_every_page_and_changes_nothing(entered: Entered) -> None:
    for path in ("", "workers", "tasks", "broker", "worker/x", "api/workers", "api/tasks", "api/queues/length"):
        assert entered.ask(f"/myorg/flower/{path}").status == 401, path
    wrong = {"Authorization": "Basic " + base64.b64encode(b"flower:flower").decode()}
    assert entered.ask("/myorg/flower/workers", headers=wrong).status == 401
    workers = wait_until(lambda: workers_known(entered), 20, "Flower knows a worker")
    assert [name.partition("@")[0] for name in workers] == ["worker"]
    for command in ("shutdown", "pool/grow"):
        order = f"/myorg/flower/api/worker/{command}/{workers[0]}"
        assert entered.ask(order, method="POST", headers=entered.of_flower).status == 403
        assert entered.ask(order, method="POST").status in (401, 403)
    assert entered.fleet.component("worker").state == "ready"


def test_the_numbers_of_flower_are_for_who_knows_its_password_also_where_it_listens(entered: Entered) -> None:
    address, _, port = entered.fleet.component("flower").address.rpartition(":")
    path = "/myorg/flower/metrics"
    assert proxies.ask(Door(address, int(port)), path).status == 401
    answer = proxies.ask(Door(address, int(port)), path, headers=entered.of_flower)
    assert answer.status == 200
    assert b"# TYPE " in answer.body
    assert entered.ask(path, headers=entered.of_flower).status == 403  # nginx passes nothing on


def workers_known(entered: Entered) -> list[str]:
    answer = entered.ask("/myorg/flower/api/workers?refresh=1", headers=entered.of_flower)
    return list(answer.json()) if answer.status == 200 else []


def test_flower_shows_no_token_of_a_task(entered: Entered) -> None:
    def tasks() -> object:
        """What Flower knows of a task that has run since it listens."""
        entered.fleet.wait_for_run("hello", entered.fleet.trigger("hello"))
        return entered.ask("/myorg/flower/api/tasks", headers=entered.of_flower).json()

    known = wait_until(tasks, 30, "Flower knows a task")
    assert "eyJ" not in json.dumps(known)  # how every such token begins


def test_the_execution_api_is_closed_to_the_outside_even_with_a_token(entered: Entered) -> None:
    headers = {"Authorization": f"Bearer {token(entered)}"}
    for path in ("execution/health", "execution/variables/x", "//execution/health", "%65xecution/health"):
        assert entered.ask(f"/myorg/airflow/{path}", headers=headers).status == 403
    assert entered.ask("/execution/health", headers=headers).status == 404


def token(entered: Entered) -> str:
    snapshot = entered.fleet.snapshot()
    login = {"username": snapshot.user, "password": Path(snapshot.password_file).read_text().strip()}
    said = entered.ask(
        "/myorg/airflow/auth/token",
        method="POST",
        headers={"Content-Type": "application/json"},
        body=json.dumps(login).encode(),
    )
    assert said.status == 201, said.body
    return str(said.json()["access_token"])


def test_an_api_server_believes_nobody_but_the_proxy_about_the_client(entered: Entered) -> None:
    lie = {"X-Forwarded-For": "203.0.113.66"}
    assert entered.ask("/myorg/airflow/api/v2/version?who=outside", headers=lie).status == 200
    logs = [entered.fleet.paths.log(name) for name in ("api-server", "api-server-2")]
    logged = wait_until(
        lambda: [line for log in logs for line in log.read_text().splitlines() if "who=outside" in line], 5, "its line"
    )
    assert "client_addr=127.0.0.1:" in logged[0]
    assert "203.0.113.66" not in logged[0]


def test_everything_listens_on_loopback_and_nobody_shows_a_secret(entered: Entered) -> None:
    fleet, secrets = entered.fleet, json.loads(entered.fleet.paths.secrets.read_text())
    pids = fleet.pids()
    assert {socket.address for socket in listening_sockets.of_processes(pids)} <= {"127.0.0.1", "::1"}
    shown = [procfs.arguments(pid) + first_environment(pid) for pid in pids]
    shown += [path.read_text(errors="replace") for path in fleet.paths.logs.glob("*.log")]
    assert len(shown) > 15
    assert [name for name, value in secrets.items() for text in shown if value in text] == []
    assert oct(fleet.paths.flower_password.stat().st_mode & 0o777) == "0o600"


# --- when something dies (these come last) ---------------------------------------------------------------------------


@dataclass
class Readers:
    """People who read all the time, and what they got."""

    entered: Entered
    headers: dict[str, str]
    got: list[int] = field(default_factory=list)
    _enough: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Readers:
        self._threads = [threading.Thread(target=self._read) for _ in range(3)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, more: int) -> None:
        """Until so many more were answered."""
        seen = len(self.got)
        wait_until(lambda: len(self.got) >= seen + more, 30, f"{more} more answers")

    def _read(self) -> None:
        while not self._enough.is_set():
            try:
                self.got.append(self.entered.ask("/myorg/airflow/api/v2/dags", headers=self.headers).status)
            except OSError:
                self.got.append(0)


def test_nobody_notices_that_an_api_server_died(entered: Entered) -> None:
    fleet = entered.fleet
    with Readers(entered, {"Authorization": f"Bearer {token(entered)}"}) as readers:
        for name in ("api-server", "api-server-2"):
            readers.wait_for(10)
            started = fleet.trigger("hello")
            fleet.wait_until_replaced(name, fleet.kill(name), 60)
            assert fleet.wait_for_run("hello", started) == "success"
    assert len(readers.got) > 40
    assert set(readers.got) == {200}


def test_nginx_that_dies_is_there_again_in_seconds(entered: Entered) -> None:
    began = time.monotonic()
    killed = entered.fleet.kill("nginx")
    entered.fleet.wait_until_replaced("nginx", killed, 15)
    assert entered.ask("/myorg/airflow/api/v2/version").status == 200
    assert time.monotonic() - began < 10


def test_flower_that_dies_is_there_again_with_the_same_password(entered: Entered) -> None:
    entered.fleet.wait_until_replaced("flower", entered.fleet.kill("flower"), 30)
    assert entered.ask("/myorg/flower/workers", headers=entered.of_flower).status == 200


def test_nothing_of_it_is_left(entered: Entered) -> None:
    entered.fleet.stop()
    assert entered.fleet.pids() == ()
    with pytest.raises(OSError, match=r"refused|111"):
        entered.ask("/myorg/airflow/")
