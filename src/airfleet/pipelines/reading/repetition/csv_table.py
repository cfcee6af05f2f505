"""A table as comma-separated values: its first row names the columns, and each other row is a mapping.

Cells are read as plain values of YAML are, those in quotes as text. An empty cell leaves its column out. Semicolons or
tabs separate as well, if the first row has more of them than commas.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from airfleet.errors import Place, Problem
from airfleet.problem_codes import Code
from airfleet.spelling import nearest
from airfleet.yaml.nodes import MAX_KEY, MAX_NODES, Mapping, Scalar
from airfleet.yaml.scalars import scalar_value

_SEPARATORS = (",", ";", "\t")


def read(text: str, file: str) -> tuple[tuple[Mapping, ...], tuple[Problem, ...]]:
    """Read the rows of a table, and everything that is wrong with it. Takes as many steps as it has characters."""
    text = text.removeprefix("\ufeff")
    table = _Table(file)
    first = text.lstrip("\n").partition("\n")[0]
    cells = _Cells(text, file, max(_SEPARATORS, key=first.count), table.problems)
    rows = cells.rows()
    table.head(next(rows, None))
    if not table.problems:
        for row in rows:
            table.row(row)
    return tuple(table.rows), tuple(table.problems)


@dataclass
class _Cells:
    """The cells of a text, row by row."""

    text: str
    file: str
    separator: str
    problems: list[Problem]
    at: int = 0
    line: int = 1
    line_start: int = 0
    #: of the line that was looked at last
    line_end: int = -1
    count: int = 0

    def rows(self) -> Iterator[list[Scalar]]:
        while self.at < len(self.text):
            row = self.row()
            if row is None:
                return
            if any(cell.text or cell.quoted for cell in row):
                yield row

    def row(self) -> list[Scalar] | None:
        """Read the cells of one row, and its end."""
        row: list[Scalar] = []
        while True:
            cell = self.quoted() if self.text.startswith('"', self.at) else self.plain()
            if cell is None:
                return None
            row.append(cell)
            self.count += 1
            if self.count > MAX_NODES:
                self.problem(cell.place, f"the table has more than {MAX_NODES:,} cells", code=Code.FILE_LIMIT)
                return None
            if not self.text.startswith(self.separator, self.at):
                break
            self.at += 1
        self.at += 1  # the end of the line
        self.line, self.line_start = self.line + 1, self.at
        return row

    def place(self) -> Place:
        return Place(self.file, self.line, self.at - self.line_start + 1)

    def plain(self) -> Scalar:
        place = self.place()
        if self.line_end < self.at:
            self.line_end = self._end(self.text.find("\n", self.at))
        end = min(self.line_end, self._end(self.text.find(self.separator, self.at, self.line_end)))
        written = self.text[self.at : end]
        text = written.strip()
        self.at = end
        if text:
            place = Place(place.file, place.line, place.column + written.index(text))
        return Scalar(scalar_value(text) if text else "", text, place)

    def quoted(self) -> Scalar | None:
        place = self.place()
        parts = []
        begin = self.at + 1
        while (end := self.text.find('"', begin)) >= 0 and self.text.startswith('""', end):
            parts.append(self.text[begin : end + 1])
            begin = end + 2
        if end < 0:
            self.problem(place, "the quote that begins this cell is not closed", "a quote inside is written twice")
            return None
        text = "".join((*parts, self.text[begin:end]))
        if breaks := self.text.count("\n", self.at, end):
            self.line += breaks
            self.line_start = self.text.rfind("\n", self.at, end) + 1
        self.at = end + 1
        if self.at < len(self.text) and self.text[self.at] not in (self.separator, "\n"):
            self.problem(self.place(), "text stands behind the closing quote", "a quote inside is written twice")
            return None
        return Scalar(text, text, place, quoted=True)

    def _end(self, found: int) -> int:
        return found if found >= 0 else len(self.text)

    def problem(self, place: Place, sentence: str, hint: str | None = None, code: Code = Code.JOB) -> None:
        self.problems.append(Problem(place, "", sentence, hint, code))


class _Table:
    """The rows of a table by the names of its columns."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.columns: list[Scalar] = []
        self.rows: list[Mapping] = []
        self.problems: list[Problem] = []

    def head(self, row: list[Scalar] | None) -> None:
        """Read the names of the columns."""
        if row is None:
            if not self.problems:
                self.problem(Place(self.file), "the table is empty", "its first row names the columns")
            return
        self.columns = [Scalar(cell.text, cell.text, cell.place, quoted=True) for cell in row]
        while self.columns and not self.columns[-1].text:
            self.columns.pop()  # spreadsheets leave separators at the end
        known: dict[str, Scalar] = {}
        for column in self.columns:
            if not column.text or len(column.text) > MAX_KEY:
                self.problem(column.place, "each column needs a name" if not column.text else "the name is too long")
            elif column.text in known:
                self.problem(column.place, f"two columns are called '{column.text}'")
            known.setdefault(column.text, column)
        if "name" not in known:
            near = nearest("name", known)
            hint = f"did you mean it by '{near}'?" if near else "it has the names of the jobs"
            self.problem(row[0].place, "the table has no column 'name'", hint)

    def row(self, cells: list[Scalar]) -> None:
        """Read one row; an empty cell leaves its column out."""
        extra = [cell for cell in cells[len(self.columns) :] if cell.text or cell.quoted]
        if extra:
            sentence = f"the row has {len(cells)} cells, and the table {len(self.columns)} columns"
            self.problem(extra[0].place, sentence, "put text with separators in double quotes")
            return
        pairs = zip(self.columns, cells, strict=False)
        self.rows.append(
            Mapping(tuple((column, cell) for column, cell in pairs if cell.text or cell.quoted), cells[0].place)
        )

    def problem(self, place: Place, sentence: str, hint: str | None = None) -> None:
        self.problems.append(Problem(place, "", sentence, hint, Code.JOB))
