"""``schema``: JSON Schemas of pipelines and of fleet.yaml."""

from __future__ import annotations

import json

import jsonschema
import pytest

from airfleet.client.project import Project
from support import documents
from support.command_line import Airfleet

PAGE = documents.REPOSITORY / "docs" / "how-to" / "editors.md"


@pytest.mark.parametrize("file", ["fleet", "pipeline"])
def test_schema_prints_a_schema(file: str, airfleet: Airfleet) -> None:
    found = json.loads(airfleet("schema", file).out)
    jsonschema.Draft202012Validator.check_schema(found)
    assert found["title"] == f"airfleet {file}"


def test_the_installed_operators_come_into_the_schema_of_pipelines(airfleet: Airfleet) -> None:
    plain, found = (json.loads(airfleet("schema", "pipeline", *more).out) for more in ((), ("--installed",)))
    assert "task.bash" not in plain["$defs"]
    assert "bash_command" in found["$defs"]["task.bash"]["properties"]["with"]["properties"]


def test_all_schemas_are_written_into_the_project_and_a_setting_names_them(
    project: Project, airfleet: Airfleet
) -> None:
    (project.root / "fleet.yaml").write_text("name: shop\npipelines: flows\nuser: [wrong]\n")
    (project.root / "flows").mkdir()
    result = airfleet("schema", "--installed")
    schemas = json.loads(result.out)["yaml.schemas"]
    assert schemas["./.airfleet/schemas/pipeline.schema.json"] == [
        *("defaults.yaml", "flows/**/*.yaml", "flows/**/*.yml", "!*.test.yaml", "!*.test.yml")
    ]
    for name in schemas:
        jsonschema.Draft202012Validator.check_schema(json.loads((project.root / name).read_text()))
    folder = project.root / ".airfleet" / "schemas"
    assert result.err == f"the schemas are in {folder}; the setting above is for yaml-language-server\n"


def test_the_page_on_editors_shows_the_setting(project: Project, airfleet: Airfleet) -> None:
    [shown] = [block.text for block in documents.blocks(PAGE) if block.language == "json"]
    assert airfleet("schema", "--installed").out == shown


def test_a_folder_that_cannot_be_written_is_named(project: Project, airfleet: Airfleet) -> None:
    (project.root / ".airfleet").write_text("")
    result = airfleet("schema", "--installed")
    assert (result.code, result.out) == (1, "")
    assert f"cannot write {project.root / '.airfleet' / 'schemas'}: Not a directory" in result.err


def test_without_a_file_it_asks_for_one(airfleet: Airfleet) -> None:
    result = airfleet("schema")
    assert result.code == 2
    assert "which schema?\nhint: fleet, pipeline or test; or --installed for all three" in result.err
