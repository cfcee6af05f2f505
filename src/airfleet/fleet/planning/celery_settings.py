"""Celery's settings for the broker, in Airflow's words; only those of :func:`secrets` are secret."""

from __future__ import annotations

import json
from collections.abc import Mapping

from airfleet.fleet.planning.plan import Setting
from airfleet.fleet.servers.brokers import Broker

TRANSPORT = "celery_broker_transport_options"
#: Redis hands a task to a second worker after this long, seconds: longer than any task runs
_VISIBILITY_SECONDS = 7 * 24 * 3600
#: a sentinel has so long for each of its answers, as another may be asked, and each connection begins with that
_SENTINEL_SECONDS = 0.5

_EXTRA: Mapping[str, object] = {
    # What became of a task is in the database; Celery's results tell of workers that failed beside it.
    "task_store_errors_even_if_ignored": True,
    "result_expires": 86400,
    # A worker waits for the broker for as long as it takes; Celery's own gives up after 46 minutes.
    "broker_connection_max_retries": None,
    # RabbitMQ closes the channel of a task that runs long: what runs goes on, the next task comes by another.
    "broker_channel_error_retry": True,
    # A slot is forked when its first message is there, also on a machine that is busy with others: Celery would kill
    # one that is not up after four seconds.
    "worker_proc_alive_timeout": 60.0,
    # Seconds between signs of life on a quiet connection to RabbitMQ. After two, a dead one is given up: until then
    # messages are sent to whoever does not hear them.
    "broker_heartbeat": 5,
    # After a lost connection Celery asks for fewer messages, as many as slots were free when it was lost, and for more
    # as tasks end that came by the new one. What has ended meanwhile does not count: a worker that was full takes one
    # task at a time then, with every slot free. A quorum queue even hears the first number only.
    "worker_enable_prefetch_count_reduction": False,
}


_EXTRA_FOR_REDIS: Mapping[str, object] = {
    # A worker reads no queue while each slot has a task, whichever connection that came by. On RabbitMQ, where Celery
    # does not know how, a worker gives back what it gets too many of (worker/prefetch.py).
    "worker_disable_prefetch": True,
}


def sections(broker: Broker, slots: int, name: str = "") -> dict[str, dict[str, str]]:
    """Sections of ``airflow.cfg``; ``name`` is that of the fleet in the broker, which others may use, too."""
    extra = {**_EXTRA, **(_EXTRA_FOR_REDIS if broker.kind != "amqp" else {}), **_named(name)}
    return {
        "celery": {
            "worker_concurrency": str(slots),
            # Publishing from the scheduler itself: a pool of publishing processes per batch costs more.
            "sync_parallelism": "1",
            "worker_enable_remote_control": "True",
            "task_track_started": "False",
            "extra_celery_config": json.dumps(extra),
            # Only the components that need them are told the real ones.
            "broker_url": "memory://",
            "result_backend": "cache+memory://",
        },
        TRANSPORT: _transport(broker, name),
    }


def _named(name: str) -> Mapping[str, object]:
    """Name the fleet's own queues, remote control and events, which no other fleet with this broker may take."""
    if not name:
        return {}
    return {
        "airfleet_prefix": f"{name}.",  # airfleet.worker.queue_declarations
        "control_exchange": name,
        "event_exchange": f"{name}.events",
        "event_queue_prefix": f"{name}.events",
    }


def _transport(broker: Broker, name: str) -> dict[str, str]:
    if broker.kind == "amqp":
        return {}
    options = {
        "visibility_timeout": str(_VISIBILITY_SECONDS),
        # A server that disappears without a word is noticed; a waiting consumer asks it each second anyway.
        "socket_timeout": "10",
        "socket_connect_timeout": "5",
        "socket_keepalive": "True",
        "health_check_interval": "10",
    }
    if name:  # what workers hold; each of them gives back what anybody of the same set holds for too long
        options |= {f"unacked{part}_key": f"{name}.unacked{part}" for part in ("", "_index", "_mutex")}
    return {**options, "master_name": broker.master} if broker.kind == "sentinel" else options


def secrets(broker: Broker) -> tuple[Setting, ...]:
    """Give settings for components with a broker, beside its URL; TLS is refused without them."""
    if broker.kind != "sentinel":
        return _tls(broker)
    return (*_tls(broker), (TRANSPORT, "sentinel_kwargs", json.dumps(_to_sentinels(broker))))


def _to_sentinels(broker: Broker) -> Mapping[str, object]:
    """Give the options of connections to the sentinels, which have a password of their own."""
    told: dict[str, object] = {
        "socket_timeout": _SENTINEL_SECONDS,
        "socket_connect_timeout": _SENTINEL_SECONDS,
        # One that is silent would be asked eleven times before another is.
        "retry": None,
    }
    if broker.sentinel_password:
        told["password"] = broker.sentinel_password
    if broker.tls:
        files = {"ssl_ca_certs": broker.tls.ca, "ssl_certfile": broker.tls.cert, "ssl_keyfile": broker.tls.key}
        told |= {"ssl": True, "ssl_cert_reqs": "required", **{name: file for name, file in files.items() if file}}
    return told


def _tls(broker: Broker) -> tuple[Setting, ...]:
    if broker.tls is None:
        return ()
    # Airflow always demands a certificate that it can check; without a CA, one of the system's.
    return (
        ("celery", "ssl_active", "True"),
        ("celery", "ssl_mutual_tls", str(bool(broker.tls.cert))),
        ("celery", "ssl_cacert", broker.tls.ca),
        ("celery", "ssl_cert", broker.tls.cert),
        ("celery", "ssl_key", broker.tls.key),
    )
