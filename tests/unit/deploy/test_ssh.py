"""The person's own ssh: its options, its input, and sentences for what it says."""

from __future__ import annotations

import io
import stat
import tarfile
from pathlib import Path

import pytest

from airfleet.deploy import ssh
from airfleet.deploy.remote import File, Unreachable, write_tar
from airfleet.deploy.ssh import Ssh


def program(folder: Path, text: str) -> str:
    """A program in the place of ``ssh``: it writes down its words."""
    file = folder / "ssh"
    file.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {folder}/words\n{text}\n')
    file.chmod(0o755)
    return str(file)


def host(tmp_path: Path, text: str, destination: str = "work-1", user: str = "") -> Ssh:
    return Ssh("work", destination, [program(tmp_path, text), "-F", "config"], tmp_path, user)


def words(tmp_path: Path) -> list[str]:
    return (tmp_path / "words").read_text().splitlines()


def test_it_asks_nothing_and_keeps_one_connection(tmp_path: Path) -> None:
    assert host(tmp_path, "echo fine").run("echo 'a b'").out == "fine\n"
    said = words(tmp_path)
    assert said[:2] == ["-F", "config"]
    assert {"BatchMode=yes", "ControlMaster=auto"} < set(said)
    assert not [word for word in said if "StrictHostKeyChecking" in word], "known hosts are the person's"
    assert said[-3:] == ["--", "work-1", """sh -c 'echo '"'"'a b'"'"''"""]


@pytest.mark.parametrize(
    ("destination", "login"), [("work-1", ["-l", "shop"]), ("root@work-1", []), ("ssh://root@work-1:22", [])]
)
def test_the_user_of_fleet_yaml_logs_in_where_the_destination_names_nobody(
    tmp_path: Path, destination: str, login: list[str]
) -> None:
    host(tmp_path, "true", destination, "shop").run("true")
    said = words(tmp_path)
    assert said[said.index("--") - len(login) : said.index("--")] == login
    assert ("-l" in said) == bool(login)


def test_files_go_through_the_input_alone(tmp_path: Path) -> None:
    host(tmp_path, f"cat > {tmp_path}/input").run("tar -x", {"secrets/token": File(b"s3cret")})
    with tarfile.open(tmp_path / "input") as archive:
        [entry] = archive.getmembers()
        assert (entry.name, entry.mode) == ("secrets/token", 0o600)
    assert "s3cret" not in " ".join(words(tmp_path))


def test_a_script_that_reads_nothing_of_its_input_says_why_it_has_ended(tmp_path: Path) -> None:
    answer = host(tmp_path, "echo no room >&2; exit 1").run("true", {"big": File(bytes(10**6))})
    assert (answer.code, answer.last_line) == (1, "no room")


def test_a_host_that_does_not_answer_in_time_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="did not answer within 0 s"):
        host(tmp_path, "exec sleep 60").run("true", seconds=0.3)


def test_a_missing_program_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="there is no program '/nowhere/ssh' here"):
        Ssh("work", "work-1", ["/nowhere/ssh"], tmp_path).run("true")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("Host key verification failed.", "has a key that known_hosts does not have"),
        (
            "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
            "has another key than the one that known_hosts has: it is another machine, or somebody is in between",
        ),
        ("deploy@work: Permission denied (publickey).", "lets nobody in with the keys of this machine"),
        (
            "ssh: Could not resolve hostname nowhere: Name or service not known",
            "has a name that nobody resolves here",
        ),
        ("ssh: connect to host x port 22: Connection refused", "refuses the connection: no sshd listens there"),
        ("ssh: connect to host x port 22: Connection timed out", "does not answer"),
        ("Bad owner or permissions on config", "cannot be reached: Bad owner or permissions on config"),
        ("", "cannot be reached: ssh has ended"),
    ],
)
def test_what_ssh_says_becomes_a_sentence(said: str, sentence: str) -> None:
    assert ssh.explained(said).sentence == sentence


def test_files_in_a_stream_are_private_from_the_first_byte(tmp_path: Path) -> None:
    stream = io.BytesIO()
    write_tar({"a": File(b"1"), "b": File(tmp_path / "big")} if (tmp_path / "big").write_bytes(b"22") else {}, stream)
    stream.seek(0)
    with tarfile.open(fileobj=stream) as archive:
        found = {entry.name: (entry.size, stat.S_IMODE(entry.mode)) for entry in archive}
    assert found == {"a": (1, 0o600), "b": (2, 0o600)}
