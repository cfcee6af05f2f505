"""Judgements of secrets, as whole sentences."""

from __future__ import annotations

import pytest

from airfleet.agent.control import HostStatus, Snapshot
from airfleet.agent.host_facts import FactDifference, FactKind, HostDifference
from airfleet.agent.states import HostState
from airfleet.doctor.facts import Exposed, Password, ProcessSecrets, Rights
from airfleet.doctor.finding import Seen, State
from airfleet.doctor.judgements import secrets

WRONG, FINE = State.WRONG, State.FINE
TWO = (HostStatus("one", HostState.UP), HostStatus("two", HostState.UP))
FILE = "/srv/.airfleet/secrets.json"


def test_the_keys_of_one_host_are_the_same_everywhere() -> None:
    seen = secrets.keys(Snapshot("shop", "ready", 7, "/home"))
    assert seen == (Seen(FINE, "this fleet has one host, so its keys are the same everywhere"),)


def test_hosts_with_other_keys_are_named_with_the_way_to_carry_them() -> None:
    entries = (FactDifference("fernet_key", "a1", "b2"), FactDifference("jwt_secret", "c3", "d4"))
    differ = (
        HostDifference("two", "one", FactKind.KEYS, entries),
        HostDifference("two", "one", FactKind.PIPELINES, entries),
    )
    seen = secrets.keys(Snapshot("shop", "ready", 7, "/home", hosts=TWO, differences=differ))
    carry = "on 'one': airfleet secrets export --host two -o FILE; on 'two': airfleet secrets import FILE"
    assert seen == (Seen(WRONG, "host 'two' has other keys than 'one': fernet_key; jwt_secret", carry),)


def test_hosts_with_the_same_keys_are_fine() -> None:
    seen = secrets.keys(Snapshot("shop", "ready", 7, "/home", hosts=TWO))
    assert seen == (Seen(FINE, "the fingerprints of keys are the same on all hosts that are up"),)


def test_a_password_that_anybody_could_guess() -> None:
    weak = Password("the password of 'broker' in fleet.yaml", "is one that everybody tries first")
    assert secrets.passwords((Password("fernet_key in secrets.json"), weak)) == (
        Seen(
            WRONG,
            "the password of 'broker' in fleet.yaml is one that everybody tries first",
            "set another one there, then airfleet down and up",
        ),
    )
    assert secrets.passwords((Password("a"), Password("b"))) == (
        Seen(FINE, "none of 2 passwords and keys is a well-known one"),
    )


def test_no_password_is_no_good_news() -> None:
    assert secrets.passwords(()) == (Seen(State.UNKNOWN, "no password and no key is here yet", "airfleet up"),)


@pytest.mark.parametrize(
    ("rights", "sentence", "command"),
    [
        (Rights(FILE, 0o644, 0o600), f"others on this machine can read {FILE} (mode 0644, at most 0600)",
         f"chmod 600 {FILE}"),
        (Rights(FILE, 0o640, 0o600), f"its group can read {FILE} (mode 0640, at most 0600)", f"chmod 600 {FILE}"),
        (Rights(FILE, 0o622, 0o600), f"others on this machine can write {FILE} (mode 0622, at most 0600)",
         f"chmod 600 {FILE}"),
        (Rights("/srv/run", 0o711, 0o700, is_folder=True),
         "others on this machine can enter /srv/run (mode 0711, at most 0700)", "chmod 700 /srv/run"),
        (Rights(FILE, 0o600, 0o600, stranger="ada (uid 7)"), f"{FILE} belongs to ada (uid 7), not to the fleet's owner",
         f"chown it: {FILE}"),
    ],
)  # fmt: skip
def test_rights_that_are_too_wide(rights: Rights, sentence: str, command: str) -> None:
    assert secrets.rights((rights,)) == (Seen(WRONG, sentence, command),)


def test_rights_that_are_narrow_enough() -> None:
    found = (Rights(FILE, 0o400, 0o600), Rights("/srv/.airfleet", 0o711, 0o711, is_folder=True))
    assert secrets.rights(found) == (Seen(FINE, "2 files and folders are private"),)


def test_a_secret_that_a_process_shows() -> None:
    found = ProcessSecrets(9, found=(Exposed(7, "worker", "environment", "jwt_secret"),))
    assert secrets.processes(found) == (
        Seen(
            WRONG,
            "process 7 (worker) shows jwt_secret in its environment",
            "start it without the secret, then airfleet secrets rotate NAME",
        ),
    )


def test_processes_that_could_not_be_read_are_counted() -> None:
    sentence = "no secret in arguments and environments of 9 processes, 2 more could not be read"
    assert secrets.processes(ProcessSecrets(9, hidden=2)) == (Seen(FINE, sentence),)
