"""The verdict on a release: whether those who vouch for it are enough. Pure.

1. Somebody of the allowed signers has pushed it, or it is unsigned: a host does not even fetch it.
2. As many other people have approved it as ``approval`` asks for, or it waits: a host has it, and does not make it
   live.

People are told apart by the names of their keys in the file. Two keys with one name in common are one person.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Signer:
    """A person whose signature was verified: all names that the file has for the key."""

    names: tuple[str, ...]

    def is_also(self, other: Signer) -> bool:
        """Tell whether two signers are one person.

        >>> Signer(("ada", "ada@home")).is_also(Signer(("ada",))), Signer(("ada",)).is_also(Signer(("bob",)))
        (True, False)
        """
        return not set(self.names).isdisjoint(other.names)

    def __str__(self) -> str:
        return self.names[0]


@dataclass(frozen=True)
class Vouchers:
    """The people who vouch for a release, and why signatures of a push do not count."""

    pushers: tuple[Signer, ...] = ()
    approvers: tuple[Signer, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """The reason why a release does not go live; the sentence goes on after "it".

    ``is_unsigned``: it may not be on a host at all.
    """

    sentence: str
    is_unsigned: bool = False


def refusal(vouchers: Vouchers, approval: int) -> Refusal | None:
    """Judge a release of which ``approval`` people beside the pusher have to approve; None when it may be live."""
    if not vouchers.pushers:
        return Refusal(vouchers.refused[0] if vouchers.refused else "is signed by nobody", is_unsigned=True)
    count = len(approvers(vouchers))
    return None if count >= approval else Refusal(lacks(count, approval))


def approvers(vouchers: Vouchers) -> tuple[Signer, ...]:
    """List the approvers that count: each once, and none that is the pusher.

    Where several people have signed the push, the one counts as the pusher with whom most approvals are left.
    """
    found = (_distinct(one for one in vouchers.approvers if not one.is_also(pusher)) for pusher in vouchers.pushers)
    return max(found, key=len, default=())


def lacks(count: int, approval: int) -> str:
    """Say how many approvals are missing.

    >>> lacks(0, 1), lacks(1, 2)
    ('has 0 of 1 approval', 'has 1 of 2 approvals')
    """
    return f"has {count} of {approval} {'approval' if approval == 1 else 'approvals'}"


def _distinct(signers: Iterable[Signer]) -> tuple[Signer, ...]:
    counted: list[Signer] = []
    for one in signers:
        if not any(one.is_also(other) for other in counted):
            counted.append(one)
    return tuple(counted)
