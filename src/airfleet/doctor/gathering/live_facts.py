"""Probes of a running fleet that do it no harm: S1 to S8 of the list of security probes.

Each tries what an attacker would, as far as nothing is changed, and tells what it found open.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from airfleet.agent.control import Snapshot
from airfleet.agent.probes.broker_line import BrokerRefuses
from airfleet.agent.probes.broker_probe import line_to
from airfleet.agent.probes.redis_line import RedisLine
from airfleet.doctor.facts import LiveFacts, LiveProbe
from airfleet.doctor.finding import Unknown
from airfleet.doctor.gathering import listening_sockets
from airfleet.doctor.gathering.attempts import of
from airfleet.doctor.gathering.secret_facts import LONG_ENOUGH
from airfleet.doctor.gathering.server_facts import connect
from airfleet.doctor.gathering.situation import Situation
from airfleet.errors import FleetError
from airfleet.fleet.components.postgres import SUPERUSER
from airfleet.fleet.config.spec import Fleet
from airfleet.fleet.planning import plan_record
from airfleet.fleet.planning.plan import HttpAnswers, Plan, PostgresAnswers
from airfleet.fleet.servers.brokers import Broker
from airfleet.system import http_client, procfs
from airfleet.system.http_client import Timeouts

#: bytes at the end of a log, and files, that are searched
_BYTES, _FILES = 8 * 2**20, 5000
#: a signed token: three parts of base64, the first of which says that it is one
TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{16,}")
#: secrets that a worker, which runs people's code, must not have
_NOT_FOR_WORKERS = ("airflow_password", "postgres_password", "jwt_secret", "fernet_key", "the password of 'database'")
_RULES: LiteralString = """
SELECT line_number, type, auth_method, coalesce(address, ''), coalesce(netmask, ''), coalesce(error, '')
FROM pg_hba_file_rules
"""
_WEAK_METHODS = {"trust": "lets everybody in without a password", "password": "takes passwords in clear"}
_ENDS = Timeouts(3.0, 5.0)


def probes(situation: Situation) -> LiveFacts:
    """Run every probe; the fleet has to run."""
    snapshot, plan, fleet = situation.snapshot, situation.plan, situation.fleet
    return LiveFacts(
        written_secrets=of(snapshot, lambda _: written_secrets(situation)),
        worker_secrets=of(snapshot, lambda found: worker_secrets(situation, found)),
        open_doors=of(snapshot, lambda found: open_doors(situation, found)),
        handshake=of(plan, handshake),
        database_rules=of(snapshot, lambda _: of(plan, lambda known: database_rules(situation, known))),
        broker_login=of(situation.broker, broker_login),
        message=of(situation.broker, lambda broker: of(plan, lambda known: message(broker, known, fleet))),
        flower=of(snapshot, lambda _: of(plan, flower)),
    )


def written_secrets(situation: Situation) -> LiveProbe:
    """Search logs and generated files for secrets of the fleet and for tokens of tasks (S1)."""
    known = {name: value.encode() for name, value in situation.all_secrets().items() if len(value) >= LONG_ENOUGH}
    files = list(_written(situation))[:_FILES]
    leaks = [leak for file in files for leak in _leaks(file, known)]
    return LiveProbe(f"no secret and no token in {len(files)} logs and generated files", tuple(leaks))


def _written(situation: Situation) -> Iterator[Path]:
    paths = situation.paths
    yield paths.airflow_home / "airflow.cfg"
    yield paths.plan
    yield from sorted(paths.logs.glob("*"))
    yield from (path for path in paths.task_logs.rglob("*") if path.is_file())


def _leaks(file: Path, known: dict[str, bytes]) -> Iterator[str]:
    text = tail(file, _BYTES)
    yield from (f"{file} has {name} in clear" for name, value in known.items() if value in text)
    if TOKEN.search(text):
        yield f"{file} has a token in clear"


def tail(file: Path, most_bytes: int) -> bytes:
    """Read the end of a file; empty when it is gone."""
    try:
        with file.open("rb") as there:
            there.seek(max(0, file.stat().st_size - most_bytes))
            return there.read(most_bytes)
    except OSError:
        return b""


def worker_secrets(situation: Situation, snapshot: Snapshot) -> LiveProbe:
    """Look for the keys of the control plane in the processes of workers, and in the file that all read (S2)."""
    known = {name: value.encode() for name, value in situation.known_secrets().items() if name in _NOT_FOR_WORKERS}
    workers = [one.pid for one in snapshot.components if one.kind == "worker" and one.pid]
    if not workers:
        raise FleetError("no worker runs here")
    pids = [pid for worker in workers for pid in procfs.tree(worker)]
    leaks = [f"process {pid} of a worker has {name}" for pid in pids for name in _in_process(pid, known)]
    configuration = tail(situation.paths.airflow_home / "airflow.cfg", _BYTES)
    leaks += [f"airflow.cfg, which workers read, has {name}" for name, value in known.items() if value in configuration]
    return LiveProbe(f"none of {len(pids)} processes of workers has a key of the control plane", tuple(leaks))


def _in_process(pid: int, known: dict[str, bytes]) -> Iterator[str]:
    texts = [*procfs.words(pid), *procfs.variables(pid)]
    yield from (name for name, value in known.items() if value and any(value in text for text in texts))


def open_doors(situation: Situation, snapshot: Snapshot) -> LiveProbe:
    """Compare what the fleet listens on with its plan; nobody but nginx may listen on all addresses (S3)."""
    sockets = listening_sockets.of_processes(situation.pids())
    front = {pid for one in snapshot.components if one.kind == "nginx" and one.pid for pid in procfs.tree(one.pid)}
    told = {one.address for one in snapshot.components if one.address}
    ports = {int(place.rpartition(":")[2]) for place in told if place.rpartition(":")[2].isdigit()}
    leaks = (
        f"process {one.pid} listens on {one.address}:{one.port}, which is every address of this machine"
        for one in sockets
        if one.address in listening_sockets.EVERYWHERE and one.pid not in front and not _is_meant(one.port, told)
    )
    unplanned = (
        f"process {one.pid} listens on {one.address}:{one.port}, which no component has"
        for one in sockets
        if one.port not in ports and not _is_local(one.address) and one.address not in listening_sockets.EVERYWHERE
        and one.pid not in front and not _is_of_agents(situation, one.port)
    )  # fmt: skip
    return LiveProbe(f"{len(sockets)} sockets listen where the plan says", (*leaks, *unplanned))


def _is_meant(port: int, told: Iterable[str]) -> bool:
    """Tell whether fleet.yaml itself asks for all addresses."""
    return any(
        place.rpartition(":")[0].strip("[]") in listening_sockets.EVERYWHERE
        for place in told
        if place.endswith(f":{port}")
    )


def _is_local(address: str) -> bool:
    return address.startswith("127.") or address == "::1"


def _is_of_agents(situation: Situation, port: int) -> bool:
    snapshot = situation.snapshot
    hosts = snapshot.hosts if isinstance(snapshot, Snapshot) else ()
    return any(host.port == port for host in hosts)


def handshake(plan: Plan) -> LiveProbe:
    """Speak TLS with the proxy, and compare its certificate with the file (S4)."""
    site = plan.site
    if site is None or site.public is None or site.public.certificate is None:
        raise FleetError("this host has no proxy that speaks TLS")
    public, certificate = site.public, site.public.certificate
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the file was judged by D405
    host = "127.0.0.1" if public.door.address in listening_sockets.EVERYWHERE else public.door.address
    with (
        socket.create_connection((host, public.door.port), timeout=3.0) as plain,
        context.wrap_socket(plain, server_hostname=public.name) as secured,
    ):
        served, version = secured.getpeercert(binary_form=True), secured.version()
    file = ssl.PEM_cert_to_DER_cert(_first_certificate(Path(certificate.chain).read_text("ascii")))
    leaks = (
        () if served == file else (f"nginx serves another certificate than {certificate.chain}: it was renewed since",)
    )
    return LiveProbe(f"the proxy speaks {version}, with the certificate of its file", leaks)


def _first_certificate(chain: str) -> str:
    end = "-----END CERTIFICATE-----"
    return chain[chain.index("-----BEGIN CERTIFICATE-----") : chain.index(end) + len(end)]


def database_rules(situation: Situation, plan: Plan) -> LiveProbe | Unknown:
    """Read the rules by which PostgreSQL lets clients in; only a superuser may (S5)."""
    url = of(situation.database_url, lambda known: _as_superuser(known, plan))
    return of(url, _rules)


def _as_superuser(url: str, plan: Plan) -> str:
    own = next((one.probe for one in plan.components if isinstance(one.probe, PostgresAnswers)), None)
    if own is None:
        return url
    return f"postgresql://{SUPERUSER}:{own.password}@127.0.0.1:{own.port}/postgres?sslmode=disable"


def _rules(url: str) -> LiveProbe:
    try:
        with closing(connect(url)) as connection:
            rows = connection.execute(_RULES).fetchall()
    except psycopg.errors.InsufficientPrivilege:
        raise FleetError("the fleet's role may not read pg_hba_file_rules; ask the server's superuser") from None
    return LiveProbe(f"none of {len(rows)} rules of PostgreSQL trusts, or lets everybody in", tuple(weak_rules(rows)))


def weak_rules(rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    """Yield a sentence for each rule of ``pg_hba.conf`` that lets in whom it should not, or is wrong."""
    for line, kind, method, address, netmask, error in rows:
        if error:
            yield f"line {line} of pg_hba.conf is wrong: {error}"
        elif method in _WEAK_METHODS and kind != "local":
            yield f"line {line} of pg_hba.conf {_WEAK_METHODS[method]} ({method})"
        elif address in ("all", "0.0.0.0", "::") and netmask in ("", "0.0.0.0", "::") and kind != "local":
            yield f"line {line} of pg_hba.conf lets in every address"


def broker_login(broker: Broker) -> LiveProbe:
    """Log in at the broker without a password; for RabbitMQ that is its user guest (S6)."""
    who = "user guest" if broker.kind == "amqp" else "a client without a password"
    line = line_to(replace(broker, user="", password=""))
    try:
        line.check()
    except BrokerRefuses:
        return LiveProbe(f"the broker refuses {who}")
    finally:
        line.close()
    return LiveProbe("", (f"the broker at {broker.address} lets in {who}",))


def message(broker: Broker, plan: Plan, fleet: Fleet | Unknown) -> LiveProbe:
    """Look at a message that waits: its arguments are not shown in clear to whoever watches events (S7)."""
    if broker.kind == "amqp":
        raise FleetError("a message of RabbitMQ cannot be looked at without being taken from its queue")
    if isinstance(fleet, Unknown):
        raise FleetError(fleet.why)
    extra = json.loads(plan_record.settings(plan.files).get("celery.extra_celery_config", "{}"))
    line = RedisLine(broker, time.monotonic)
    try:
        found = [line.first_message(f"{extra.get('airfleet_prefix', '')}{queue}") for queue in fleet.queues]
    finally:
        line.close()
    texts = [text for text in found if text]
    if not texts:
        raise FleetError("no message waits in a queue now", hint="airfleet doctor --live, while tasks wait")
    leaks = tuple("a message shows a token in its argsrepr" for text in texts if _shows_token(text))
    return LiveProbe(f"{len(texts)} waiting messages show no token in their description", leaks)


def _shows_token(text: str) -> bool:
    headers = json.loads(text).get("headers", {})
    return bool(TOKEN.search(str(headers.get("argsrepr", "")).encode()))


def flower(plan: Plan) -> LiveProbe:
    """Ask Flower for its pages without a password (S8). Nothing is asked that would change a worker."""
    urls = [
        url
        for one in plan.components
        if one.kind == "flower" and isinstance(one.probe, HttpAnswers)
        for url in one.probe.urls
    ]
    if not urls:
        raise FleetError("Flower does not run on this host")
    base = urls[0].removesuffix("/healthcheck")
    pages = ("/workers", "/tasks", "/api/workers", "/api/tasks")
    answers = {page: http_client.ask("GET", f"{base}{page}", _ENDS, most_bytes=0).status for page in pages}
    leaks = tuple(
        f"Flower answers {base}{page} without a password ({status})" for page, status in answers.items() if status < 400
    )
    return LiveProbe(f"Flower refuses {len(pages)} pages without a password", leaks)
