"""A project's files as they are in a commit, for a while, in a temporary folder."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from airfleet.errors import FleetError


@contextmanager
def at(file: Path, revision: str) -> Iterator[Path]:
    """Yield ``file`` as it is in a commit, beside the other files of its project: pipelines take in parts of those.

    Raises:
        FleetError: there is no git, no repository, no such commit, or no such file in it.
    """
    from airfleet.pipelines.files.project_files import project_root

    root = project_root(file)
    content = _git(root, "archive", "--format=tar", revision, ".")
    with tempfile.TemporaryDirectory(prefix="airfleet-diff-") as folder:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.extractall(folder, filter="data")
        found = Path(folder) / file.absolute().relative_to(root)
        if not found.is_file():
            raise FleetError(f"{file} is not in git:{revision}", hint=f"git log -- {file} says since when it is there")
        yield found


def _git(folder: Path, *words: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True)
    except FileNotFoundError:
        raise FleetError("git is not installed", hint="name two files in place of a commit") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["git failed"]
        raise FleetError(f"git: {said[-1].removeprefix('fatal: ')}")
    return done.stdout
