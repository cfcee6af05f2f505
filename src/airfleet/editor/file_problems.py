"""The problems of one open file: of pipelines, of tests of pipelines, or of parts that pipelines share.

A shared file also has the problems that pipelines meet in it. Other open files count as the editor has them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from airfleet.errors import Problem
from airfleet.pipelines.cases import checks as case_checks
from airfleet.pipelines.cases import reader as case_reader
from airfleet.pipelines.checks.pipeline_checks import CheckedFile, read_and_check
from airfleet.pipelines.checks.shared_parts import SharedParts
from airfleet.pipelines.files import listing
from airfleet.pipelines.files.project_files import is_test, project_root, read_text
from airfleet.pipelines.files.shared_files import OfOneFile, SharedFiles
from airfleet.pipelines.language import interpolation
from airfleet.pipelines.language.spec import Pipeline
from airfleet.pipelines.reading import reader
from airfleet.yaml.problems import in_order

#: pipelines of a project that are looked at for those that take in a shared file
MOST_PIPELINES: Final = 500


@dataclass(frozen=True)
class Workspace:
    """The environment of an editor's files, and the texts of those that are open."""

    environ: Mapping[str, str]
    #: of the fleet; None where the environment has them
    variables: Mapping[str, str] | None = None
    #: by real path
    edited: Mapping[str, str] = field(default_factory=dict)

    def read(self, file: Path, *, taken_in: bool = False, shared: SharedFiles | None = None) -> CheckedFile:
        """Read and check a file, as the editor has it; ``shared`` has the shared files that were read already."""
        return read_and_check(
            file,
            environ=self.environ,
            variables=self.variables,
            shared=shared or SharedFiles(self.edited),
            taken_in=taken_in,
            text=self.edited.get(os.path.realpath(file)),
        )

    def pipelines(self, file: Path) -> tuple[Pipeline, ...]:
        """Read the pipelines of a file, as the editor has it, also those with problems; none without the file."""
        edited = self.edited.get(os.path.realpath(file))
        text = read_text(file) if edited is None else edited
        if isinstance(text, Problem):
            return ()
        library = OfOneFile(SharedFiles(self.edited))
        variables = interpolation.variables(self.environ) if self.variables is None else self.variables
        found = reader.read(text, str(file), variables=variables, environ=self.environ, library=library)
        return tuple(draft.pipeline for draft in found.drafts)


def problems(file: Path, workspace: Workspace, takers: tuple[Path, ...] = ()) -> tuple[Problem, ...]:
    """List every problem and remark of an open file; ``takers`` are the pipelines that take it in."""
    if is_test(file):
        return _of_tests(file, workspace)
    checked = workspace.read(file, taken_in=bool(takers))
    if not takers:
        return (*_in(file, checked.problems), *_in(file, checked.remarks))
    parts = SharedParts()
    for problem in _in(file, checked.problems):
        parts.note_own(problem)
    root, shared = project_root(file), SharedFiles(workspace.edited)
    for pipeline in takers:
        for problem in _in(file, workspace.read(pipeline, shared=shared).problems):
            parts.note_met(problem, os.path.relpath(pipeline, root))
    return (*in_order([*parts.problems()]), *_in(file, checked.remarks))


def _in(file: Path, found: tuple[Problem, ...]) -> Iterator[Problem]:
    """Yield the problems that have their places in a file."""
    real = os.path.realpath(file)
    return (problem for problem in found if os.path.realpath(problem.place.file) == real)


def _of_tests(file: Path, workspace: Workspace) -> tuple[Problem, ...]:
    text = workspace.edited.get(os.path.realpath(file))
    found = case_reader.read_file(file) if text is None else case_reader.read(text, str(file))
    _, wrong = case_checks.prepared(found.cases, workspace.read)
    return in_order([*found.problems, *wrong])


def takers_of(file: Path, workspace: Workspace) -> tuple[Path, ...]:
    """List the pipelines of the project that take in a file; none for a pipeline and for a file with tests."""
    if is_test(file) or workspace.read(file).dag_ids:
        return ()
    others = [one for one in listing.of(_folder_of(file)).pipelines if one != file][:MOST_PIPELINES]
    real, shared = os.path.realpath(file), SharedFiles(workspace.edited)
    return tuple(one for one in others if real in _taken_in(workspace.read(one, shared=shared)))


def _folder_of(file: Path) -> Path:
    """Find the folder of the pipelines that may take in a file: below the project's own, the outermost around it."""
    root, absolute = project_root(file), file.absolute()
    inside = absolute.relative_to(root).parts if absolute.is_relative_to(root) else (file.name,)
    return root / inside[0] if len(inside) > 1 else absolute.parent


def _taken_in(checked: CheckedFile) -> set[str]:
    return {os.path.realpath(name) for name, stamp in checked.taken_in.items() if stamp is not None}
