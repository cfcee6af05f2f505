"""Project folders for tests of releases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from airfleet.releases.stores.objects import Missing

PIPELINE = "dag_id: hello\ntasks: [{id: one, uses: bash, with: {bash_command: 'true'}}]\n"


def project(root: Path, files: Mapping[str, str | bytes] | None = None) -> Path:
    """Write a project with one pipeline and more files (path -> content)."""
    for path, content in {"fleet.yaml": "name: shop\n", "pipelines/hello.yaml": PIPELINE, **(files or {})}.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


class MemoryObjects:
    """A store in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def missing(self, digests: Iterable[str]) -> frozenset[str]:
        return frozenset(digests) - self.kept.keys()

    def put(self, digest: str, content: Iterable[bytes]) -> None:
        self.kept[digest] = b"".join(content)

    def get(self, digest: str) -> Iterator[bytes]:
        if digest not in self.kept:
            raise Missing(digest)
        yield self.kept[digest]

    def delete(self, digests: Iterable[str]) -> None:
        for digest in digests:
            self.kept.pop(digest, None)

    def digests(self) -> Iterator[str]:
        yield from sorted(self.kept)

    def size(self) -> int:
        return sum(map(len, self.kept.values()))
