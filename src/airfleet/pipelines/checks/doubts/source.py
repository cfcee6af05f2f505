"""The text of a file as it is written, to see how a value came into it."""

from __future__ import annotations

from pathlib import Path

from airfleet.errors import Place
from airfleet.pipelines.files.project_files import read_text


class Source:
    """The file under check; others, whose values are included, are read when they are asked for."""

    def __init__(self, file: str, text: str) -> None:
        self._lines = {file: text.split("\n")}

    def has_expression(self, place: Place) -> bool:
        """Tell whether the value at ``place`` comes from ``${{ }}``, and so does not stand in the file itself."""
        lines = self._of(place.file)
        if not 1 <= place.line <= len(lines):
            return False
        rest = lines[place.line - 1][place.column - 1 :]
        return "${{" in rest or (rest.startswith(("|", ">")) and "${{" in lines[min(place.line, len(lines) - 1)])

    def _of(self, file: str) -> list[str]:
        if file not in self._lines:
            text = read_text(Path(file))
            self._lines[file] = text.split("\n") if isinstance(text, str) else []
        return self._lines[file]
