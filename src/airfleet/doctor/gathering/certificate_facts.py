"""Facts about certificates: of the proxy, and of the broker's clients."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airfleet.doctor.facts import CertificateFacts
from airfleet.fleet.config.spec import Fleet
from airfleet.fleet.servers import brokers

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


def certificates(fleet: Fleet, host: str, now: dt.datetime) -> tuple[CertificateFacts, ...]:
    """Read the certificates of fleet.yaml that this host needs."""
    return tuple(_read(file, key, wanted, now) for file, key, wanted in _files(fleet, host))


def _files(fleet: Fleet, host: str) -> Iterator[tuple[Path, Path | None, str]]:
    root = Path(fleet.root)
    if fleet.proxy is not None and fleet.proxy.tls is not None and (host in fleet.proxy.on or not fleet.proxy.on):
        yield root / fleet.proxy.tls.certificate, root / fleet.proxy.tls.key, fleet.proxy.name
    if not fleet.runs_broker and (tls := brokers.parse(fleet.broker).tls) is not None:
        if tls.ca:
            yield Path(tls.ca), None, ""
        if tls.cert:
            yield Path(tls.cert), Path(tls.key), ""


def _read(file: Path, key: Path | None, wanted: str, now: dt.datetime) -> CertificateFacts:
    from cryptography import x509

    try:
        chain = x509.load_pem_x509_certificates(file.read_bytes())
        fits = key is None or _fits(chain[0], key)
    except (OSError, ValueError, TypeError) as wrong:
        return CertificateFacts(
            str(file), getattr(wrong, "strerror", None) or "it is no certificate in PEM, or its key"
        )
    ends = min(one.not_valid_after_utc for one in chain)
    left = (ends - now).total_seconds() / 86400
    return CertificateFacts(str(file), "", left, wanted, _names(chain[0]), fits, _holds(chain))


def _fits(certificate: Certificate, key: Path) -> bool:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    secret: Any = load_pem_private_key(key.read_bytes(), password=None)
    return bool(secret.public_key() == certificate.public_key())


def _names(certificate: Certificate) -> tuple[str, ...]:
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = found.get_values_for_type(x509.IPAddress)
    return (*found.get_values_for_type(x509.DNSName), *map(str, addresses))


def _holds(chain: list[Certificate]) -> bool:
    """Tell whether each certificate is signed by the next one."""
    from cryptography.exceptions import InvalidSignature

    try:
        for one, above in itertools.pairwise(chain):
            one.verify_directly_issued_by(above)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True
