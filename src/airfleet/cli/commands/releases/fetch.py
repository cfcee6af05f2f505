"""``airfleet fetch``: the files of a release, as a folder of one's own."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airfleet.cli import options
from airfleet.cli.output import release_view, terminal
from airfleet.cli.queries import release_records
from airfleet.errors import FleetError

if TYPE_CHECKING:
    from airfleet.cli.queries.release_records import ReleaseRecords
    from airfleet.releases.manifest import Manifest


@click.command(epilog="\b\nExamples:\n  airfleet fetch live /tmp/live\n  airfleet fetch 3f2a9c81 ../as-it-was")
@click.argument("release")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@options.env
@options.project
def command(release: str, folder: Path, env: str | None, project: Path | None) -> None:
    """Write the files of a release into a folder.

    DIR is a new folder. RELEASE is the beginning of a digest, or 'live'. Every file is compared with its digest.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FleetError(f"{folder} is there already, and not empty", hint="name a folder that is not there yet")
    with release_records.opened(project, env) as records:
        found = records.named(release)
        write(records, records.manifest(found.digest), folder)
    terminal.put(f"{folder} has the {found.files} files of release {release_view.short(found.digest)}")


def write(records: ReleaseRecords, manifest: Manifest, folder: Path) -> None:
    """Write a release beside ``folder``, and rename it when it is whole. Raises FleetError."""
    from airfleet.releases import fetcher
    from airfleet.releases.places import MANIFEST, Places
    from airfleet.releases.stores.objects import Damaged, Missing

    folder.absolute().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".airfleet-fetch-", dir=folder.absolute().parent) as beside:
        try:
            tree = fetcher.fetch(manifest, records.objects, Places(Path(beside, "releases")))
        except (Missing, Damaged) as wrong:
            short = release_view.short(manifest.digest)
            raise FleetError(f"the store lacks a part of release {short}: {wrong}", hint="push it again") from None
        made = Path(beside, "made")
        # Copies that can be written: in the tree, equal files are one.
        shutil.copytree(tree, made, ignore=shutil.ignore_patterns(MANIFEST), copy_function=_copy)
        if folder.is_dir():
            folder.rmdir()
        os.rename(made, folder)


def _copy(source: str, target: str) -> str:
    shutil.copyfile(source, target)
    if os.access(source, os.X_OK):
        os.chmod(target, os.stat(target).st_mode | 0o111)
    return target
