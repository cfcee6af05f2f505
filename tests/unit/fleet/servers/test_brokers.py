"""The ``broker:`` of fleet.yaml becomes a value, and what Celery is told."""

from __future__ import annotations

import pytest
from kombu import Connection
from kombu.utils.url import parse_url

from airfleet.fleet.servers import brokers

SECRET = "s3cr:et/@;?&pass"
QUOTED = "s3cr%3Aet%2F%40%3B%3F%26pass"


@pytest.mark.parametrize(
    ("written", "celery"),
    [
        ("redis://:pass@db/3", "redis://:pass@db:6379/3"),
        ("valkey://db", "redis://db:6379/0"),
        ("valkeys://me:pass@db:7000/1?ca=/ca.pem", "rediss://me:pass@db:7000/1"),
        ("amqp://me:pass@mq", "amqp://me:pass@mq:5672/%2F"),
        ("amqp://me:pass@mq//", "amqp://me:pass@mq:5672/%2F"),
        ("amqp://me:pass@mq/shop", "amqp://me:pass@mq:5672/shop"),
        ("amqps://me:pass@mq/shop", "amqps://me:pass@mq:5671/shop"),
        ("amqp://me:pass@a,b:5673/shop", "amqp://me:pass@a:5672/shop;amqp://me:pass@b:5673/shop"),
        ("amqp://me:pass@a/shop;amqp://b", "amqp://me:pass@a:5672/shop;amqp://me:pass@b:5672/shop"),
        ("sentinel://:pass@a,b/2?master=m", "sentinel://:pass@a:26379/2;sentinel://:pass@b:26379/2"),
        ("amqp://me:pass@a;amqp://b/shop", "amqp://me:pass@a:5672/shop;amqp://me:pass@b:5672/shop"),
        ("sentinel://:pass@a;sentinel://b/2?master=m", "sentinel://:pass@a:26379/2;sentinel://:pass@b:26379/2"),
        ("amqp://[::1]:5673/x", "amqp://[::1]:5673/x"),
        (f"redis://:{QUOTED}@db", f"redis://:{QUOTED}@db:6379/0"),
    ],
)
def test_what_is_written_is_what_celery_is_told(written: str, celery: str) -> None:
    assert brokers.parse(written).url == celery


def test_kombu_reads_back_what_it_is_told() -> None:
    told = parse_url(brokers.parse(f"amqp://me:{QUOTED}@mq/a%2Fb").url)
    assert (told["userid"], told["password"], told["hostname"], told["port"]) == ("me", SECRET, "mq", 5672)
    assert told["virtual_host"] == "a/b"
    assert Connection(brokers.parse("amqp://me@mq").url).virtual_host == "/"
    assert Connection(brokers.parse("amqp://a;amqp://b").url).alt == ["amqp://a:5672/%2F", "amqp://b:5672/%2F"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "is empty"),
        ("http://db", "must be a URL that begins with one of redis://"),
        ("redis://a;amqp://b", "servers of different kinds"),
        ("redis://a,b", "for several of them use sentinel://"),
        ("sentinel://a", "?master=NAME"),
        ("redis://a/shop", "number of a database"),
        ("amqps://a?cert=/c", "both 'cert' and 'key'"),
        ("amqp://a?heartbeat=3", "not known: heartbeat"),
        ("amqp://a:many", "not HOST or HOST:PORT"),
        ("redis://a:0/1", "not HOST or HOST:PORT"),
        ("rediss://a/0?tls=false", "has 'tls=false', and rediss:// speaks TLS"),
        ("amqps://a;amqps://b/v?tls=false", "has 'tls=false', and amqps:// speaks TLS"),
        ("sentinel://a?master=m&tls=True", "has a 'tls' that is neither true nor false"),
        ("sentinel://a?master=m&tls=yes", "has a 'tls' that is neither true nor false"),
        ("redis://a/0?ca=/x.pem", "has 'ca' for TLS, and does not speak it"),
        ("sentinel://a/0?master=m&tls=false&ca=/x.pem", "has 'ca' for TLS, and does not speak it"),
        ("amqp://a/v?ca=/a&cert=/b&key=/c", "has 'ca' and 'cert' and 'key' for TLS, and does not speak it"),
    ],
)
def test_what_cannot_be_meant_is_refused_without_a_password(written: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"^[a-z]") as refused:
        brokers.parse(written.replace("://", "://me:hush@") if written.count("://") == 1 else written)
    assert said in str(refused.value)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("scheme", "hint"),
    [
        ("redis", "rediss:// and valkeys:// speak TLS"),
        ("amqp", "amqps:// speaks TLS"),
        ("sentinel", "write '&tls=true'"),
    ],
)
def test_who_names_files_for_tls_is_told_how_to_ask_for_it(scheme: str, hint: str) -> None:
    with pytest.raises(brokers.WrongBroker) as refused:
        brokers.parse(f"{scheme}://a?ca=/x.pem")
    assert refused.value.hint == hint


@pytest.mark.parametrize(
    "url",
    [
        "amqps://a?ca=/ca.pem;amqps://b/shop",
        "amqps://a;amqps://b/shop?ca=/ca.pem",
        "sentinel://a?tls=true;sentinel://b/0?master=m&ca=/ca.pem",
    ],
)
def test_whichever_url_names_a_file_for_tls_names_it_for_all(url: str) -> None:
    assert brokers.parse(url).tls == brokers.BrokerTls(ca="/ca.pem")


def test_only_options_that_may_be_named_are() -> None:
    with pytest.raises(brokers.WrongBroker) as refused:
        brokers.parse("redis://a?heartbeat=3&hush=1", nameable={"heartbeat"})
    assert str(refused.value) == (
        "has options that are not known: heartbeat; known: master, sentinel_password, tls, ca, cert, key"
    )


def test_nobody_sees_the_password_of_a_broker_by_chance() -> None:
    broker = brokers.parse("sentinel://me:hush@a?master=m&sentinel_password=silence")
    assert "hush" not in repr(broker)
    assert "silence" not in repr(broker)
    assert broker.address == "a:26379"
