"""Runs uv, which resolves and installs distributions.

Its indexes, mirrors and passwords are those that the user's environment and uv's own files name.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from uv import find_uv_bin

#: lines of what uv says at last that are shown
LAST_LINES: Final = 12
_PASSWORD: Final = re.compile(r"(?<=://)[^/@\s]+@")
#: installations are shared with others: they are readable, whoever made them
_UMASK: Final = 0o022
_OTHER_PYTHONS: Final = ("VIRTUAL_ENV", "UV_PYTHON", "PYTHONPATH")


class Failed(Exception):
    """uv has ended with an error; ``lines`` are the last that it has said, without passwords."""

    def __init__(self, said: str) -> None:
        self.said = _PASSWORD.sub("", said).strip()
        self.lines = tuple(line.rstrip() for line in self.said.splitlines()[-LAST_LINES:])
        super().__init__("\n".join(self.lines))

    @property
    def sentence(self) -> str:
        """The last lines as one."""
        return " ".join(" ".join(self.lines).split()).removeprefix("error: ")


def run(*arguments: str | Path, folder: Path, more: Mapping[str, str] | None = None) -> str:
    """Run uv in a folder and return its output. Raises Failed."""
    done = subprocess.run(
        [find_uv_bin(), *(os.fspath(one) for one in arguments), "--quiet", "--color", "never", "--no-progress"],
        cwd=folder,
        env=_environment() | dict(more or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        umask=_UMASK,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(done.stderr)
    return done.stdout


def _environment() -> dict[str, str]:
    """Give the user's variables, without what would name another Python or environment."""
    others = {name: value for name, value in os.environ.items() if name not in _OTHER_PYTHONS}
    return {**others, "UV_PYTHON_DOWNLOADS": "never"}
