"""Judgements of ports, addresses, names and certificates, as whole sentences."""

from __future__ import annotations

import pytest

from airfleet.doctor.facts import CertificateFacts, Listener, Reached, Resolved
from airfleet.doctor.finding import Seen, State
from airfleet.doctor.judgements import network

WRONG, WARNING, FINE = State.WRONG, State.WARNING, State.FINE
CHAIN = "/srv/tls/chain.pem"
RENEW = f"renew {CHAIN}, then airfleet down and up"


@pytest.mark.parametrize(
    ("listener", "seen"),
    [
        (Listener("api-server", "127.0.0.1", 8080, is_ours=True, held_by="x"), Seen(FINE, "all 1 components listen")),
        (
            Listener("api-server", "127.0.0.1", 8080),
            Seen(WRONG, "nothing listens on 127.0.0.1:8080, which is for api-server", "airfleet logs api-server"),
        ),
        (
            Listener("api-server", "127.0.0.1", 8080, held_by="a program that is not of this fleet"),
            Seen(WRONG, "a program that is not of this fleet listens on 127.0.0.1:8080, which is for api-server",
                 "end it, then airfleet up"),
        ),
    ],
)  # fmt: skip
def test_listeners(listener: Listener, seen: Seen) -> None:
    assert network.listeners((listener,)) == (seen,)


def test_ports_of_a_fleet_that_is_down() -> None:
    free = Listener("api-server", "127.0.0.1", 8080, is_expected=False)
    held = Listener("nginx", "0.0.0.0", 443, held_by="a program that is not of this fleet", is_expected=False)
    assert network.listeners((free,)) == (Seen(FINE, "all 1 ports of fleet.yaml are free"),)
    assert network.listeners((free, held)) == (
        Seen(
            WRONG,
            "a program that is not of this fleet listens on 0.0.0.0:443, which is for nginx",
            "end it, then airfleet up",
        ),
    )
    assert network.listeners(()) == (Seen(FINE, "fleet.yaml gives no component a port of its own"),)


def test_addresses_that_cannot_be_reached() -> None:
    away = Reached("the agent of host 'two'", "10.0.0.2:8795", "connection refused")
    assert network.reached((away, Reached("the witness", "w:1"))) == (
        Seen(
            WRONG,
            "the agent of host 'two' at 10.0.0.2:8795 cannot be reached: connection refused",
            "nc -vz 10.0.0.2 8795",
        ),
    )


def test_one_of_several_servers_that_is_away_is_a_warning() -> None:
    found = (
        Reached("the broker", "[fd00::1]:5672", "no answer within 3 s", "broker"),
        Reached("b", "two:1", "", "broker"),
    )
    [seen] = network.reached(found)
    assert seen == Seen(
        WARNING, "the broker at [fd00::1]:5672 cannot be reached: no answer within 3 s", "nc -vz fd00::1 5672"
    )


def test_addresses_that_answer() -> None:
    one = Reached("the database", "db:5432", "", "database")
    assert network.reached((one,)) == (Seen(FINE, "the database at db:5432 can be reached"),)
    assert network.reached((one, one)) == (Seen(FINE, "all 2 addresses can be reached"),)
    assert network.reached(()) == (Seen(FINE, "fleet.yaml names no address elsewhere"),)


def test_names() -> None:
    found = (Resolved("db.lan", "database", "name or service not known"), Resolved("shop.lan", "proxy", "no address"))
    assert network.names(found) == (
        Seen(
            WRONG,
            "the name 'db.lan' (database in fleet.yaml) has no address here: name or service not known",
            "getent hosts db.lan",
        ),
        Seen(
            WARNING,
            "the name 'shop.lan' (proxy in fleet.yaml) has no address here: no address",
            "getent hosts shop.lan",
        ),
    )
    assert network.names((Resolved("db.lan", "database"),)) == (Seen(FINE, "all 1 names have addresses"),)


@pytest.mark.parametrize(
    ("certificate", "seen"),
    [
        (CertificateFacts(CHAIN, days_left=90.4), Seen(FINE, "certificates are valid for 90 days or more")),
        (CertificateFacts(CHAIN, days_left=29.0), Seen(WARNING, f"{CHAIN} expires in 29.0 days", RENEW)),
        (CertificateFacts(CHAIN, days_left=0.9), Seen(WRONG, f"{CHAIN} expires in 0.9 days", RENEW)),
        (CertificateFacts(CHAIN, days_left=-2.0), Seen(WRONG, f"{CHAIN} has expired 2.0 days ago", RENEW)),
        (
            CertificateFacts(CHAIN, "no such file or directory"),
            Seen(
                WRONG, f"{CHAIN} cannot be used: no such file or directory", "see proxy.tls or the broker's ca and cert"
            ),
        ),
        (
            CertificateFacts(CHAIN, days_left=90, key_fits=False),
            Seen(WRONG, f"the key of {CHAIN} belongs to another certificate", "see proxy.tls.key in fleet.yaml"),
        ),
        (
            CertificateFacts(CHAIN, days_left=90, chain_holds=False),
            Seen(WRONG, f"a certificate of {CHAIN} is not signed by the next one", "put them in order, ours first"),
        ),
        (
            CertificateFacts(CHAIN, days_left=90, wanted="a.shop.lan", names=("shop.lan", "*.lan")),
            Seen(WRONG, f"{CHAIN} is for shop.lan, *.lan, and people ask for a.shop.lan", RENEW),
        ),
        (
            CertificateFacts(CHAIN, days_left=90, wanted="a.shop.lan", names=("*.shop.lan",)),
            Seen(FINE, "certificates are valid for 90 days or more"),
        ),
    ],
)
def test_certificates(certificate: CertificateFacts, seen: Seen) -> None:
    assert network.certificates((certificate,)) == (seen,)


def test_a_fleet_without_certificates() -> None:
    assert network.certificates(()) == (Seen(FINE, "fleet.yaml names no certificate"),)
