"""What stands in nginx.conf for a site; what nginx makes of it is tested with a real one."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from airfleet.errors import FleetError
from airfleet.fleet.servers.nginx_site import Certificate, Door, Public, Site
from airfleet.render.nginx import configuration

GOLDEN = Path(__file__).parents[2] / "golden" / "nginx"

WHOLE = Site(
    api_servers=("127.0.0.1:8080", "10.0.0.2:8080"),
    airflow_path="/myorg/airflow",
    flower="127.0.0.1:5555",
    flower_path="/myorg/flower",
    public=Public(
        Door("0.0.0.0", 443),
        "airflow.example.com",
        Certificate("/etc/tls/fullchain.pem", "/etc/tls/privkey.pem"),
        Door("0.0.0.0", 80),
        cluster=("10.0.0.0/24",),
    ),
    local=Door("127.0.0.1", 8090),
    user="www-data",
    version=(1, 26, 0),
)
PLAIN = Site(
    api_servers=("127.0.0.1:8080",), public=Public(Door("127.0.0.1", 8000), "localhost"), local=Door("127.0.0.1", 8090)
)
LOCAL = Site(api_servers=("10.0.0.1:8080", "10.0.0.2:8080"), local=Door("127.0.0.1", 8090))


@pytest.mark.parametrize(("name", "site"), [("whole", WHOLE), ("plain", PLAIN), ("local", LOCAL)])
def test_the_whole_text(name: str, site: Site) -> None:
    file, text = GOLDEN / f"{name}.conf", configuration(site)
    if os.environ.get("AIRFLEET_WRITE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text()


def lines(site: Site) -> list[str]:
    return [line.strip() for line in configuration(site).splitlines()]


def public(**changes: object) -> Site:
    assert WHOLE.public
    return replace(WHOLE, public=replace(WHOLE.public, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ((1, 18, 0), ["listen 0.0.0.0:443 ssl http2;"]),
        ((1, 24, 9), ["listen 0.0.0.0:443 ssl http2;"]),
        ((1, 25, 1), ["listen 0.0.0.0:443 ssl;", "http2 on;"]),
    ],
)
def test_http_2_in_the_words_of_the_version(version: tuple[int, int, int], words: list[str]) -> None:
    found = lines(replace(WHOLE, version=version))
    start = found.index(words[0])
    assert found[start : start + len(words)] == words
    assert ("http2 on;" in found) == (len(words) > 1)


@pytest.mark.parametrize(
    ("path", "location", "before"),
    [
        ("/", "location / {", ""),
        ("/airflow", "location /airflow/ {", "/airflow"),
        ("/a/b-c.d", "location /a/b-c.d/ {", "/a/b-c.d"),
    ],
)
def test_locations_below_the_path(path: str, location: str, before: str) -> None:
    found = lines(replace(PLAIN, airflow_path=path))
    assert found.count(location) >= 1
    for closed in (f"location ^~ {before}/execution {{", f"location ^~ {before}/airfleet/releases/objects {{"):
        assert found.count(closed) == 1
        assert found[found.index(closed) + 1] == "return 403;"


def test_every_path_in_a_regular_expression_is_taken_literally() -> None:
    found = configuration(replace(WHOLE, airflow_path="/a.b", flower_path="/c.d"))
    assert r"~^/a\.b/(docs|redoc)" in found
    assert r"~^/c\.d(/|$)" in found
    assert r"^/a\.b/api/v2/dags" in found


def test_ipv6() -> None:
    found = lines(replace(PLAIN, api_servers=("[::1]:8080",), public=Public(Door("::", 80), "localhost")))
    assert "listen [::]:80;" in found
    assert "server [::1]:8080 max_fails=1 fail_timeout=2s;" in found


def test_browsers_are_told_to_keep_to_tls_only_where_there_is_tls_and_it_is_wanted() -> None:
    word = "Strict-Transport-Security"
    assert any(line.startswith(f"add_header {word}") for line in lines(WHOLE))
    assert not any(line.startswith(f"add_header {word}") for line in lines(public(certificate=None)))
    loose = Certificate("/c.pem", "/k.pem", strict=False)
    assert not any(line.startswith(f"add_header {word}") for line in lines(public(certificate=loose)))


def test_without_flower_there_is_no_word_of_it() -> None:
    assert "flower" not in configuration(replace(WHOLE, flower=None))


@pytest.mark.parametrize(
    "site",
    [
        public(name="a.example.com; return 200"),
        public(name="$host"),
        public(cluster=("10.0.0.0/8; allow all",)),
        public(airflow_policy='"; add_header X y'),
        public(certificate=Certificate("/a\n/b", "/k")),
        public(certificate=Certificate("/etc/$ssl_server_name", "/k")),
        replace(WHOLE, airflow_path="/a b"),
        replace(WHOLE, flower_path="/a{b"),
        replace(WHOLE, api_servers=("127.0.0.1:80;",)),
        replace(WHOLE, user="www-data; load_module x"),
    ],
)
def test_a_value_cannot_become_a_directive(site: Site) -> None:
    with pytest.raises(FleetError, match=r"cannot stand in nginx\.conf"):
        configuration(site)


def test_a_file_whose_name_nginx_would_take_for_a_variable_is_refused_with_a_way_out() -> None:
    with pytest.raises(FleetError, match=r"'/a\$b' cannot stand in nginx\.conf\nhint: give the file, .* without '\$'"):
        configuration(public(certificate=Certificate("/c.pem", "/a$b")))


def test_quotes_in_the_name_of_a_file_are_escaped() -> None:
    found = lines(public(certificate=Certificate('/a "b"/c.pem', "/d\\e.pem")))
    assert r'ssl_certificate "/a \"b\"/c.pem";' in found
    assert r'ssl_certificate_key "/d\\e.pem";' in found


def test_a_name_that_is_an_ipv6_address_stands_in_brackets() -> None:
    found = lines(public(name="::1"))
    assert found.count("server_name [::1];") == 2
    assert "return 308 https://[::1]$request_uri;" in found


def test_where_requests_are_logged() -> None:
    assert "access_log /dev/stdout plain;" in lines(WHOLE)
    assert "access_log access.log plain;" in [line.strip() for line in configuration(WHOLE, "access.log").splitlines()]
