"""Certificates are read from their files."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from airfleet.doctor.facts import CertificateFacts
from airfleet.doctor.gathering.certificate_facts import certificates
from airfleet.fleet.config.spec import Fleet, Proxy, Tls
from support.proxies import certificate

NOW = dt.datetime.now(dt.UTC)


def facts(root: Path, chain: Path, key: Path, now: dt.datetime = NOW) -> CertificateFacts:
    proxy = Proxy(("local",), "shop.lan", tls=Tls(str(chain), str(key)))
    [found] = certificates(Fleet("shop", str(root), proxy=proxy), "local", now)
    return found


def test_the_end_the_names_and_the_key_of_a_certificate(tmp_path: Path) -> None:
    chain, key = certificate(tmp_path, "shop.lan")
    found = facts(tmp_path, chain, key)
    assert (found.error, found.wanted, found.key_fits, found.chain_holds) == ("", "shop.lan", True, True)
    assert found.names == ("shop.lan", "127.0.0.1")
    assert 1.9 < found.days_left < 2.1
    assert facts(tmp_path, chain, key, NOW + dt.timedelta(days=5)).days_left < -2.9


def test_a_key_of_another_certificate_and_a_chain_out_of_order(tmp_path: Path) -> None:
    chain, key = certificate(tmp_path, "shop.lan")
    other, other_key = certificate(tmp_path, "other.lan")
    assert not facts(tmp_path, chain, other_key).key_fits
    both = tmp_path / "both.pem"
    both.write_bytes(chain.read_bytes() + other.read_bytes())
    found = facts(tmp_path, both, key)
    assert (found.key_fits, found.chain_holds) == (True, False)


def test_a_file_that_is_missing_or_no_certificate(tmp_path: Path) -> None:
    chain, key = certificate(tmp_path, "shop.lan")
    assert facts(tmp_path, tmp_path / "none.pem", key).error == "No such file or directory"
    chain.write_text("no certificate")
    assert facts(tmp_path, chain, key).error == "it is no certificate in PEM, or its key"


def test_a_host_without_the_proxy_reads_none(tmp_path: Path) -> None:
    proxy = Proxy(("front",), "shop.lan", tls=Tls("chain.pem", "key.pem"))
    assert certificates(Fleet("shop", str(tmp_path), proxy=proxy), "work", NOW) == ()
