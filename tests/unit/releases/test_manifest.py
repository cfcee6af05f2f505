"""Manifests: one name for equal contents, and a form that is read again."""

from __future__ import annotations

import json

import pytest

from airfleet.releases.manifest import File, Manifest, decode

ONE, OTHER = File("a.py", "1" * 64, 3), File("pipelines/b.yaml", "2" * 64, 5, executable=True)


def test_the_order_of_files_makes_no_difference() -> None:
    assert Manifest((ONE, OTHER)).digest == Manifest((OTHER, ONE)).digest


@pytest.mark.parametrize(
    "other",
    [
        Manifest((ONE,)),
        Manifest((ONE, File("pipelines/b.yaml", "2" * 64, 5))),
        Manifest((ONE, File("pipelines/b.yaml", "3" * 64, 5, executable=True))),
        Manifest((ONE, File("pipelines/c.yaml", "2" * 64, 5, executable=True))),
        Manifest((ONE, OTHER), "dags"),
        Manifest((ONE, OTHER), environments={"requirements.txt": "4" * 64}),
    ],
)
def test_everything_that_a_task_can_see_is_in_the_digest(other: Manifest) -> None:
    assert other.digest != Manifest((ONE, OTHER)).digest


def test_a_manifest_is_read_as_it_was_written() -> None:
    manifest = Manifest((ONE, OTHER), "dags", {"requirements.txt": "4" * 64})
    assert decode(manifest.encode()) == manifest
    assert manifest.size == 8


@pytest.mark.parametrize("content", [b"[]", b"{}", json.dumps({"format": 2}).encode()])
def test_another_format_is_no_manifest(content: bytes) -> None:
    with pytest.raises(ValueError, match="not a manifest of a release"):
        decode(content)
