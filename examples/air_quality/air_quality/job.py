"""One entry of ``jobs:`` in the pipeline file, as a value that has been checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from air_quality import duck
from air_quality.errors import JobError
from air_quality.formats import FORMATS
from air_quality.formats.columns import Format, Kind

FILE_TYPES = ("zip", "tar_gz")
LAYOUTS = ("approxlat_approxlng_yyyy_mm", "yyyy_mm_approxlat_approxlng")
TABLES = ("raw", "default")

_DIGIT = re.compile(r"(?P<column>.+)\[(?P<digit>[0-9]+)\]")


@dataclass(frozen=True)
class RawColumn:
    """Where an output value comes from: a raw column, or one digit of it (``FRSHTT[0]``)."""

    name: str
    digit: int | None = None

    @classmethod
    def read(cls, text: str) -> RawColumn:
        """``FRSHTT[0]`` is the first digit of FRSHTT; everything else is a column's name."""
        match = _DIGIT.fullmatch(text)
        return cls(match["column"], int(match["digit"])) if match else cls(text)


@dataclass(frozen=True)
class Job:
    """What to fetch, what its columns mean, and how to lay out and store the result."""

    name: str
    format: Format
    #: the page or folder listing that links to the archives
    source_url: str
    #: links whose whole address matches are fetched; None takes every archive on the page
    accept_regex: re.Pattern[str] | None
    file_type: str
    header_raw: tuple[str, ...]
    row: tuple[str, ...]
    column_mappings: Mapping[str, RawColumn]
    #: raw column -> what the publisher writes for "not measured"
    missing: Mapping[str, tuple[str | float, ...]]
    #: raw columns so narrow that the publisher cuts the leading 1 of 1000 and more
    lost_thousand: tuple[str, ...]
    layout_names: tuple[str, ...]
    min_chunksize: int
    bucket: str
    folder: str
    tables: tuple[str, ...]
    max_reject_share: float
    #: finished runs whose work folders are kept
    keep_runs: int
    #: what DuckDB may take, as it spells it
    memory: str


def read(config: Mapping[str, Any]) -> Job:
    """The job that ``config`` describes. Keys that are not about the data (queue, schedule) are left alone.

    Raises:
        JobError: with every problem of the job, one a line.
    """
    problems = list(_problems(config))
    if problems:
        name = config.get("name", "(no name)")
        raise JobError("\n".join(f"job {name}: {problem}" for problem in problems))
    mappings = {column: RawColumn.read(config["column_mappings"][column]) for column in config["row"]}
    regex = config.get("accept_regex")
    return Job(
        name=config["name"],
        format=FORMATS[config["format"]],
        source_url=config["source_url"],
        accept_regex=re.compile(regex) if regex else None,
        file_type=config["file_type"],
        header_raw=tuple(config["header_raw"]),
        row=tuple(config["row"]),
        column_mappings=mappings,
        missing={column: tuple(values) for column, values in (config.get("missing") or {}).items()},
        lost_thousand=tuple(config.get("lost_thousand") or ()),
        layout_names=tuple(config["layout_names"]),
        min_chunksize=int(config["min_chunksize"]),
        bucket=config["bucket"],
        folder=config.get("folder") or config["name"],
        tables=tuple(config.get("tables") or TABLES),
        max_reject_share=float(config.get("max_reject_share", 0.01)),
        keep_runs=int(config.get("keep_runs", 3)),
        memory=str(config.get("memory") or duck.MEMORY),
    )


_OPTIONAL = {"accept_regex", "missing", "lost_thousand", "folder", "tables", "max_reject_share", "keep_runs", "memory"}


def _problems(config: Mapping[str, Any]) -> Iterator[str]:
    lacking = [f.name for f in fields(Job) if f.name not in _OPTIONAL and not config.get(f.name)]
    if lacking:
        yield f"{', '.join(lacking)} must be given"
        return
    yield from _choice_problems(config)
    yield from _column_problems(config)
    if config.get("accept_regex"):
        try:
            re.compile(config["accept_regex"])
        except re.error as error:
            yield f"accept_regex is not a regular expression: {error}"
    if int(config["min_chunksize"]) < 1:
        yield "min_chunksize must be at least 1"
    if not re.fullmatch(r"[1-9][0-9]* ?[MG]i?B", str(config.get("memory") or duck.MEMORY)):
        yield f"memory '{config['memory']}' is not a size like 512MB"
    if not 0 <= float(config.get("max_reject_share", 0)) <= 1:
        yield "max_reject_share must be between 0 and 1"


def _choice_problems(config: Mapping[str, Any]) -> Iterator[str]:
    choices = [
        ("format", [config["format"]], tuple(FORMATS)),
        ("file_type", [config["file_type"]], FILE_TYPES),
        ("layout_names", config["layout_names"], LAYOUTS),
        ("tables", config.get("tables") or (), TABLES),
    ]
    for key, values, known in choices:
        for value in values:
            if value not in known:
                yield f"{key} '{value}' is unknown; known are {', '.join(known)}"


def _column_problems(config: Mapping[str, Any]) -> Iterator[str]:
    format = FORMATS.get(config["format"])
    header, mappings = config["header_raw"], config["column_mappings"]
    for column in config["row"]:
        if format and column not in format.kinds:
            yield f"row: the format {config['format']} has no column '{column}'"
        elif column not in mappings:
            yield f"column_mappings: nothing says where '{column}' comes from"
        elif format:
            yield from _mapping_problems(column, format.kinds[column], mappings[column], header)
    for column in format.required if format else ():
        if column not in config["row"]:
            yield f"row: '{column}' must be among the columns"
    for key in ("missing", "lost_thousand"):
        for column in config.get(key) or ():
            if column not in header:
                yield f"{key}: '{column}' is not in header_raw"


def _mapping_problems(column: str, kind: Kind, mapping: str, header: list[str]) -> Iterator[str]:
    raw = RawColumn.read(mapping)
    if raw.name not in header:
        yield f"column_mappings: '{column}' comes from '{raw.name}', which is not in header_raw"
    if (kind is Kind.FLAG) != (raw.digit is not None):
        yield f"column_mappings: '{column}' must {'name one digit' if kind is Kind.FLAG else 'be a whole column'}"
