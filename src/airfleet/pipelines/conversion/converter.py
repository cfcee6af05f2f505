"""One file of another format as YAML of ours, with what could not be carried over.

Nothing is run, and nothing of the environment is written: ``$NAME`` becomes ``${{ env.NAME }}``.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from airfleet.errors import Place, Problem
from airfleet.pipelines.analysis import short_names
from airfleet.pipelines.conversion import python_files
from airfleet.pipelines.dialects import airflow_yaml, crontab, flexflow, gusty, translator
from airfleet.pipelines.dialects.translation import Translation
from airfleet.pipelines.dialects.translator import Translator
from airfleet.pipelines.files.dag_factory_files import is_dag_factory, is_defaults
from airfleet.pipelines.files.project_files import SUFFIXES, read_text
from airfleet.problem_codes import Code
from airfleet.yaml.comments import Comments, comments
from airfleet.yaml.nodes import Mapping, Node, Scalar, Sequence
from airfleet.yaml.problems import in_order
from airfleet.yaml.writing import write

#: what Flexflow's functions are given
_FLEXFLOW: Final = "the functions of 'gourdnet' get the job as their argument 'arg': write its name as they have it"


_NO_ENVIRON: Final[AbstractMapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True)
class Converted:
    """The outcome for one file."""

    #: YAML of ours; empty when there is nothing to write
    text: str
    #: format that the file has
    kind: str
    #: whether Airflow can make the Dags of the original, to compare
    has_dags: bool = False
    #: what could not be carried over: with one of these, its Dag is not complete
    problems: tuple[Problem, ...] = ()
    remarks: tuple[Problem, ...] = ()
    #: text of a module in Python with the functions of a file with Dags; empty for none
    module: str = ""


def convert(
    file: Path, accounts: frozenset[str] = frozenset(), environ: AbstractMapping[str, str] = _NO_ENVIRON
) -> Converted:
    """Convert one file; ``accounts`` are those of this machine, for crontabs.

    Raises:
        FleetError: Airflow cannot read a file with Dags in Python. No other content makes it raise.
    """
    if file.is_dir():
        return _of_gusty(file)
    if file.suffix.lower() == ".py":
        return _of_python(file, environ)
    content = read_text(file)
    if isinstance(content, Problem):
        return Converted("", "", problems=(content,))
    if file.suffix not in SUFFIXES and crontab.is_crontab(content):
        return _of_crontab(file, content, accounts)
    return _of_yaml(file, content)


def _of_python(file: Path, environ: AbstractMapping[str, str]) -> Converted:
    found = python_files.read(file, environ)
    text = "---\n".join(write(_with_short_names(document)) for document in found.documents)
    return Converted(text, "Dags in Python", bool(text), in_order(found.problems), module=found.module)


def _of_gusty(folder: Path) -> Converted:
    if gusty.metadata_of(folder) is None:
        return Converted("", "", problems=(_unknown(folder, ()),))
    translator = Translator(str(folder / gusty.METADATA[0]), None)
    theirs = gusty.document(folder, translator.translation)
    found = [ours for ours, _ in translator.documents(theirs)]
    return _converted(found, "a folder of gusty", translator.translation, Comments())


def _of_crontab(file: Path, content: str, accounts: frozenset[str]) -> Converted:
    translation = Translator(str(file), None).translation
    found = list(crontab.documents(content, translation, accounts))
    return _converted(found, "a crontab", translation, Comments())


def _of_yaml(file: Path, content: str) -> Converted:
    documents, wrong = translator.load(content, str(file))
    if wrong:
        return Converted("", "", problems=wrong)
    translating = Translator(str(file), None)
    known = comments(content)
    if any(map(is_dag_factory, documents)):
        found = [ours for document in documents for ours, _ in translating.documents(document)]
        return _converted(found, _DAG_FACTORY, translating.translation, known)
    if documents and all(map(flexflow.is_flexflow, documents)):
        found = [flexflow.document(document) for document in documents if isinstance(document, Mapping)]
        translating.translation.remark(found[0], "", _FLEXFLOW)
        return _converted(found, "a file of Flexflow's jobs", translating.translation, known)
    if documents and all(map(airflow_yaml.is_airflow_yaml, documents)):
        found = [_without_schema(ours) for document in documents for ours, _ in translating.documents(document)]
        converted = _converted(found, _AIRFLOW, translating.translation, known)
        return replace(converted, has_dags=True)
    return Converted("", "", problems=(_unknown(file, documents),))


def _without_schema(document: Node) -> Node:
    assert isinstance(document, Mapping)  # it has a schema
    return document.without("$schema")


def _unknown(file: Path, documents: tuple[Node, ...]) -> Problem:
    place = Place(str(file))
    if any(isinstance(document, Mapping) and document.get("dag_id") for document in documents):
        return Problem(place, "", "this is a pipeline file already", code=Code.NOT_CARRIED_OVER)
    if documents and all(map(is_defaults, documents)):
        sentence = "these are defaults of dag-factory: convert the files beside this one, which take them in"
        return Problem(place, "", sentence, code=Code.NOT_CARRIED_OVER)
    return Problem(place, "", "airfleet does not know this format", _KNOWN, Code.NOT_CARRIED_OVER)


_AIRFLOW: Final = "a file in Airflow's own format"
_DAG_FACTORY: Final = "a dag-factory file"
_KNOWN: Final = (
    "it converts files of dag-factory, MWAA Serverless and Flexflow, folders of gusty, crontabs and Dags in Python"
)


def _converted(found: Iterable[Node], kind: str, translation: Translation, known: Comments) -> Converted:
    written = [write(_with_short_names(document), known) for document in found]
    text = "---\n".join(written)
    header = _header(known)
    text = text if not written or text.startswith(header) else header + text
    has_dags = kind == _DAG_FACTORY
    return Converted(text, kind, has_dags, in_order(translation.report.problems), in_order(translation.remarks))


def _header(known: Comments) -> str:
    """Give the comments at the beginning of a file."""
    first = min(known.above, default=0)
    lines = known.above.get(first, ())
    return "".join(f"{line}\n" for line in lines) if first and first == len(lines) + 1 else ""


def _with_short_names(node: Node) -> Node:
    """Write ``uses: bash`` for the import paths of operators that have a short name."""
    if isinstance(node, Sequence):
        return Sequence(tuple(map(_with_short_names, node.items)), node.place)
    if not isinstance(node, Mapping):
        return node
    return Mapping(tuple(_short_entries(node)), node.place)


def _short_entries(node: Mapping) -> Iterator[tuple[Scalar, Node]]:
    is_task = node.get("id") is not None
    for key, value in node.entries:
        if key.text == "uses" and is_task and isinstance(value, Scalar):
            short = _short_name(value.text)
            yield key, Scalar(short, short, value.place, quoted=True)
        else:
            yield key, _with_short_names(value)


@functools.cache
def _short_name(path: str) -> str:
    found = short_names.of_class(path.rpartition(".")[2])
    return next((name for name in found if short_names.resolve(name) == path), path)
