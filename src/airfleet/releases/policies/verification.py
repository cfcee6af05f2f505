"""The signatures of a release, verified by the file of allowed signers of this machine."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from airfleet.releases.policies import ssh_keygen
from airfleet.releases.policies.signed_text import Purpose, Signature, signed_text
from airfleet.releases.policies.ssh_keygen import CannotVerify, Refused
from airfleet.releases.policies.verdict import Signer, Vouchers

#: signatures of one release that are looked at: whoever writes to the database may leave more
_MOST: Final = 100


@dataclass(frozen=True)
class SigningPolicy:
    """Whose releases a fleet takes."""

    fleet: str
    #: the folder with fleet.yaml
    root: Path
    #: the file of allowed signers, as fleet.yaml names it
    signed_by: str
    #: people beside the pusher that have to approve a release
    approval: int = 0

    def allowed(self) -> bytes:
        """Read the file of allowed signers. Raises CannotVerify."""
        try:
            return (self.root / self.signed_by).read_bytes()
        except FileNotFoundError:
            raise CannotVerify(f"there is no file {self.signed_by} of allowed signers on this machine") from None
        except OSError as wrong:
            raise CannotVerify(f"the file {self.signed_by} cannot be read: {wrong.strerror}") from None


def verified(policy: SigningPolicy, digest: str, signatures: Collection[Signature], allowed: bytes) -> Vouchers:
    """Verify the signatures of a release. Raises CannotVerify."""
    if not signatures:  # nothing to ask ssh-keygen
        return Vouchers()
    text = signed_text(policy.fleet, digest)
    found: dict[Purpose, list[Signer]] = {purpose: [] for purpose in Purpose}
    refused: list[str] = []
    for signature in list(signatures)[:_MOST]:
        try:
            found[signature.purpose].append(Signer(ssh_keygen.signers(signature, text, allowed)))
        except OSError as wrong:
            raise CannotVerify(f"temporary files cannot be written: {wrong.strerror}") from None
        except Refused as why:
            refused += [str(why)] if signature.purpose is Purpose.RELEASE else []
    return Vouchers(tuple(found[Purpose.RELEASE]), tuple(found[Purpose.APPROVAL]), tuple(refused))
