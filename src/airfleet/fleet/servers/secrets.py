"""Secrets of one fleet: generated once, kept in files of mode 0600, never printed."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from airfleet.fleet.servers import json_file

#: what to do about a file of secrets that is damaged
_BRING_BACK = (
    "bring it back from a backup, or from the host that has it ('airfleet secrets export'): without it, nobody reads "
    "the connections in the database"
)

#: what a file says that holds the secrets of one host only
FOR_FLEET, FOR_HOST = "for_fleet", "for_host"


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
    #: by which agents of one fleet know one another
    peers_key: str = field(repr=False)

    @property
    def logs_key(self) -> str:
        """The key to the logs of tasks on other hosts, and to nothing else; derived from the secret of the agents."""
        return self._derived(b"task logs")

    @property
    def component_logs_key(self) -> str:
        """The key to the logs of components on other hosts, and to nothing else; derived likewise."""
        return self._derived(b"component logs")

    @property
    def releases_key(self) -> str:
        """The key to the objects of releases on other hosts, and to nothing else; derived likewise."""
        return self._derived(b"objects of releases")

    @property
    def fleet_mark(self) -> str:
        """A mark that tells apart fleets of one name: the same on all hosts of this one, and no secret."""
        return self._derived(b"the name of this fleet in its broker")[:8]

    def password_of(self, user: str) -> str:
        """Derive the password of a further user of the UI: the same on each host with api-servers, elsewhere empty."""
        if not self.api_secret_key:
            return ""
        digest = hmac.new(self.api_secret_key.encode(), f"password of {user}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest[:18]).decode()

    @property
    def fingerprint_key(self) -> str:
        """The key of fingerprints of secrets. A host that only works has no key of tokens, and derives its own."""
        return self.jwt_secret or self._derived(b"fingerprints")

    def _derived(self, purpose: bytes) -> str:
        return hmac.new(self.peers_key.encode(), purpose, hashlib.sha256).hexdigest() if self.peers_key else ""


def fingerprints(kept: Secrets) -> dict[str, str]:
    """Make a fingerprint of each secret that is here, by its name; it tells equal from different, and no more.

    It is made with the key that all agents of the fleet share. Where that key itself differs, all would.
    """
    there = {name: value for name, value in asdict(kept).items() if value}
    key = kept.peers_key.encode()
    return {
        name: hmac.new(key, f"{name}={value}".encode(), hashlib.sha256).hexdigest()[:12]
        for name, value in there.items()
    }


def generate(random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> Secrets:
    """Generate secrets; passwords have 32 random bytes, the signing keys 64."""

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
        peers_key=word(32),
    )


def load_or_generate(path: Path, new: Callable[[], Secrets] = generate) -> Secrets:
    """Load the secrets at ``path``; missing ones are generated and written there first.

    Secrets that were imported for one host alone (:func:`parcel`) are not completed: the rest stays empty. Raises
    FleetError when the file is damaged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone_in(path.parent):  # agents of several hosts may share the file, and start together
        there = _kept(path)
        known = {f.name: there[f.name] for f in fields(Secrets) if f.name in there}
        if FOR_HOST in there:
            return Secrets(**{**{f.name: "" for f in fields(Secrets)}, **known})
        if len(known) == len(fields(Secrets)):
            return Secrets(**known)
        made = Secrets(**{**asdict(new()), **known})  # none yet, or kept by an older airfleet that had fewer
        write_private(path, json.dumps(asdict(made), indent=1))
    return made


def renew(path: Path, names: Collection[str], new: Callable[[], Secrets] = generate) -> None:
    """Replace those of these names at ``path`` by new ones. Raises FleetError when the file is damaged."""
    with _alone_in(path.parent):
        made = new()
        write_private(path, json.dumps({**_kept(path), **{name: getattr(made, name) for name in names}}, indent=1))


def parcel(secrets: Secrets, names: Iterable[str], fleet: str, host: str) -> str:
    """Write the text of a file that carries the secrets of these names to a host."""
    chosen = {name: getattr(secrets, name) for name in names}
    return json.dumps({FOR_FLEET: fleet, FOR_HOST: host, **chosen}, indent=1)


def unpack(text: str, fleet: str, host: str | None) -> None:
    """See that a file of :func:`parcel` is for this fleet and host. Raises ValueError with a sentence."""
    try:
        found = json.loads(text)
        its_fleet, its_host = found[FOR_FLEET], found[FOR_HOST]
        if not all(isinstance(value, str) for value in found.values()):
            raise TypeError
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError("it was not written by 'airfleet secrets export'") from None
    if its_fleet != fleet:
        raise ValueError(f"it is of fleet '{its_fleet}', and this one is '{fleet}'")
    if host is not None and its_host != host:
        raise ValueError(f"it is for host '{its_host}', and this one is '{host}'")


def is_parcel(path: Path) -> bool:
    """Tell whether the secrets at ``path`` were imported for one host. Raises FleetError when it is damaged."""
    return FOR_HOST in _kept(path)


def _kept(path: Path) -> dict[str, str]:
    return json_file.read(path, str, _BRING_BACK)


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def load(path: Path) -> Secrets | None:
    """Load the secrets at ``path``; None when it has none yet, or not all of them. Writes nothing.

    Raises FleetError when the file is damaged.
    """
    there = _kept(path)
    missing = {f.name: "" for f in fields(Secrets)} if FOR_HOST in there else {}
    found = {**missing, **there}
    if any(f.name not in found for f in fields(Secrets)):
        return None
    return Secrets(**{f.name: found[f.name] for f in fields(Secrets)})


def write_private(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace ``path`` by ``text`` at once; nobody else can read it at any moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(file.fileno(), mode)  # the umask may have taken bits, an old draft may have had more
        file.write(text)
    os.replace(draft, path)
