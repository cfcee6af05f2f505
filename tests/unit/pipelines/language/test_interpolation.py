"""Where a file may have expressions: a file without any is not searched value by value."""

from __future__ import annotations

import pytest

from airfleet.pipelines.reading import reader

FILE = """\
dag_id: sales
description: {description}
schedule: null
start_date: 2026-01-01
tasks: [{{id: load, uses: bash, with: {{bash_command: "true"}}}}]
"""


@pytest.mark.parametrize(
    ("description", "text"),
    [
        ("of ${{ env.REGION }}", "of eu"),
        (r'"of \x24{{ env.REGION }}"', "of eu"),
        ('"of $\\\n  {{ env.REGION }}"', "of eu"),
        ("of $ {{ env.REGION }}", "of $ {{ env.REGION }}"),
        (">-\n  of $\n  {{ env.REGION }}", "of $ {{ env.REGION }}"),
    ],
    ids=["as it stands", "an escaped character", "an escaped line end", "no expression", "a folded line end"],
)
def test_an_expression_is_found_however_its_text_is_written(description: str, text: str) -> None:
    read = reader.read(FILE.format(description=description), "sales.yaml", environ={"REGION": "eu"})
    assert [problem.sentence for problem in read.problems] == []
    assert [pipeline.options["description"] for pipeline in read.pipelines] == [text]
