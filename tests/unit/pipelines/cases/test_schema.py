"""The JSON Schema of test files takes what the reader takes, and refuses what it refuses."""

from __future__ import annotations

import jsonschema
import pytest
import yaml

from airfleet.pipelines.cases import reader, schema
from support import documents

PAGE = documents.REPOSITORY / "docs" / "how-to" / "test-a-pipeline.md"
EXAMPLE = documents.REPOSITORY / "examples" / "etl_classics" / "pipelines" / "stock_gate.test.yaml"
GOOD = [
    EXAMPLE.read_text(),
    *(block.text for block in documents.blocks(PAGE) if block.file.endswith(".test.yaml")),
    "$schema: x\njob: eu\ntimeout: 2m\ncases: [{name: a, connections: {db: 'a://b', c: {type: http, port: 1}}}]\n",
]


def accepts(text: str) -> bool:
    content = yaml.load(text, _Json)
    return jsonschema.Draft202012Validator(schema.schema()).is_valid(content)


class _Json(yaml.SafeLoader):
    """YAML without dates, as JSON has values."""


_Json.yaml_implicit_resolvers = {
    key: [one for one in some if one[0] != "tag:yaml.org,2002:timestamp"]
    for key, some in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@pytest.mark.parametrize("text", GOOD)
def test_it_takes_what_the_reader_takes(text: str) -> None:
    assert reader.read(text, "a.test.yaml").problems == ()
    assert accepts(text)


@pytest.mark.parametrize(
    "text",
    [
        "cases: {a: 1}",
        "cases: [{nmae: a}]",
        "cases: [{name: a, expect: {run: sucess}}]",
        "cases: [{name: a, expect: {tasks: {b: done}}}]",
        "cases: [{name: a, expect: {tasks: {b: {tries: x}}}}]",
        "cases: [{name: a, mocks: {b: {skips: 1}}}]",
        "date: soon\ncases: [{name: a}]",
    ],
)
def test_it_refuses_what_the_reader_refuses(text: str) -> None:
    assert reader.read(text, "a.test.yaml").problems != ()
    assert not accepts(text)


def test_the_page_names_every_key() -> None:
    page = schema.page()
    for definition in (schema.schema(), *schema.schema()["$defs"].values()):
        for name in definition.get("properties", {}):
            assert f"`{name}`" in page
