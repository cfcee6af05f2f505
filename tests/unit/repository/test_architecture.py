"""The pages about the architecture name what is there: rooms, paths, layers, log events."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from airfleet.events import Event
from support.documents import REPOSITORY, documents, name, without_blocks

DOCS = REPOSITORY / "docs"
SOURCE = REPOSITORY / "src" / "airfleet"
ARCHITECTURE = (DOCS / "explanation" / "architecture.md").read_text(encoding="utf-8")
FAULTS = (DOCS / "explanation" / "faults.md").read_text(encoding="utf-8")
GLOSSARY = (DOCS / "glossary.md").read_text(encoding="utf-8")

_CODE = re.compile(r"`([^`]+)`")


def rows(text: str) -> list[list[str]]:
    """Give the cells of every row of the tables in a text, rules and heads included."""
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]


def test_every_page_is_listed_in_the_documentation() -> None:
    listed = set(re.findall(r"\]\(([^)]+\.md)\)", (DOCS / "README.md").read_text(encoding="utf-8")))
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md") if page.parent.name != "adr"}
    assert sorted(pages - listed - {"README.md"}) == []


def test_every_place_of_the_table_of_changes_exists() -> None:
    _, table = ARCHITECTURE.split("\n## To change …, go to …\n")
    table = table.split("\n## ")[0]
    places = [place for row in rows(table) for place in _CODE.findall(row[-1])]
    assert len(places) > 30
    assert [place for place in places if not (REPOSITORY / place).exists()] == []


def test_the_layers_of_the_picture_are_those_of_the_import_contract() -> None:
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [layers] = [one["layers"] for one in contracts if one.get("containers") == ["airfleet"]]
    drawn = re.search(r"^```\n( cli · .*?)^```", ARCHITECTURE, re.MULTILINE | re.DOTALL)
    assert drawn
    shown = [line.replace(" [A]", "").strip().split(" · ") for line in drawn[1].splitlines()]
    assert shown == [layer.split(" | ") for layer in layers]


@pytest.mark.parametrize("text", [ARCHITECTURE, GLOSSARY], ids=["architecture", "glossary"])
def test_rooms_that_are_named_exist(text: str) -> None:
    named = set(re.findall(r"\[([a-z_]+(?:/[a-z_]+)?)(?:, [a-z_]+)?\](?!\()", text))
    if text is GLOSSARY:
        named = {room for row in rows(text) for room in _CODE.findall(row[-1]) if len(row) in (3, 4)}
    folders = [REPOSITORY, REPOSITORY / "src" / "airfleet"]
    assert len(named) > 10
    assert sorted(room for room in named if not any((folder / room).exists() for folder in folders)) == []


def test_log_events_that_a_fault_names_exist() -> None:
    actions = {event.name.lower() for event in Event}
    named = {
        code for row in rows(FAULTS) if len(row) in (3, 6) for code in _CODE.findall(row[-1 if len(row) == 3 else 4])
    }
    named = {name for name in named if re.fullmatch(r"[a-z]+(_[a-z]+)+", name)}
    assert len(named) > 10
    assert sorted(named - actions) == []


def test_lines_of_logs_that_a_fault_quotes_stand_in_the_source() -> None:
    source = "".join(file.read_text(encoding="utf-8") for file in SOURCE.rglob("*.py"))
    cells = [row[4] for row in rows(FAULTS) if len(row) == 6]
    quoted = {text for cell in cells if " log: " in cell for text in _CODE.findall(cell)}
    assert len(quoted) > 10
    assert sorted(text for text in quoted if any(part not in source for part in text.split("…"))) == []


def test_every_row_about_a_fault_says_detection_action_setting_event_and_effect() -> None:
    tables = [row for row in rows(FAULTS) if len(row) > 3]
    assert len(tables) > 60
    assert [row for row in tables if len(row) != 6] == []


def missing_modules(text: str) -> list[str]:
    """Name what a text has as ``airfleet.room.module`` (or something in it) or ``room/module.py``, and is not there."""
    codes = sorted(set(_CODE.findall(without_blocks(text))))
    dotted = [code for code in codes if re.fullmatch(r"airfleet(?:\.\w+)+", code) and _is_room(code.split(".")[1])]
    paths = [code for code in codes if re.fullmatch(r"(?:\w+/)+\w+\.py", code) and (SOURCE / code).parent.is_dir()]
    roots = (SOURCE, REPOSITORY / "tests" / "unit")
    return [
        *(code for code in dotted if not _is_module_or_in_one(REPOSITORY / "src" / Path(*code.split(".")))),
        *(code for code in paths if not any((root / code).is_file() for root in roots)),
    ]


def _is_room(name: str) -> bool:  # a setting of Airflow's section ``airfleet`` is none
    return (SOURCE / name).is_dir()


def _is_module_or_in_one(path: Path) -> bool:
    return path.is_dir() or path.with_suffix(".py").is_file() or path.parent.with_suffix(".py").is_file()


@pytest.mark.parametrize("document", documents(), ids=name)
def test_modules_that_a_document_names_exist(document: Path) -> None:
    assert missing_modules(document.read_text(encoding="utf-8")) == []


def test_a_module_that_is_not_there_is_found() -> None:
    text = "`airfleet.agent.judging`, `agent/judging.py`, `airfleet.drill.invariants.check`, `spool/outbox.py`"
    assert missing_modules(text) == ["airfleet.agent.judging", "agent/judging.py"]
