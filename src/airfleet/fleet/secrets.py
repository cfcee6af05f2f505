"""Secrets of one fleet: generated once, kept in files of mode 0600, never printed."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path


@dataclass(frozen=True)
class Secrets:
    """Every secret of a fleet. Its ``repr`` shows none of them."""

    #: encrypts connections and variables in the database
    fernet_key: str = field(repr=False)
    #: signs the tokens of tasks and users
    jwt_secret: str = field(repr=False)
    #: signs sessions and requests for logs
    api_secret_key: str = field(repr=False)
    #: superuser of the embedded PostgreSQL
    postgres_password: str = field(repr=False)
    #: Airflow's own role there
    airflow_password: str = field(repr=False)
    broker_password: str = field(repr=False)
    #: of the user of the UI and the REST API
    user_password: str = field(repr=False)
    #: of the user of Flower
    flower_password: str = field(repr=False)
    #: signs Flower's cookies
    flower_cookie_secret: str = field(repr=False)


def generate(random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> Secrets:
    """New secrets; passwords have 32 random bytes, the signing keys 64."""

    def word(size: int) -> str:
        return base64.urlsafe_b64encode(random_bytes(size)).decode().rstrip("=")

    return Secrets(
        fernet_key=base64.urlsafe_b64encode(random_bytes(32)).decode(),
        jwt_secret=word(64),
        api_secret_key=word(64),
        postgres_password=word(32),
        airflow_password=word(32),
        broker_password=word(32),
        user_password=word(18),
        flower_password=word(18),
        flower_cookie_secret=word(64),
    )


def load_or_generate(path: Path, new: Callable[[], Secrets] = generate) -> Secrets:
    """The secrets kept at ``path``; what it does not have is generated and written there first."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    known = {f.name: kept[f.name] for f in fields(Secrets) if f.name in kept}
    made = Secrets(**{**asdict(new()), **known})
    if len(known) < len(fields(Secrets)):  # none yet, or kept by an older airfleet that had fewer
        write_private(path, json.dumps(asdict(made), indent=1))
    return made


def load(path: Path) -> Secrets | None:
    """The secrets kept at ``path``; None when it has none yet, or not all of them. Writes nothing."""
    try:
        kept = json.loads(path.read_text())
        return Secrets(**{f.name: kept[f.name] for f in fields(Secrets)})
    except (FileNotFoundError, KeyError):
        return None


def write_private(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace ``path`` by ``text`` at once; nobody else can read it at any moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(file.fileno(), mode)  # the umask may have taken bits, an old draft may have had more
        file.write(text)
    os.replace(draft, path)
