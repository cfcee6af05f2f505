"""The files of a project folder that no release has: what never travels, and what ignore files leave out.

``.airfleetignore`` and ``.gitignore`` count at every depth, with git's patterns (pathspec reads them). A later line
wins over an earlier one, a deeper file over an outer one, ``.airfleetignore`` over ``.gitignore`` of the same folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pathspec import GitIgnoreSpec

IGNORE_FILES: Final = (".gitignore", ".airfleetignore")
#: names that never travel, at any depth
_NEVER: Final = frozenset(
    {
        ".airfleet",
        ".airfleet-python",
        ".airfleet-release.json",
        ".git",
        ".hg",
        ".svn",
        "__pycache__",
        ".mypy_cache",
        ".pytest_cache",
    }
    | {".ruff_cache", ".tox", ".nox", ".venv", "venv", "node_modules", ".DS_Store", ".ipynb_checkpoints"}
)
_NEVER_LIKE: Final = re.compile(r"\.env(\..*)?|.*\.py[co]|\.venv.*|.*\.egg-info|.*\.sw[po]|\.?#.*#?|.*~")
#: at the root alone: a host has its own, and they may name secrets
_FLEET: Final = re.compile(r"fleet(\..+)?\.ya?ml")


@dataclass(frozen=True)
class IgnoreRules:
    """The rules that count in one folder: of each outer ignore file, its folder and its patterns."""

    specs: tuple[tuple[str, GitIgnoreSpec], ...] = ()

    def entering(self, folder: str, ignore_file: Path) -> IgnoreRules:
        """Add the rules of a file in ``folder``, a path below the root, empty for the root itself. Raises OSError."""
        return IgnoreRules((*self.specs, (folder, _patterns(_lines(ignore_file)))))

    def leave_out(self, path: str, *, is_folder: bool) -> bool:
        """Tell whether a release does without ``path``, given below the root with slashes."""
        name = path.rpartition("/")[2]
        if name in _NEVER or _NEVER_LIKE.fullmatch(name):
            return True
        if path == name and _FLEET.fullmatch(name):
            return True
        for folder, spec in reversed(self.specs):
            below = path[len(folder) + 1 :] if folder else path
            decided = spec.check_file(f"{below}/" if is_folder else below).include
            if decided is not None:
                return decided
        return False


def _patterns(lines: Sequence[str]) -> GitIgnoreSpec:
    """Read patterns as git does: a line that is none, such as a lone ``!``, leaves nothing out."""
    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError:
        return GitIgnoreSpec.from_lines(_valid(lines))


def _valid(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        with suppress(ValueError):
            GitIgnoreSpec.from_lines([line])
            yield line


def _lines(file: Path) -> list[str]:
    """Read patterns; bytes that are no text become characters that no name has."""
    return file.read_text(encoding="utf-8", errors="replace").splitlines()
