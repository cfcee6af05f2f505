"""``defaults.yml`` beside a file of dag-factory, and in the folders above it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from airfleet.file_stamps import stamp
from airfleet.pipelines.dialects.dag_factory.defaults import shallowly_merged
from airfleet.pipelines.dialects.translation import Translation, with_scalars
from airfleet.pipelines.files.dag_factory_files import is_dag_factory
from airfleet.pipelines.files.project_files import project_root, read_text
from airfleet.yaml import nodes
from airfleet.yaml.nodes import Mapping

#: of a folder, the first one counts
NAMES: Final = ("defaults.yml", "defaults.yaml")
#: keys of a file of ours, which has the same name
_OURS: Final = frozenset({"defaults", "templates", "include", "dag_id", "tasks", "jobs"})


def of(translation: Translation) -> Mapping | None:
    """Merge the defaults of the folders from that of the file up to the project's; the nearest one wins."""
    found: Mapping | None = None
    for folder in _folders(Path(translation.file).absolute()):
        inner = _in(folder, translation)
        if inner is not None:
            found = inner if found is None else shallowly_merged(found, inner)
    return found


def _folders(file: Path) -> list[Path]:
    root = project_root(file)
    return [folder for folder in file.parents if folder.is_relative_to(root)]


def _in(folder: Path, translation: Translation) -> Mapping | None:
    for name in NAMES:
        file = folder / name
        translation.stamps[str(file)] = stamp(str(file))
        if file.is_file() and file != Path(translation.file).absolute():
            return _read(file, translation)
    return None


def _read(file: Path, translation: Translation) -> Mapping | None:
    text = read_text(file)
    documents, problems = nodes.load(text, str(file)) if isinstance(text, str) else ((), ())
    translation.report.problems.extend(problems)
    if len(documents) != 1 or not isinstance(found := documents[0], Mapping) or is_dag_factory(found):
        return None
    if _OURS & {key.text for key, _ in found.entries}:
        return None
    changed = with_scalars(found, lambda _, node: translation.environment.value(node))
    return changed if isinstance(changed, Mapping) else None
