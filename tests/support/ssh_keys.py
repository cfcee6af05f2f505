"""Keys of people, made by the real ssh-keygen, and lines of files of allowed signers."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from airfleet.releases.policies import ssh_keygen
from airfleet.releases.policies.signed_text import Purpose, Signature, signed_text


@dataclass(frozen=True)
class Person:
    """Somebody with a key."""

    name: str
    key: Path

    @property
    def public(self) -> str:
        """Return kind and public key, as they stand in a file of allowed signers."""
        return " ".join(Path(f"{self.key}.pub").read_text().split()[:2])

    def line(self, options: str = "") -> str:
        """Write the line of this person."""
        return f"{self.name} {options}{' ' if options else ''}{self.public}\n"

    def signature(self, digest: str, purpose: Purpose = Purpose.RELEASE, fleet: str = "shop") -> Signature:
        """Sign a release."""
        return Signature(purpose, ssh_keygen.sign(self.key, purpose, signed_text(fleet, digest)), self.name)


def person(folder: Path, name: str, passphrase: str = "") -> Person:
    """Make a key for somebody."""
    folder.mkdir(parents=True, exist_ok=True)
    key = folder / name.partition("@")[0]
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", name, "-f", str(key)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return Person(name, key)


@contextmanager
def agent(*people: Person) -> Iterator[dict[str, str]]:
    """Start an ssh agent that has these keys; the variables by which it is found."""
    said = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True).stdout
    found = dict(re.findall(r"(SSH_\w+)=([^;]+);", said))
    try:
        for one in people:
            command = ["ssh-add", "-q", str(one.key)]
            subprocess.run(command, env={**os.environ, **found}, check=True, capture_output=True)
        yield found
    finally:
        subprocess.run(["ssh-agent", "-k"], env={**os.environ, **found}, check=True, capture_output=True)
