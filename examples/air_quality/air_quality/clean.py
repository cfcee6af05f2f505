"""Raw text to typed values: mapping, "not measured" to null, and the reasons why a row is refused.

The work is one SQL query that is made from the job. For every output column it has a text (trimmed,
null when empty or not measured) and a value; a row with a text that gives no value is refused, as
is one that lacks a required value or holds one out of range.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from air_quality import duck
from air_quality.formats.columns import Kind
from air_quality.job import Job, RawColumn
from air_quality.label import label
from air_quality.run import replacing_file

REJECT_COLUMNS = ("file", "line", "reason", "row")

_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_PATTERNS = {
    Kind.NUMBER: _NUMBER,
    Kind.INTEGER: r"[+-]?[0-9]+",
    Kind.DATE: r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    Kind.FLAG: r"[01]{6}",
}
_TYPES = {
    Kind.TEXT: "VARCHAR",
    Kind.NUMBER: "DOUBLE",
    Kind.INTEGER: "INTEGER",
    Kind.DATE: "DATE",
    Kind.FLAG: "BOOLEAN",
}


@dataclass(frozen=True)
class Cleaned:
    """How many rows went in, and how many were refused."""

    rows_in: int
    rows: int
    rejected: int


def clean_files(job: Job, files: Sequence[Path], root: Path, cleaned: Path, rejects: Path, spill: Path) -> Cleaned:
    """Write the good rows of ``files`` to ``cleaned`` (Parquet), the others to ``rejects`` (CSV, with reasons).

    Raises:
        HeaderDrift: a file's columns are not those of the job.
    """
    spill.mkdir(parents=True, exist_ok=True)
    labelled, judged = spill / "labelled.csv", spill / "judged.parquet"
    try:
        with replacing_file(rejects) as refused, refused.open("w", encoding="utf-8", newline="") as file:
            write = csv.writer(file).writerow
            write(REJECT_COLUMNS)
            shape = label(files, root, job.header_raw, labelled, lambda *reject: write(reject))
            with replacing_file(cleaned) as good, duck.session(spill, job.memory) as connection:
                connection.execute(f"COPY ({_judged(job, labelled)}) TO {duck.text(judged)} {duck.PARQUET}")
                for reject in _refused(connection, judged):
                    write(reject)
                _copy_good(connection, job, judged, good)
                rows = duck.count(connection, duck.parquet(good))
    finally:
        labelled.unlink(missing_ok=True)
        judged.unlink(missing_ok=True)
    return Cleaned(shape.rows, rows, shape.rows - rows)


def _copy_good(connection: duckdb.DuckDBPyConnection, job: Job, judged: Path, good: Path) -> None:
    columns = ", ".join(duck.name(column) for column in job.row)
    query = f"SELECT {columns} FROM {duck.parquet(judged)} WHERE \"?reason\" = ''"
    connection.execute(f"COPY ({query}) TO {duck.text(good)} {duck.PARQUET}")


def _refused(connection: duckdb.DuckDBPyConnection, judged: Path) -> Iterator[tuple[object, ...]]:
    query = f'SELECT "?file", "?line", "?reason", "?raw" FROM {duck.parquet(judged)} WHERE "?reason" <> \'\''
    cursor = connection.execute(query + ' ORDER BY "?file", "?line"')
    while rows := cursor.fetchmany(1000):
        yield from rows


def _judged(job: Job, labelled: Path) -> str:
    """Every row with its values, why it is refused (or an empty text), and where it came from."""
    raw = f"SELECT * FROM {_read_csv(job, labelled)}"
    texts = ", ".join(f"{_text(job, column)} AS {duck.name('=' + column)}" for column in job.row)
    values = ", ".join(f"{_value(job, column)} AS {duck.name(column)}" for column in job.row)
    return (
        f'WITH raw AS ({raw}), texts AS (SELECT *, {texts} FROM raw), "values" AS (SELECT *, {values} FROM texts), '
        f'judged AS (SELECT *, {_reason(job)} AS "?reason" FROM "values") '
        f'SELECT {", ".join(duck.name(column) for column in job.row)}, "?reason", "?file", "?line", '
        f'CASE WHEN "?reason" <> \'\' THEN {_as_published(job)} END AS "?raw" FROM judged'
    )


def _read_csv(job: Job, labelled: Path) -> str:
    raw = {_raw(column): "VARCHAR" for column in job.header_raw}
    columns = {"?file": "VARCHAR", "?line": "BIGINT", **raw}
    spelled = ", ".join(f"{duck.text(name)}: {duck.text(kind)}" for name, kind in columns.items())
    return (
        f"read_csv({duck.text(labelled)}, columns = {{{spelled}}}, header = false, auto_detect = false, "
        "delim = ',', quote = '\"', escape = '\"', new_line = '\\n', force_not_null = ["
        + ", ".join(duck.text(name) for name in raw)
        + "])"
    )


def _raw(column: str) -> str:
    """A raw column's name in the query; a prefix keeps DATE and date apart."""
    return "<" + column


