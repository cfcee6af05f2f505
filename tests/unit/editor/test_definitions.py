"""The place where the word under the cursor, which is written ``|``, is defined."""

from __future__ import annotations

import pytest

from airfleet.editor.completions import Project
from airfleet.editor.definitions import definition
from airfleet.editor.spots import written_at
from unit.editor.test_spots import position

TEXT = """dag_id: d
templates:
  patient: {retries: 5}
tasks:
- {id: a, uses: "shop.steps:fetch"}
- group: g
  tasks:
  - {id: a, uses: bash}
  - {id: b, WRITTEN}
"""


@pytest.mark.parametrize(
    ("written", "file", "line"),
    [
        ("needs: [a|]", "pipelines/p.yaml", 8),
        ("needs: ['g.a|']", "pipelines/p.yaml", 8),
        ("needs: [g|]", "pipelines/p.yaml", 6),
        ("with: {x: {$x: a|}}", "pipelines/p.yaml", 8),
        ("extends: patie|nt", "pipelines/p.yaml", 3),
        ("uses: 'shop.steps:fe|tch'", "shop/steps.py", 2),
        ("on_failure_callback: 'shop.steps:fe|tch'", "shop/steps.py", 2),
        ("with: {x: {$f: load.s|ql}}", "pipelines/load.sql", 1),
    ],
)
def test_it_is_found(written: str, file: str, line: int, shop: Project) -> None:
    found = written_at(*position(TEXT.replace("WRITTEN", written)))
    assert found is not None
    place = definition(found, shop.folder / "p.yaml", shop.roots)
    assert place is not None
    assert (place.file, place.line) == (str(shop.folder.parent / file), line)


def test_a_group_without_a_prefix_is_no_part_of_an_id(shop: Project) -> None:
    text = TEXT.replace("- group: g\n", "- group: g\n  prefix: false\n") + "- {id: c, needs: [b|]}\n"
    found = written_at(*position(text.replace(", WRITTEN", "")))
    assert found is not None
    place = definition(found, shop.folder / "p.yaml", shop.roots)
    assert place is not None
    assert place.line == 10


def test_an_operator_leads_to_its_class(shop: Project) -> None:
    found = written_at(*position(TEXT.replace("WRITTEN", "uses: ba|sh")))
    assert found is not None
    place = definition(found, shop.folder / "p.yaml", shop.roots)
    assert place is not None
    assert place.file.endswith("standard/operators/bash.py")


@pytest.mark.parametrize(
    "written", ["needs: [no|body]", "extends: no|ne", f"include: {'x' * 400}|", "uses: no.Clas|s", "que|ue: x"]
)
def test_of_nothing_there_is_no_place(written: str, shop: Project) -> None:
    found = written_at(*position(TEXT.replace("WRITTEN", written)))
    assert found is not None
    assert definition(found, shop.folder / "p.yaml", shop.roots) is None
