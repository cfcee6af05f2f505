"""The state that all parts of a translation share: the file, its environment, problems and remarks."""

from __future__ import annotations

import datetime as dt
import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from airfleet.errors import Place, Problem
from airfleet.file_stamps import Stamp, stamp
from airfleet.pipelines.analysis.module_files import Roots
from airfleet.pipelines.dialects.environment_names import Environment
from airfleet.pipelines.files.project_files import project_root, read_text
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence
from airfleet.yaml.problems import Placed, Report


@dataclass
class Translation:
    """One file that is translated, and the problems and remarks so far."""

    file: str
    environment: Environment
    today: dt.date
    report: Report = field(default_factory=Report)
    remarks: list[Problem] = field(default_factory=list)
    #: how often a problem was met, also one that is said already
    faults: int = 0
    #: by path, the stamps of the files that the translation depends on
    stamps: dict[str, Stamp | None] = field(default_factory=dict)
    _said: set[tuple[Place, str]] = field(default_factory=set)

    @functools.cached_property
    def roots(self) -> Roots:
        """Give the folders from which the modules of the project are imported."""
        here = Path(self.file).absolute()
        return tuple(dict.fromkeys((str(project_root(here)), str(here.parent))))

    def problem(self, at: Placed, path: str, sentence: str, hint: str | None = None) -> None:
        """Note something that cannot be carried over; ``path`` is the way to it in their words.

        A default of several Dags is said once.
        """
        if (at.place, sentence) not in self._said:
            self._said.add((at.place, sentence))
            self.report.problem(at, path, sentence, hint, Code.NOT_CARRIED_OVER)
        self.faults += 1

    def remark(
        self, at: Placed, path: str, sentence: str, hint: str | None = None, code: Code = Code.WITHOUT_EFFECT
    ) -> None:
        """Note something that is left out, or does not mean what it seems to."""
        if (at.place, sentence) not in self._said:
            self._said.add((at.place, sentence))
            self.remarks.append(Problem(at.place, path, sentence, hint, code))

    def beside(self, written: str) -> Path | None:
        """Find the file that a path means: as it is, or the longest end of it that is there in the project.

        An absolute path is often of the machine on which the files are deployed.
        """
        parts = [part for part in Path(written).parts if part not in ("/", ".")]
        if ".." in parts or not parts:
            return None
        for start in range(len(parts)):
            for root in self.roots:
                found = Path(root, *parts[start:])
                if os.path.isfile(found):
                    self.stamps[str(found)] = stamp(str(found))
                    return found
        return None

    def text_of(self, written: str) -> str | None:
        """Read the text of a file of the project; None when there is no such file."""
        file = self.beside(written)
        text = read_text(file) if file is not None else None
        return text if isinstance(text, str) else None


def with_scalars(node: Node, change: Callable[[str, Scalar], Scalar]) -> Node:
    """Change every plain value of ``node``, which is told the key that it stands under; shared parts stay shared."""
    return _changed(node, "", change, {})


def _changed(node: Node, key: str, change: Callable[[str, Scalar], Scalar], known: dict[int, Node]) -> Node:
    if isinstance(node, Scalar):
        return change(key, node)
    if id(node) not in known:
        if isinstance(node, Sequence):
            known[id(node)] = Sequence(tuple(_changed(item, key, change, known) for item in node.items), node.place)
        else:
            pairs = tuple((name, _changed(value, name.text, change, known)) for name, value in node.entries)
            known[id(node)] = Mapping(pairs, node.place)
    return known[id(node)]
