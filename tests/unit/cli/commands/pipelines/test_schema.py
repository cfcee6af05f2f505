"""``schema``: JSON Schemas of pipelines and of fleet.yaml."""

from __future__ import annotations

import json

import jsonschema
import pytest

from support.command_line import Airfleet


@pytest.mark.parametrize("file", ["fleet", "pipeline"])
def test_schema_prints_a_schema(file: str, airfleet: Airfleet) -> None:
    found = json.loads(airfleet("schema", file).out)
    jsonschema.Draft202012Validator.check_schema(found)
    assert found["title"] == f"airfleet {file}"
