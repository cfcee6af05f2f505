"""Policies of RabbitMQ, which its management API tells: at the broker's host, with the user of fleet.yaml.

No URL of it stands in fleet.yaml, so the ports are those that RabbitMQ has by default.
"""

from __future__ import annotations

import base64
import json
import ssl
import urllib.parse
from collections.abc import Iterator
from typing import Any, Final

from airfleet.doctor.facts import QueuePolicy
from airfleet.fleet.servers.brokers import Broker, BrokerTls
from airfleet.system import http_client
from airfleet.system.http_client import HttpAnswer, Timeouts

#: of the management API, without TLS and with it
PORT, TLS_PORT = 15672, 15671
_COLUMNS: Final = "name,policy,operator_policy,effective_policy_definition"
_TIMEOUTS: Final = Timeouts(connect=3.0, read=5.0)
_FINE: Final = 200
_ENDS: Final = {
    401: "the management API does not let in the user of fleet.yaml: it needs the tag 'monitoring'",
    404: "the management API knows no virtual host of that name",
}


class NotTold(Exception):
    """The management API does not tell; the text is a sentence."""


def policies(where: Broker, port: int | None = None) -> tuple[QueuePolicy, ...]:
    """Ask for the policies over the queues of the fleet's virtual host. Raises NotTold."""
    silent = ""
    for host, _ in where.servers:
        try:
            answer = _asked(where, host, port)
            if answer.status == _FINE:
                return tuple(_read(json.loads(answer.body)))
        except (OSError, ValueError):
            silent = host
            continue
        raise NotTold(_ENDS.get(answer.status, f"the management API answers {answer.status}"))
    raise NotTold(f"RabbitMQ tells its policies over its management API alone, and none answers at {silent}")


def _asked(where: Broker, host: str, port: int | None) -> HttpAnswer:
    place = f"[{host}]" if ":" in host else host
    scheme, usual = ("https", TLS_PORT) if where.tls else ("http", PORT)
    vhost = urllib.parse.quote(where.path or "/", safe="")
    url = f"{scheme}://{place}:{port or usual}/api/queues/{vhost}?columns={_COLUMNS}"
    token = base64.b64encode(f"{where.user}:{where.password}".encode()).decode()
    told = {"Authorization": f"Basic {token}"}
    return http_client.ask("GET", url, _TIMEOUTS, headers=told, tls=_context(where.tls) if where.tls else None)


def _context(tls: BrokerTls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls.ca or None)
    if tls.cert:
        context.load_cert_chain(tls.cert, tls.key or None)
    return context


def _read(queues: Any) -> Iterator[QueuePolicy]:
    for queue in queues:
        if definition := queue.get("effective_policy_definition"):
            name = queue.get("policy") or queue.get("operator_policy") or ""
            yield QueuePolicy(queue["name"], name, {key: str(value) for key, value in definition.items()})
