"""The people who vouch for a release, as this machine can tell: signers by its file, or authors of approvals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from airfleet.cli.output import release_view
from airfleet.errors import FleetError

if TYPE_CHECKING:
    from airfleet.cli.queries.release_records import ReleaseRecords
    from airfleet.releases.policies.verdict import Vouchers
    from airfleet.releases.policies.verification import SigningPolicy
    from airfleet.releases.registry import Release


@dataclass(frozen=True)
class Approvals:
    """The people who have approved a release, of those that count, and how many have to."""

    people: tuple[str, ...] = ()
    needed: int = 0

    @property
    def are_enough(self) -> bool:
        """Whether the release may be live."""
        return len(self.people) >= self.needed

    def __str__(self) -> str:
        from airfleet.releases.policies import verdict

        return verdict.lacks(len(self.people), self.needed)


def policy_of(records: ReleaseRecords) -> SigningPolicy | None:
    """Give the policy of a fleet whose releases have to be signed."""
    from airfleet.releases.policies.verification import SigningPolicy

    fleet = records.fleet
    told = fleet.policies.push
    return SigningPolicy(fleet.name, Path(fleet.root), told.signed_by, told.approval) if told.signed_by else None


def of(records: ReleaseRecords, digest: str) -> Vouchers:
    """Verify the signatures of a release by the file that is here. Raises FleetError."""
    from airfleet.releases.policies import records as vouching
    from airfleet.releases.policies.ssh_keygen import CannotVerify
    from airfleet.releases.policies.verdict import Vouchers
    from airfleet.releases.policies.verification import verified

    policy = policy_of(records)
    if policy is None:
        return Vouchers()
    signatures = vouching.signatures(records.connection, [digest]).get(digest, ())
    try:
        return verified(policy, digest, signatures, policy.allowed())
    except CannotVerify as why:
        raise FleetError(f"signatures cannot be verified here: {why}", hint="airfleet check") from None


def approvals(records: ReleaseRecords, release: Release, found: Vouchers | None = None) -> Approvals:
    """Count the approvals of a release; ``found`` is who vouches for it, if that is known. Raises FleetError."""
    from airfleet.releases.policies import records as vouching
    from airfleet.releases.policies import verdict

    needed = records.fleet.policies.push.approval
    if not needed:
        return Approvals()
    if policy_of(records) is not None:
        found = found or of(records, release.digest)
        return Approvals(tuple(map(str, verdict.approvers(found))), needed)
    given = vouching.approvals(records.connection, release.digest)
    return Approvals(tuple(one.about.author for one in given if one.about.author != release.about.author), needed)


def require_for_rollback(records: ReleaseRecords, release: Release) -> None:
    """Raise FleetError when a release lacks approvals; one that was live had them.

    Hosts ask for signed approvals also of a release that was live before anybody asked for them.
    """
    from airfleet.releases.policies import records as vouching

    found = approvals(records, release)
    if found.are_enough:
        return
    if policy_of(records) is None and vouching.was_live(records.connection, release.digest):
        return
    short = release_view.short(release.digest)
    raise FleetError(f"release {short} may not go live: it {found}", hint=f"airfleet releases approve {short}")
