"""Keys of machines: their fingerprints are OpenSSH's own, and known_hosts of the person has the one that was named."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from airfleet.deploy.membership import host_key
from airfleet.deploy.membership.host_key import HostKey
from support.machines import new_key

pytestmark = pytest.mark.needs("sshd")


def key(folder: Path, name: str) -> HostKey:
    new_key(folder / name)
    kind, text, *_ = (folder / f"{name}.pub").read_text().split()
    return HostKey("[work.example.com]:2222", kind, text)


def test_the_fingerprint_is_the_one_that_the_machine_says(tmp_path: Path) -> None:
    found = key(tmp_path, "one")
    words = ["ssh-keygen", "-lf", str(tmp_path / "one.pub")]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert said.split()[1] == found.fingerprint
    assert found.short_kind == "ed25519"


def test_a_key_takes_the_place_of_the_old_one_and_others_stay(tmp_path: Path) -> None:
    old, new = key(tmp_path, "old"), key(tmp_path, "new")
    file = tmp_path / "known" / "hosts"
    program = ["ssh", "-F", "/dev/null", "-p", "2222", "-o", f"UserKnownHostsFile={file}"]
    host_key.trust(program, "work.example.com", old)
    with file.open("a") as opened:
        opened.write(f"other.example.com {new.kind} {new.key}\n")
    assert host_key.is_known(program, "work.example.com", old)
    assert not host_key.is_known(program, "work.example.com", new)
    host_key.trust(program, "work.example.com", new)
    assert not host_key.is_known(program, "work.example.com", old)
    assert host_key.is_known(program, "work.example.com", new)
    assert file.read_text().splitlines() == [f"other.example.com {new.kind} {new.key}", new.line.rstrip()]
