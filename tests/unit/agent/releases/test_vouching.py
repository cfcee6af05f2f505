"""What a host makes of signatures, by a file of allowed signers that changes beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airfleet.agent.releases.decisions import Wanted
from airfleet.agent.releases.vouching import LOOK_SECONDS, ReleaseVouching
from airfleet.events import Event
from airfleet.releases.policies.signed_text import Purpose
from airfleet.releases.policies.verdict import Refusal
from airfleet.releases.policies.verification import SigningPolicy
from support import ssh_keys

pytestmark = pytest.mark.needs("openssh")

DIGEST = "3" * 64


class Host:
    """A host with a clock that a test moves, and what it logs."""

    def __init__(self, root: Path, approval: int = 0) -> None:
        self.now = 100.0
        self.said: list[str] = []
        self.file = root / "pushers"
        policy = SigningPolicy("shop", root, "pushers", approval)
        self.vouching = ReleaseVouching(policy, self._log, lambda: self.now)

    def _log(self, event: Event, **payload: Any) -> None:
        self.said.append(event.value.format(**payload))

    def refusal(self, *signatures: Any) -> Refusal | None:
        """Ask about the one release that is wanted."""
        return self.vouching.refusals(Wanted(live=DIGEST, signatures={DIGEST: signatures})).get(DIGEST)


def test_without_a_policy_nothing_is_refused_and_nothing_looked_at() -> None:
    vouching = ReleaseVouching(None, lambda *_, **__: None)
    assert (vouching.refusals(Wanted(live=DIGEST)), vouching.again_at) == ({}, None)


def test_a_release_is_judged_anew_when_the_file_or_its_signatures_change(tmp_path: Path) -> None:
    host, ada, bob = Host(tmp_path, approval=1), *(ssh_keys.person(tmp_path, name) for name in ("ada", "bob"))
    pushed, approved = ada.signature(DIGEST), bob.signature(DIGEST, Purpose.APPROVAL)
    host.file.write_text(ada.line())
    assert host.refusal() == Refusal("is signed by nobody", is_unsigned=True)
    assert host.refusal(pushed) == Refusal("has 0 of 1 approval")
    assert host.refusal(pushed, approved) == Refusal("has 0 of 1 approval")
    host.file.write_text(ada.line() + bob.line())
    assert host.refusal(pushed, approved) is None
    host.file.write_text(bob.line())
    found = host.refusal(pushed, approved)
    assert found is not None
    assert (found.is_unsigned, found.sentence[:59]) == (
        True,
        "is signed by a key that is not among the allowed signers: E",
    )
    host.file.unlink()
    found = host.refusal(pushed, approved)
    assert found == Refusal(
        "cannot be verified: there is no file pushers of allowed signers on this machine", is_unsigned=True
    )


def test_a_reason_is_logged_once(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.file.touch()
    for _ in range(3):
        host.refusal()
    assert host.said == ["release 333333333333 may not go live on this host: it is signed by nobody"]


def test_an_answer_is_kept_for_minutes_since_keys_expire_and_an_ssh_keygen_may_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, ada = Host(tmp_path), ssh_keys.person(tmp_path, "ada")
    host.file.write_text(ada.line())
    signature = ada.signature(DIGEST)
    with monkeypatch.context() as without:
        without.setenv("PATH", str(tmp_path))
        missing = "cannot be verified: ssh-keygen is not installed on this machine (package openssh-client)"
        assert host.refusal(signature) == Refusal(missing, is_unsigned=True)
    assert host.refusal(signature) is None
    with monkeypatch.context() as without:
        without.setenv("PATH", str(tmp_path))
        assert host.refusal(signature) is None
        assert host.vouching.again_at == host.now + LOOK_SECONDS
        host.now += 601.0
        assert host.refusal(signature) == Refusal(missing, is_unsigned=True)
