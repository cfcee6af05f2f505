"""Whether those who vouch for a release are enough."""

from __future__ import annotations

import pytest

from airfleet.releases.policies.verdict import Refusal, Signer, Vouchers, approvers, refusal

ADA, BOB, EVE = Signer(("ada",)), Signer(("bob",)), Signer(("eve",))
ADA_AT_HOME = Signer(("ada@home", "ada"))
UNSIGNED = Refusal("is signed by nobody", is_unsigned=True)
NOBODY, ONE = Refusal("has 0 of 1 approval"), Refusal("has 1 of 2 approvals")


@pytest.mark.parametrize(
    ("vouchers", "approval", "found"),
    [
        (Vouchers(), 0, UNSIGNED),
        (Vouchers(approvers=(BOB,)), 0, UNSIGNED),
        (Vouchers(refused=("is damaged", "is old")), 0, Refusal("is damaged", is_unsigned=True)),
        (Vouchers((ADA,), refused=("is damaged",)), 0, None),
        (Vouchers((ADA,)), 1, NOBODY),
        (Vouchers((ADA,), (ADA,)), 1, NOBODY),
        (Vouchers((ADA,), (ADA_AT_HOME,)), 1, NOBODY),
        (Vouchers((ADA,), (BOB,)), 1, None),
        (Vouchers((ADA,), (BOB, BOB)), 2, ONE),
        (Vouchers((EVE,), (ADA, ADA_AT_HOME)), 2, ONE),
        (Vouchers((ADA,), (BOB, EVE)), 2, None),
    ],
)
def test_a_release_is_refused_until_enough_people_vouch_for_it(
    vouchers: Vouchers, approval: int, found: Refusal | None
) -> None:
    assert refusal(vouchers, approval) == found


def test_a_second_push_takes_no_approval_away() -> None:
    both = Vouchers((BOB, ADA), (BOB,))
    assert approvers(both) == (BOB,)
    assert refusal(both, 1) is None