def _text(job: Job, column: str) -> str:
    """The trimmed text of a column, null when it is empty or says "not measured"."""
    source = job.column_mappings[column]
    trimmed = f"trim({duck.name(_raw(source.name))})"
    conditions = [f"{trimmed} = ''"]
    for value in job.missing.get(source.name, ()):
        if isinstance(value, str):
            conditions.append(f"{trimmed} = {duck.text(value.strip())}")
        else:
            conditions.append(f"TRY_CAST({trimmed} AS DOUBLE) = {float(value)!r}::DOUBLE")
    return f"CASE WHEN {' OR '.join(conditions)} THEN NULL ELSE {trimmed} END"


def _value(job: Job, column: str) -> str:
    kind, text = job.format.kinds[column], duck.name("=" + column)
    if kind is Kind.TEXT:
        return text
    matches = f"regexp_full_match({text}, {duck.text(_PATTERNS[kind])})"
    if kind is Kind.FLAG:
        digit = job.column_mappings[column].digit
        assert digit is not None
        return f"CASE WHEN {matches} THEN substr({text}, {digit + 1}, 1) = '1' END"
    cast = f"TRY_CAST({text} AS {_TYPES[kind]})"
    if kind is Kind.NUMBER:
        # -0.0 and 0.0 are one place and one measurement
        value = f"{cast} + 0.0"
        if job.column_mappings[column].name in job.lost_thousand:
            value = f"CASE WHEN {cast} < 100 THEN {cast} + 1000 ELSE {cast} END"
        return f"CASE WHEN {matches} AND isfinite({cast}) THEN {value} END"
    return f"CASE WHEN {matches} THEN {cast} END"


def _reason(job: Job) -> str:
    """Why a row is refused: every reason, in the order of the columns."""
    seen: set[RawColumn] = set()
    cases = []
    for column in job.row:
        source = RawColumn(job.column_mappings[column].name)
        if job.format.kinds[column] is not Kind.TEXT and source not in seen:
            seen.add(source)
            cases.append(_not_a_value(job, column))
        if column in job.format.required:
            cases.append(f"CASE WHEN {duck.name('=' + column)} IS NULL THEN {duck.text(column + ' is missing')} END")
        if column in job.format.ranges:
            cases.append(_out_of_range(job, column))
    return f"concat_ws('; ', {', '.join(cases)})"


def _not_a_value(job: Job, column: str) -> str:
    text, kind = duck.name("=" + column), job.format.kinds[column]
    said = job.column_mappings[column].name if kind is Kind.FLAG else column
    sentence = f"{duck.text(said + ': ')} || '''' || {text} || ''' is not {kind.value}'"
    return f"CASE WHEN {text} IS NOT NULL AND {duck.name(column)} IS NULL THEN {sentence} END"


def _out_of_range(job: Job, column: str) -> str:
    low, high = job.format.ranges[column]
    sentence = duck.text(f" is not between {low:g} and {high:g}")
    value = duck.name(column)
    outside = f"{value} NOT BETWEEN {low!r} AND {high!r}"
    return f"CASE WHEN {outside} THEN {duck.text(column + ': ')} || {duck.name('=' + column)} || {sentence} END"


def _as_published(job: Job) -> str:
    """The raw row as one line of CSV, every value quoted."""
    quoted = (f"'\"' || replace({duck.name(_raw(column))}, '\"', '\"\"') || '\"'" for column in job.header_raw)
    return f"concat_ws(',', {', '.join(quoted)})"
