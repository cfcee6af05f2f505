"""The nginx of a machine: found, asked for its version, and asked whether it takes what was written for it."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from airfleet.agent.servers import nginx
from airfleet.errors import FleetError
from airfleet.fleet.planning.context import Nginx
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.planning.plan import Plan
from airfleet.fleet.servers.nginx_site import Certificate, Door, Public, Site
from airfleet.testing.ports import free_ports
from support.proxies import certificate, nginx_here


def program(folder: Path, says: str, code: int = 0) -> Path:
    """A program named nginx that says something whatever it is asked."""
    folder.mkdir(exist_ok=True)
    file = folder / "nginx"
    file.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{says}\nEND\nexit {code}\n")
    file.chmod(0o755)
    return file


def prepared(folder: Path, says: str) -> Nginx:
    path = {"PATH": f"{program(folder / 'bin', says).parent}:{os.environ['PATH']}"}
    home = folder / "home"
    home.mkdir()
    return nginx.prepare(Paths(home=home, runtime=home), path, euid=1000)


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ("nginx version: nginx/1.22.1", (1, 22, 1)),
        ("nginx version: nginx/1.18.0 (Ubuntu)", (1, 18, 0)),
        ("nginx version: openresty/1.25.3.1", (1, 25, 3)),
        ("nginx version: freenginx/1.29.0", (1, 29, 0)),
    ],
)
def test_the_version_that_it_says(says: str, version: tuple[int, int, int], tmp_path: Path) -> None:
    assert prepared(tmp_path, says).version == version


def test_one_that_is_too_old_or_says_nothing_is_named_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match=r"is nginx 1\.14\.2; airfleet needs 1\.18\.0 or newer\nhint: install"):
        prepared(tmp_path, "nginx version: nginx/1.14.2")
    with pytest.raises(FleetError, match="does not say which nginx it is"):
        nginx.version_of(program(tmp_path / "bin", "no such option"))
    with pytest.raises(FleetError, match="does not run"):
        nginx.version_of(tmp_path / "nowhere")


def test_a_machine_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nginx, "SYSTEM_FOLDERS", (str(tmp_path),))
    with pytest.raises(FleetError, match=r"needs nginx, and there is none here\nhint: install it"):
        nginx.prepare(Paths(home=tmp_path, runtime=tmp_path), {"PATH": str(tmp_path)}, euid=1000)


def test_its_folder_is_its_owner_s_alone_for_an_ordinary_user(tmp_path: Path) -> None:
    found = prepared(tmp_path, "nginx version: nginx/1.22.1")
    assert oct(found.folder.stat().st_mode & 0o777) == "0o700"
    assert found.user is None


def plan(found: Nginx, public: Public) -> Plan:
    (port,) = free_ports(1)
    site = Site(("127.0.0.1:9",), public=public, local=Door("127.0.0.1", port), user=found.user, version=found.version)
    return Plan(fleet="shop", root=Path("/"), components=(), files={}, environment={}, url="", user="", site=site)


@pytest.mark.needs("nginx")
def test_what_nginx_takes_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    chain, key = certificate(tmp_path, "localhost")
    with nginx_here(tmp_path) as found:
        door = Door("127.0.0.1", free_ports(1)[0])
        nginx.configure(plan(found, Public(door, "localhost", Certificate(str(chain), str(key)))), found)
        assert oct((found.folder / "nginx.conf").stat().st_mode & 0o777) == "0o600"


@pytest.mark.needs("nginx")
def test_what_is_wrong_is_said_before_anything_starts(tmp_path: Path) -> None:
    with nginx_here(tmp_path) as found, socket.socket() as taken:
        free = Door("127.0.0.1", free_ports(1)[0])
        missing = Public(free, "localhost", Certificate(str(tmp_path / "no.pem"), str(tmp_path / "no.key")))
        with pytest.raises(FleetError, match=r"no\.pem.*\nhint: proxy\.tls in fleet\.yaml names PEM files"):
            nginx.configure(plan(found, missing), found)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        used = Door("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(FleetError, match=rf"port {used.port} of 127\.0\.0\.1.*is in use\nhint: 'ss -ltnp"):
            nginx.configure(plan(found, Public(used, "localhost")), found)
        with pytest.raises(FleetError, match=r"this host has no address 192\.0\.2\.1"):
            nginx.configure(plan(found, Public(replace(free, address="192.0.2.1"), "localhost")), found)


@pytest.mark.needs("nginx")
def test_a_port_that_needs_rights(tmp_path: Path) -> None:
    said = "nginx: [emerg] bind() to 0.0.0.0:443 failed (13: Permission denied)"
    with nginx_here(tmp_path) as real:
        found = replace(real, program=program(tmp_path / "bin", said, code=1))
        door = Door("127.0.0.1", free_ports(1)[0])
        with pytest.raises(FleetError, match=r"bind\(\) to .*443 failed.*\nhint: ports below 1024 need rights"):
            nginx.configure(plan(found, Public(door, "localhost")), found)
