"""The signatures of a release, by the file of allowed signers of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.releases.policies.signed_text import Purpose
from airfleet.releases.policies.ssh_keygen import CannotVerify
from airfleet.releases.policies.verdict import Signer, Vouchers
from airfleet.releases.policies.verification import SigningPolicy, verified
from support import ssh_keys

pytestmark = pytest.mark.needs("openssh")

DIGEST = "3" * 64


def test_pushers_and_approvers_are_told_apart_and_strangers_left_out(tmp_path: Path) -> None:
    ada, bob, eve = (ssh_keys.person(tmp_path, name) for name in ("ada", "bob", "eve"))
    (tmp_path / "pushers").write_text(ada.line() + bob.line())
    policy = SigningPolicy("shop", tmp_path, "pushers")
    signatures = (
        ada.signature(DIGEST),
        bob.signature(DIGEST, Purpose.APPROVAL),
        eve.signature(DIGEST),
        eve.signature(DIGEST, Purpose.APPROVAL),
    )
    found = verified(policy, DIGEST, signatures, policy.allowed())
    assert (found.pushers, found.approvers) == ((Signer(("ada",)),), (Signer(("bob",)),))
    assert [why.partition(":")[0] for why in found.refused] == [
        "is signed by a key that is not among the allowed signers"
    ]
    assert verified(policy, DIGEST, (), b"") == Vouchers()


def test_a_file_that_is_not_there_or_cannot_be_read_is_said(tmp_path: Path) -> None:
    policy = SigningPolicy("shop", tmp_path, "keys/pushers")
    with pytest.raises(CannotVerify, match=r"^there is no file keys/pushers of allowed signers on this machine$"):
        policy.allowed()
    (tmp_path / "keys" / "pushers").mkdir(parents=True)
    with pytest.raises(CannotVerify, match=r"^the file keys/pushers cannot be read: Is a directory$"):
        policy.allowed()
