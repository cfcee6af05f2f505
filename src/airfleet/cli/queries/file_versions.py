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
    with project_at(root, revision) as folder:
        found = folder / file.absolute().relative_to(root)
        if not found.is_file():
            raise FleetError(f"{file} is not in git:{revision}", hint=f"git log -- {file} says since when it is there")
        yield found


@contextmanager
def project_at(root: Path, revision: str) -> Iterator[Path]:
    """Yield a folder with the files of a project as they are in a commit.

    Raises:
        FleetError: there is no git, no repository, or no such commit.
    """
    content = _git(root, "archive", "--format=tar", revision, ".")
    with tempfile.TemporaryDirectory(prefix="airfleet-git-") as folder:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder)


def commit(root: Path, revision: str) -> str:
    """Give the digest of a commit. Raises FleetError as :func:`project_at`."""
    return _git(root, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}").decode().strip()


def commit_now(root: Path) -> str:
    """Give the digest of the commit that is checked out, with ``+`` where files differ from it; empty without git."""
    try:
        found = commit(root, "HEAD")
        return found + ("+" if _git(root, "status", "--porcelain", "--", ".") else "")
    except FleetError:
        return ""


def _git(folder: Path, *words: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True)
    except FileNotFoundError:
        raise FleetError("git is not installed", hint="without it, only files and folders can be named") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["git failed"]
        raise FleetError(f"git: {said[-1].removeprefix('fatal: ')}")
    return done.stdout
