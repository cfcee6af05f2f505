"""Problems of shared files, each said once, however many pipelines take the file in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from airfleet.errors import Place, Problem


@dataclass
class SharedParts:
    """The problems in shared files: those of a file itself, and those that pipelines met in it."""

    #: files that by their names or contents may be shared
    files: list[Path] = field(default_factory=list)
    own: dict[tuple[Place, str], Problem] = field(default_factory=dict)
    met: dict[tuple[Place, str], tuple[Problem, list[str]]] = field(default_factory=dict)

    def note_own(self, problem: Problem) -> None:
        """Note a problem that a shared file has whoever takes it in."""
        self.own.setdefault((problem.place, problem.sentence), problem)

    def note_met(self, problem: Problem, pipeline: str) -> None:
        """Note a problem that was met in a shared file, while a pipeline's file was read."""
        files = self.met.setdefault((problem.place, problem.sentence), (problem, []))[1]
        if pipeline not in files:
            files.append(pipeline)

    def problems(self) -> Iterator[Problem]:
        """Yield each problem once; of one that only some pipelines have, the hint names them."""
        yield from self.own.values()
        for key, (problem, files) in self.met.items():
            if key not in self.own:
                yield replace(problem, hint=_with_files(problem.hint, files))


def _with_files(hint: str | None, files: list[str]) -> str:
    more = f" and {len(files) - 1:,} more files" if len(files) > 2 else f" and {files[1]}" if len(files) == 2 else ""
    met = f"met in {files[0]}{more}"
    return f"{hint}; {met}" if hint else met
