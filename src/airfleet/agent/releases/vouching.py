"""The signatures of releases on this host: which releases it does not take, by its own file of allowed signers.

The database only brings signatures; this host verifies each one. An answer is kept until a signature comes, the file
changes, or ten minutes have passed: keys expire. The file is looked at every ten seconds, so a key that is added, or an
ssh-keygen that is installed, helps without a restart.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from airfleet.agent.releases.decisions import Wanted
from airfleet.events import Event, Log
from airfleet.releases.manifest import SHORT
from airfleet.releases.policies import verdict
from airfleet.releases.policies.signed_text import Signature
from airfleet.releases.policies.ssh_keygen import CannotVerify
from airfleet.releases.policies.verdict import Refusal
from airfleet.releases.policies.verification import SigningPolicy, verified

#: seconds between two looks at the file
LOOK_SECONDS: Final = 10.0
#: seconds for which an answer counts
_KEPT_SECONDS: Final = 600.0


@dataclass(frozen=True)
class _Answer:
    """The answer about one release, and what it was made of."""

    signatures: tuple[Signature, ...]
    allowed: bytes
    until: float
    refusal: Refusal | None


class ReleaseVouching:
    """Refuses releases that nobody vouches for; without a policy, none."""

    def __init__(self, policy: SigningPolicy | None, log: Log, clock: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._log = log
        self._clock = clock
        self._answers: dict[str, _Answer] = {}
        self._said: dict[str, str] = {}
        self._looked_at = clock()

    @property
    def again_at(self) -> float | None:
        """Return when to look again without news; None where nobody has to sign."""
        return self._looked_at + LOOK_SECONDS if self._policy else None

    def refusals(self, wanted: Wanted) -> Mapping[str, Refusal]:
        """Say which of the wanted releases this host does not take, and why; a new reason is logged."""
        if self._policy is None:
            return {}
        self._looked_at = self._clock()
        found = {digest: self._refusal(self._policy, digest, wanted) for digest in wanted.by_urgency}
        refused = {digest: refusal for digest, refusal in found.items() if refusal is not None}
        self._answers = {digest: answer for digest, answer in self._answers.items() if digest in found}
        self._say({digest: refusal for digest, refusal in refused.items() if digest in wanted.awaited})
        return refused

    def _refusal(self, policy: SigningPolicy, digest: str, wanted: Wanted) -> Refusal | None:
        signatures = wanted.signatures.get(digest, ())
        try:
            allowed = policy.allowed()
            kept = self._answers.get(digest)
            if kept is None or not self._counts(kept, signatures, allowed):
                vouchers = verified(policy, digest, signatures, allowed)
                until = self._clock() + _KEPT_SECONDS
                kept = _Answer(signatures, allowed, until, verdict.refusal(vouchers, policy.approval))
                self._answers[digest] = kept
            return kept.refusal
        except CannotVerify as why:
            return Refusal(f"cannot be verified: {why}", is_unsigned=True)

    def _counts(self, kept: _Answer, signatures: tuple[Signature, ...], allowed: bytes) -> bool:
        return (kept.signatures, kept.allowed) == (signatures, allowed) and self._clock() < kept.until

    def _say(self, refused: Mapping[str, Refusal]) -> None:
        for digest, refusal in refused.items():
            if self._said.get(digest) != refusal.sentence:
                self._log(Event.RELEASE_REFUSED, release=digest[:SHORT], why=refusal.sentence)
        self._said = {digest: refusal.sentence for digest, refusal in refused.items()}
