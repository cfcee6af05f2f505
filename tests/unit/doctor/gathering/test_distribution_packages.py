"""Fixes that a distribution has taken back, as its changelogs name them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from airfleet.doctor.gathering import distribution_packages

CHANGELOG = """\
redis (5:7.0.15-1~deb12u10) bookworm-security; urgency=high

  * CVE-2025-49844: Prevent a use-after-free. (Closes: #1117553)

redis (5:7.0.15-1) unstable; urgency=medium

  * New upstream release, with the fix of CVE-2023-45145.
"""


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "redis-server"
    folder.mkdir()
    (folder / "changelog.Debian.gz").write_bytes(gzip.compress(CHANGELOG.encode()))
    return tmp_path


@pytest.mark.parametrize(
    ("product", "version", "found"),
    [
        ("redis", "7.0.15", {"CVE-2025-49844", "CVE-2023-45145"}),
        ("redis", "7.0.1", set()),
        ("redis", "7.2.0", set()),
        ("valkey", "7.0.15", set()),
    ],
)
def test_the_changelog_of_this_version_names_what_is_fixed(
    documents: Path, product: str, version: str, found: set[str]
) -> None:
    assert distribution_packages.fixes(product, version, documents) == found


WHOLE = gzip.compress(CHANGELOG.encode())


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", WHOLE[:-20], WHOLE[:12] + b"\xff" * 40 + WHOLE[52:], gzip.compress(b"\xff")],
    ids=["empty", "another format", "cut", "damaged", "no text"],
)
def test_a_changelog_that_cannot_be_read_names_nothing(documents: Path, content: bytes) -> None:
    (documents / "redis-server" / "changelog.Debian.gz").write_bytes(content)
    assert distribution_packages.fixes("redis", "7.0.15", documents) == frozenset()
