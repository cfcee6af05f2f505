"""A real nginx over small servers, and a client that sends paths and headers exactly as they are written."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import ipaddress
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from airfleet.agent.servers import nginx
from airfleet.agent.servers.embedded_servers import SYSTEM_STATE
from airfleet.drill.waiting import wait_until
from airfleet.fleet.components import proxy
from airfleet.fleet.planning.context import Nginx
from airfleet.fleet.planning.paths import Paths, fleet_id
from airfleet.fleet.servers.nginx_site import HEALTH, Door, Site
from airfleet.render.nginx import FILE_NAME, configuration

SECONDS = 20.0


@dataclass(frozen=True)
class Answer:
    """The answer to a client."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    door: Door,
    path: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    trust: ssl.SSLContext | None = None,
    host: str = "airflow.test",
) -> Answer:
    """Send one request. ``path`` goes over the wire as it is; ``host`` is the addressee."""
    kind = http.client.HTTPSConnection if trust else http.client.HTTPConnection
    connection = kind(host, door.port, timeout=SECONDS, **({"context": trust} if trust else {}))
    # To the door, whatever the name says.
    connection._create_connection = lambda *_, **__: socket.create_connection((door.address, door.port), SECONDS)  # type: ignore[attr-defined]
    try:
        connection.request(method, path, body, {"Host": host, **(headers or {})})
        got = connection.getresponse()
        return Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
    finally:
        connection.close()


# --- small upstreams -------------------------------------------------------------------------------------------------


@dataclass
class Upstream:
    """A server that says what it was asked; ``behaves`` may say otherwise."""

    name: str
    #: what to do with a request before it is answered; a number is the status of the answer
    behaves: Callable[[BaseHTTPRequestHandler], int | None] = lambda _: None
    #: (method, path) of everything that was asked
    asked: list[tuple[str, str]] = field(default_factory=list)
    server: ThreadingHTTPServer | None = None
    connections: set[socket.socket] = field(default_factory=set)

    @property
    def place(self) -> str:
        assert self.server
        return f"127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        """Refuse connections from now on, and cut those that there are."""
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None
        for connection in list(self.connections):
            with contextlib.suppress(OSError):  # it has ended
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def upstream(name: str) -> Iterator[Upstream]:
    """Start a small server on a free port."""
    made = Upstream(name)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            made.connections.add(self.request)
            super().setup()

        def finish(self) -> None:
            super().finish()
            made.connections.discard(self.request)

        def log_message(self, *_: object) -> None:
            return None

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made.asked.append((self.command, self.path))
            status = made.behaves(self)
            if status == 0:  # it has answered itself
                return
            told = {"server": made.name, "path": self.path, "headers": dict(self.headers), "size": len(body)}
            text = json.dumps(told).encode()
            self.send_response(status or 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("X-Frame-Options", "ALLOWALL")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    made.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.server.daemon_threads = True
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.close()
        thread.join(SECONDS)


# --- nginx -----------------------------------------------------------------------------------------------------------


@contextmanager
def nginx_here(folder: Path) -> Iterator[Nginx]:
    """Start the nginx of this machine, with a folder of its own."""
    home = folder / "home"
    home.mkdir()
    try:
        yield nginx.prepare(Paths(home=home, runtime=home), os.environ, euid=os.geteuid())
    finally:
        shutil.rmtree(SYSTEM_STATE / fleet_id(home), ignore_errors=True)


@contextmanager
def serving(found: Nginx, site: Site, *, more: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Nginx serving this site, until the end of the block; what it wrote is in ``nginx.log`` of its folder.

    ``more`` is what a test has to say beside, for all of HTTP.
    """
    (found.folder / FILE_NAME).write_text(configuration(site).replace("http {\n", f"http {{\n{more}", 1))
    with (found.folder / "nginx.log").open("ab") as log:
        process = subprocess.Popen(proxy.command(found), stdout=log, stderr=log, start_new_session=True)
    assert site.local
    door = site.local

    def serves() -> bool:
        assert process.poll() is None, (found.folder / "nginx.log").read_text()
        try:
            return ask(door, HEALTH).status == 204
        except OSError:
            return False

    try:
        wait_until(serves, SECONDS, "nginx answers", pause_seconds=0.02)
        yield process
    finally:
        process.send_signal(signal.SIGQUIT)
        try:
            process.wait(SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def certificate(folder: Path, name: str, days: float = 2) -> tuple[Path, Path]:
    """Make a new certificate for ``name``, for so many days, signed by itself, and its key, as PEM files."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    names: list[x509.GeneralName] = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / f"{name}.pem", folder / f"{name}.key"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.touch(mode=0o600)
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, secret
