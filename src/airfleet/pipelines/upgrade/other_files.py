"""Files beside the pipelines that a fleet does not read although somebody may count on it, and what is said of them."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from airfleet.errors import Place, Problem
from airfleet.pipelines.files import foreign_files
from airfleet.pipelines.files.listing import Listing
from airfleet.pipelines.files.project_files import MAX_MEGABYTES, SUFFIXES, read_text, why_not_read
from airfleet.pipelines.upgrade import linter, loaders
from airfleet.problem_codes import Code
from airfleet.yaml import nodes

#: megabytes of an archive that are looked into
_MAX_UNPACKED: Final = 64


def remarks(found: Listing) -> Iterator[Problem]:
    """Remark on the files of a folder that are not read."""
    for file in found.other_case:
        if _is_pipeline_file(file):
            yield in_other_case(file)
    for file in found.without_dags:
        if linter.read_and_check(file).calls:
            yield without_words(file)
    for file in found.python:
        if said := loaders.remark(file, found.pipelines):
            yield said


def in_other_case(file: Path) -> Problem:
    """Remark on ``P.YAML``."""
    sentence = "the fleet does not read this pipeline: its name has to end in .yaml or .yml"
    hint = f"call it {file.stem}{file.suffix.lower()}"
    return Problem(Place(str(file)), "", sentence, hint, Code.FILE_NOT_READ)


def without_words(file: Path) -> Problem:
    """Remark on a file in Python in which Airflow does not look for Dags."""
    sentence = "not read by Airflow: the word 'airflow', and 'dag' or 'asset', have to stand in a file with Dags"
    hint = "a comment with both words is enough, if it makes Dags"
    return Problem(Place(str(file)), "", sentence, hint, Code.FILE_NOT_READ)


def _is_pipeline_file(file: Path) -> bool:
    text = read_text(file)
    return isinstance(text, str) and _speaks_of_pipelines(text)


def _speaks_of_pipelines(text: str) -> bool:
    documents, problems = nodes.load(text, "")
    return foreign_files.said_of(documents, text, "", broken=bool(problems)) is None


# --- archives


def of_archive(file: Path) -> tuple[Problem | None, tuple[Problem, ...]]:
    """Find problems of an archive of Dags in Python, and remark on the pipelines in it."""
    place = Place(str(file))
    try:
        if not zipfile.is_zipfile(file):
            sentence = "this is not a zip archive, and Airflow does not read it"
            return Problem(place, "", sentence, code=Code.PYTHON_ARCHIVE), ()
        with zipfile.ZipFile(file) as archive:
            inside = list(_pipelines_in(archive))
    except OSError as error:
        return Problem(place, "", why_not_read(error, file), code=Code.UNREADABLE_FILE), ()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        return Problem(place, "", f"this zip archive cannot be read: {error}", code=Code.PYTHON_ARCHIVE), ()
    sentence = "the pipeline {} in this archive is not read: Airflow takes Dags in Python from archives"
    hint = "put it beside the archive"
    return None, tuple(Problem(place, "", sentence.format(name), hint, Code.FILE_NOT_READ) for name in inside)


def _pipelines_in(archive: zipfile.ZipFile) -> Iterator[str]:
    left = _MAX_UNPACKED * 1_000_000
    for info in archive.infolist():
        if info.filename.endswith(SUFFIXES) and info.file_size <= min(left, MAX_MEGABYTES * 1_000_000):
            left -= info.file_size
            with archive.open(info) as inner:
                content = inner.read(info.file_size)
            if _speaks_of_pipelines(content.decode(errors="replace")):
                yield info.filename
