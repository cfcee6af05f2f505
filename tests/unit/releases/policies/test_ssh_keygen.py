"""Signatures by the real ssh-keygen: which count, and the sentences about those that do not."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from airfleet.releases.policies import ssh_keygen
from airfleet.releases.policies.signed_text import Purpose, Signature, signed_text
from airfleet.releases.policies.ssh_keygen import CannotVerify, NotSigned, Refused
from support import ssh_keys
from support.ssh_keys import Person

pytestmark = pytest.mark.needs("openssh")

DIGEST = "3" * 64
TEXT = signed_text("shop", DIGEST)
OF_ANOTHER = "has a signature that is not of this release, or not for this fleet"
#: signs with a key, and prints the signature or why there is none
_SIGN = """\
import sys
from pathlib import Path
from airfleet.releases.policies import ssh_keygen
from airfleet.releases.policies.signed_text import Purpose
try:
    print(ssh_keygen.sign(Path(sys.argv[1]), Purpose.RELEASE, b"x"))
except ssh_keygen.NotSigned as why:
    print(why)
"""


@pytest.fixture(scope="module")
def ada(tmp_path_factory: pytest.TempPathFactory) -> Person:
    return ssh_keys.person(tmp_path_factory.mktemp("keys"), "ada@shop.example")


@pytest.fixture(scope="module")
def bob(tmp_path_factory: pytest.TempPathFactory) -> Person:
    return ssh_keys.person(tmp_path_factory.mktemp("keys"), "bob@shop.example")


@pytest.fixture(scope="module")
def signature(ada: Person) -> Signature:
    return ada.signature(DIGEST)


def test_a_signature_names_its_signer_by_the_file(ada: Person, bob: Person, signature: Signature) -> None:
    allowed = f"# people\n{bob.line()}{ada.line()}"
    assert ssh_keygen.signers(signature, TEXT, allowed.encode()) == ("ada@shop.example",)
    assert ssh_keygen.signers(bob.signature(DIGEST), TEXT, allowed.encode()) == ("bob@shop.example",)


def test_a_key_may_have_several_names(ada: Person, signature: Signature) -> None:
    allowed = f"ada,!eve,ada@home {ada.public}\n".encode()
    assert ssh_keygen.signers(signature, TEXT, allowed) == ("ada", "ada@home")


def test_a_signature_of_another_text_fleet_or_purpose_does_not_count(ada: Person, signature: Signature) -> None:
    allowed = ada.line().encode()
    approval = replace(signature, purpose=Purpose.APPROVAL)
    damaged = replace(signature, text=signature.text.replace("A", "B"))
    for one, text in (
        (signature, signed_text("shop", "4" * 64)),
        (signature, signed_text("stop", DIGEST)),
        (approval, TEXT),
        (damaged, TEXT),
        (replace(signature, text=""), TEXT),
        (replace(signature, text="no signature \udcff"), TEXT),
    ):
        with pytest.raises(Refused, match=f"^{OF_ANOTHER}$"):
            ssh_keygen.signers(one, text, allowed)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("", ""),
        ('valid-before="20200101"', " (key has expired: verify time "),
        ('namespaces="git"', ' (key is not permitted for use in signature namespace "airfleet-release")'),
    ],
)
def test_a_key_that_the_file_does_not_take_is_named(
    ada: Person, bob: Person, signature: Signature, options: str, why: str
) -> None:
    allowed = bob.line() + (ada.line(options) if options else "")
    with pytest.raises(Refused) as refused:
        ssh_keygen.signers(signature, TEXT, allowed.encode())
    said, _, rest = str(refused.value).partition(": ED25519 key SHA256:")
    assert said == "is signed by a key that is not among the allowed signers"
    assert why in rest


def test_lines_that_ssh_keygen_does_not_take_are_found(ada: Person) -> None:
    text = f"# comment\n\n{ada.line()}ada\nada ssh-ed25519 AAAA\n{ada.line('colour=red')}*.example {ada.public}\n"
    assert list(ssh_keygen.complaints(text.encode())) == [
        (4, "missing key"), (5, "invalid key"), (6, "bad options: unknown key option"),
    ]  # fmt: skip
    assert list(ssh_keygen.complaints(b"")) == []


def test_a_key_with_a_passphrase_is_asked_of_an_agent_where_there_is_no_terminal(tmp_path: Path) -> None:
    eve = ssh_keys.person(tmp_path, "eve", passphrase="hidden")
    done = _signed_without_a_terminal(eve.key)
    assert done == (
        f"the key {eve.key} has a passphrase, and there is no terminal to ask for it\n"
        f"hint: let an ssh agent have it: ssh-add {eve.key}"
    )


def test_a_passphrase_is_asked_on_the_terminal_by_ssh_keygen_itself(tmp_path: Path) -> None:
    eve = ssh_keys.person(tmp_path, "eve", passphrase="hidden")
    pid, terminal = pty.fork()
    if pid == 0:
        environ = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "SSH_AUTH_SOCK")}
        os.execve(sys.executable, [sys.executable, "-c", _SIGN, str(eve.key)], environ)
    said = b""
    while b"passphrase" not in said:
        said += os.read(terminal, 1024)
    os.write(terminal, b"hidden\n")
    with suppress(OSError):  # the terminal is gone with the process
        while more := os.read(terminal, 1024):
            said += more
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert b"BEGIN SSH SIGNATURE" in said
    assert b"hidden" not in said


def test_a_public_key_signs_through_the_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    eve = ssh_keys.person(tmp_path, "eve")
    public = Person("eve", Path(f"{eve.key}.pub"))
    with ssh_keys.agent(eve) as variables:
        eve.key.unlink()
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        signature = public.signature(DIGEST)
    allowed = f"eve {' '.join(public.key.read_text().split()[:2])}\n".encode()
    assert ssh_keygen.signers(signature, TEXT, allowed) == ("eve",)


def _signed_without_a_terminal(key: Path) -> str:
    """Sign in a session of its own, and give the sentence."""
    environ = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "SSH_AUTH_SOCK")}
    command = [sys.executable, "-c", _SIGN, str(key)]
    done = subprocess.run(
        command, env=environ, start_new_session=True, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=True, timeout=30,
    )  # fmt: skip
    return done.stdout.strip()


def test_a_key_that_cannot_sign_is_said(ada: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    missing, public, open_to_all = tmp_path / "missing", tmp_path / "ada.pub", tmp_path / "open"
    public.write_text(ada.public)
    open_to_all.write_bytes(ada.key.read_bytes())
    open_to_all.chmod(0o644)
    for key, words in (
        (missing, f"there is no key {missing}\nhint: ssh-keygen -t ed25519 makes one"),
        (
            public,
            f'nothing was signed with {public}: No private key found for public key "{public}"\n'
            "hint: its private key may be missing: ssh-add -l lists what the agent has",
        ),
        (open_to_all, f"nothing was signed with {open_to_all}: Permissions 0644 for '{open_to_all}' are too open."),
    ):
        with pytest.raises(NotSigned) as refused:
            ssh_keygen.sign(key, Purpose.RELEASE, TEXT)
        assert str(refused.value) == words


def test_a_machine_without_ssh_keygen_says_so(
    ada: Person, signature: Signature, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = "ssh-keygen is not installed on this machine (package openssh-client)"
    with pytest.raises(CannotVerify) as refused:
        ssh_keygen.signers(signature, TEXT, ada.line().encode())
    assert str(refused.value) == missing
    with pytest.raises(NotSigned) as not_signed:
        ssh_keygen.sign(ada.key, Purpose.RELEASE, TEXT)
    assert str(not_signed.value) == f"nothing was signed: {missing}"
