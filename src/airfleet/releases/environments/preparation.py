"""Has the environments of a release built by a process of its own, which may work long and import much."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from airfleet.errors import FleetError
from airfleet.releases.environments import layout
from airfleet.releases.places import Places


class NotReady(FleetError):
    """An environment of a release cannot be built on this host; the message is for people."""


def prepare(places: Places, tree: Path, user: str | None = None) -> None:
    """Build each environment of a release that this host has not yet.

    ``user`` is the one that tasks run as, where it is another. Raises NotReady.
    """
    if not layout.table(tree):
        return
    command = [sys.executable, "-m", "airfleet.releases.environments", str(places.root), str(tree)]
    done = subprocess.run(
        [*command, *([user] if user else [])],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise NotReady(done.stderr.strip() or f"the builder of environments ended with exit code {done.returncode}")
