"""Has the environments of a release built by a process of its own, which may work long and import much."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from airfleet.errors import FleetError, parted
from airfleet.releases.environments import layout, lock
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
    code, said = _run([*command, *([user] if user else [])])
    if code != 0:
        sentence, hint = parted(said)
        raise NotReady(sentence or f"the builder of environments ended with exit code {code}", hint)


def _run(command: list[str]) -> tuple[int, str]:
    """Run the builder; return its exit code, and what it says. Its input ends with this process, and then it ends."""
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, process_group=0, **pipes) as builder:
        said = builder.stderr.read() if builder.stderr else b""
        return builder.wait(), said.decode(errors="replace")


def is_ready(places: Places, tree: Path) -> bool:
    """Tell whether every environment of a release is built here, for what is installed here."""
    digests = set(layout.table(tree).values())
    return all(layout.is_whole(places.environment(digest), lock.here()) for digest in digests)
