"""A door that speaks TLS, before a server that does not: the embedded Valkey is built without it."""

from __future__ import annotations

import ssl
from pathlib import Path

from airfleet.fleet.config.spec import LOOPBACK
from faultlab.injectors.tcp_fault_proxy import TcpFaultProxy


def tls_before(port: int, certificate: Path, key: Path) -> TcpFaultProxy:
    """Make a gate to ``port``, both on this machine, with a certificate that clients must accept."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return TcpFaultProxy((LOOPBACK, port), context)
