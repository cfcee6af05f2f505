"""What an image is built from; that it builds, and that a fleet runs in it, is shown by a real one."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from airfleet.fleet.config.spec import Fleet, Proxy
from airfleet.render import image
from support.documents import REPOSITORY

GOLDEN = Path(__file__).parents[2] / "golden" / "image"
PLAIN = Fleet("shop", "/srv/shop")
WITH_NGINX = Fleet("shop", "/srv/shop", proxy=Proxy(("local",), "airflow.example.com"))


@pytest.mark.parametrize(("name", "fleet"), [("plain", PLAIN), ("nginx", WITH_NGINX)])
def test_the_whole_text(name: str, fleet: Fleet) -> None:
    file, text = GOLDEN / f"{name}.Containerfile", image.containerfile(fleet, (3, 12))
    if os.environ.get("AIRFLEET_WRITE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text()


def test_the_lock_is_that_of_the_repository_each_distribution_with_its_hashes() -> None:
    lock = image.files(PLAIN)["airfleet.lock"]
    assert lock == (REPOSITORY / "requirements" / "airfleet.lock").read_text()
    pinned = re.findall(r"^[a-z][^=\n]*==[^\n]*\\$\n +--hash=sha256:", lock, re.MULTILINE)
    assert len(pinned) == len(re.findall(r"^[a-z]", lock, re.MULTILINE)) > 100


def test_every_file_that_is_copied_is_there() -> None:
    files = image.files(PLAIN)
    copied = re.findall(r"^COPY (?:--chmod=\d+ )?(\S+\.\w+) ", files["Containerfile"], re.MULTILINE)
    assert copied == ["entry.sh"]
    assert set(copied) <= set(files)


def entry(folder: Path, *words: str, with_secrets: bool) -> list[str]:
    """Run the entry point beside an airfleet that says how it was called; the lines that it said."""
    secrets = folder / "secrets"
    if with_secrets:
        secrets.write_text("{}")
    program = folder / "airfleet"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    text = image.entry().replace(image.SECRETS, str(secrets))
    environ = {"PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-c", text, "entry", *words], env=environ, capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout.replace(str(secrets), "FILE").splitlines()


@pytest.mark.parametrize(
    ("words", "with_secrets", "called"),
    [
        (("up", "--drain", "60s"), True, ["secrets import FILE", "up --drain 60s"]),
        (("up",), False, ["up"]),
        (("status",), True, ["status"]),
        ((), True, [""]),
        (("sh", "-c", "echo $0 $#", "own"), True, ["own 0"]),
    ],
)
def test_a_container_keeps_its_secrets_before_it_starts(
    words: tuple[str, ...], with_secrets: bool, called: list[str], tmp_path: Path
) -> None:
    assert entry(tmp_path, *words, with_secrets=with_secrets) == called
