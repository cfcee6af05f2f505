"""What one scenario left behind on one installation, as plain facts that can be compared and kept in a file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Record:
    """The facts of a scenario: nested dictionaries whose leaves are numbers, texts and lists."""

    scenario: str
    facts: Mapping[str, Any]

    def leaves(self) -> dict[str, Any]:
        """Path -> fact."""
        return dict(_leaves(self.facts, ""))

    def to_json(self) -> str:
        """The text of a golden file."""
        return json.dumps(self.facts, indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    def save(self, folder: Path) -> None:
        """Write the golden file."""
        folder.mkdir(parents=True, exist_ok=True)
        _file(folder, self.scenario).write_text(self.to_json())


def load(folder: Path, scenario: str) -> Record:
    """The record in a golden file. Raises FileNotFoundError."""
    return Record(scenario, json.loads(_file(folder, scenario).read_text()))


def exists(folder: Path, scenario: str) -> bool:
    """Whether there is a golden file."""
    return _file(folder, scenario).is_file()


def _file(folder: Path, scenario: str) -> Path:
    return folder / f"{scenario}.json"


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}/{key}" if path else str(key))
    else:
        yield path, value
