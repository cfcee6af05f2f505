"""The key by which a machine proves that it is the one: what it shows, and the person's known_hosts.

A key becomes known when the person has named it, as the machine itself says it (``ssh-keygen -lf
/etc/ssh/ssh_host_ed25519_key.pub``). Nobody logs in to learn it.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from airfleet.deploy.ssh import CONNECT_SECONDS, explained
from airfleet.errors import FleetError

_OPTIONS: Final = {
    "BatchMode": "yes",
    "ConnectTimeout": CONNECT_SECONDS,
    "GlobalKnownHostsFile": "/dev/null",
    "StrictHostKeyChecking": "accept-new",
    "HashKnownHosts": "no",
    "CheckHostIP": "no",
    "UpdateHostKeys": "no",
    "PreferredAuthentications": "none",
    "ForwardAgent": "no",
    # What a person's configuration may have for logins.
    "RequestTTY": "no",
    "RemoteCommand": "none",
    "ClearAllForwardings": "yes",
    "ControlPath": "none",
    "LogLevel": "ERROR",
}


@dataclass(frozen=True)
class HostKey:
    """A line of known_hosts: the name by which ``ssh`` looks a machine up, the kind of the key, and the key."""

    name: str
    kind: str
    key: str

    @property
    def fingerprint(self) -> str:
        """The sha256 of the key, as OpenSSH writes it."""
        digest = hashlib.sha256(base64.b64decode(self.key)).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"

    @property
    def short_kind(self) -> str:
        """The kind as files of keys are named: ``ed25519``."""
        return next((kind for kind in ("ed25519", "ecdsa", "rsa") if kind in self.kind), "ed25519")

    @property
    def line(self) -> str:
        return f"{self.name} {self.kind} {self.key}\n"


def shown(program: Sequence[str], destination: str) -> HostKey:
    """Ask a machine for its key, on the way that ``ssh`` goes. Raises Unreachable."""
    with tempfile.TemporaryDirectory(prefix="af-key-") as folder:
        file = Path(folder) / "known_hosts"
        told = [f"{name}={value}" for name, value in {**_OPTIONS, "UserKnownHostsFile": file}.items()]
        words = [*program, *(word for one in told for word in ("-o", one)), "--", destination, "true"]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        lines = file.read_text("utf-8").split("\n") if file.exists() else []
    if not (words := next((line.split() for line in lines if len(line.split()) > 2), [])):
        raise explained(done.stderr)
    return HostKey(*words[:3])


def is_known(program: Sequence[str], destination: str, key: HostKey) -> bool:
    """Tell whether the person's known_hosts has this very key."""
    found = subprocess.run(
        ["ssh-keygen", "-F", key.name, "-f", str(_file(program, destination))],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return any(line.split()[1:3] == [key.kind, key.key] for line in found.stdout.splitlines())


def trust(program: Sequence[str], destination: str, key: HostKey) -> None:
    """Put a key into the person's known_hosts, in the place of others of that machine. Raises FleetError."""
    file = _file(program, destination)
    if file.exists():
        words = ["ssh-keygen", "-R", key.name, "-f", str(file)]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise FleetError(f"{file} cannot be changed: {done.stderr.strip()}")
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as opened:
        opened.write(key.line)


def _file(program: Sequence[str], destination: str) -> Path:
    """Name the first of the files that ``ssh`` looks into for this machine."""
    words = [*program, "-G", "--", destination]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    named = (line.split()[1] for line in done.stdout.splitlines() if line.startswith("userknownhostsfile "))
    return Path(next(named, "~/.ssh/known_hosts")).expanduser()
