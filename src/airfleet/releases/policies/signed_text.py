"""The text that people sign when they push or approve a release, and their signatures as values.

The text holds the fleet's name, so a signature for one fleet is none for another, and the digest, which is of every
byte of the release. The namespace keeps a push and an approval apart (PROTOCOL.sshsig of OpenSSH).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum


class Purpose(StrEnum):
    """The meaning of a signature; the words are those of ``airfleet_release_signature``."""

    RELEASE = "release"
    APPROVAL = "approval"

    @property
    def namespace(self) -> str:
        """Return the namespace of ssh-keygen."""
        return f"airfleet-{self.value}"


@dataclass(frozen=True)
class Signature:
    """One signature of a release: as ssh-keygen writes it, and the name that the signing machine has for its key.

    Nothing is proved by it before :mod:`airfleet.releases.policies.verification` has looked at it.
    """

    purpose: Purpose
    text: str
    signer: str = ""


def signed_text(fleet: str, digest: str) -> bytes:
    """Write the text of a release.

    >>> signed_text("shop", "3f2a")
    b'{"fleet":"shop","release":"3f2a"}'
    """
    return json.dumps({"fleet": fleet, "release": digest}, separators=(",", ":")).encode()
