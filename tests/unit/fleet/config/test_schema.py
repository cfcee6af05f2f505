"""The JSON Schema of fleet.yaml accepts what the reader accepts; the generated files are up to date."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from airfleet.cli.commands.pipelines import scaffold
from airfleet.fleet.config import keys, reader, schema
from airfleet.fleet.config.kinds import KINDS
from airfleet.yaml import nodes
from support.documents import REPOSITORY

ROOT = REPOSITORY
EXAMPLES = sorted(ROOT.glob("examples/*/fleet.yaml"))
DOCUMENTS = [ROOT / "docs" / name for name in ("reference/fleet.md", "how-to/several-hosts.md")]

validator = jsonschema.Draft202012Validator(schema.schema())


def documents(text: str) -> list[Any]:
    return [nodes.plain(node) for node in nodes.load(text, "fleet.yaml")[0]]


def errors(text: str) -> list[str]:
    return [error.message for document in documents(text) for error in validator.iter_errors(document)]


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema.schema())


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.parent.name)
def test_every_example_is_valid(file: Path) -> None:
    assert errors(file.read_text()) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.stem)
def test_every_fleet_of_the_documentation_is_valid(document: Path) -> None:
    found = re.findall(r"^```yaml fleet\S*\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL)
    assert len(found) >= 3
    assert [errors(text) for text in found] == [[]] * len(found)


def test_every_commented_setting_of_a_new_project_is_valid() -> None:
    text = re.sub(r"^# (?=[a-z_]+:|  )", "", scaffold.files("shop")["fleet.yaml"], flags=re.MULTILINE)
    assert errors(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "nmae: shop",
        "name: [a]",
        "name: a b",
        "scheduler: many",
        "scheduler: 101",
        "api_server: {port: 0}",
        "workers: {name: a}",
        "workers: [{slot: 1}]",
        "workers: [{queues: a}]",
        "workers: [{queues: []}]",
        "workers: [{queues: ['a,b']}]",
        "workers: [{memory: 2}]",
        "hosts: []",
        "hosts: [{address: 10.0.0.1}]",
        "hosts: null\nhost: null",
        "proxy: {nmae: null}",
        "flower: 5555",
        "policies: {on_partition: wait}",
        "production: 1",
        "log_retention: 30",
        "env: {a: [b]}",
        "airflow: {core: 1}",
        "connections: {w: {type: http, password: hush}}",
        "pools: {a: many}",
        "variables: {a: [1]}",
    ],
)
def test_what_the_reader_refuses_an_editor_marks(text: str) -> None:
    assert errors(text) != []


WHOLE = """\
database: postgresql://db.internal/airflow
broker: redis://queue.internal/0
hosts:
  - {name: a, address: 10.0.0.1, scheduler: 1, api_server: true, dag_processor: true}
  - {name: b, address: 10.0.0.2, api_server: true, workers: [{}]}
witness: 10.0.0.9:22
proxy: {on: [a], name: airflow.example.com, port: 8444, tls: {certificate: a.pem, key: a.key}}
flower: {on: a, user: ops}
policies: {on_partition: replace}
env: {CITY: Oslo}
airflow: {core: {parallelism: 9}}
connections: {w: {type: http, host: a}}
variables: {region: {value: eu}}
pools: {few: {slots: 2, description: few}}
"""


@pytest.mark.parametrize(
    "over",
    [
        "flower: null",
        "flower: {user: null}",
        "proxy: {port: 8443}",
        "proxy: {port: null, tls: null}",
        "proxy: {tls: {key: b.key}}",
        "hosts: [{name: a, scheduler: 2}]",
        "hosts: [{name: b, api_server: 1}, {name: a, api_server: null}]",
        "policies: {on_partition: null}",
        "env: {CITY: null}",
        "airflow: {core: null}",
        "airflow: {core: {parallelism: null}}",
        "connections: {w: {host: b}}",
        "connections: {w: null}",
        "variables: {region: {value: us}}",
        "pools: {few: {slots: 3}}",
        "pools: {few: null}",
    ],
)
def test_an_overlay_that_the_reader_takes_is_not_marked(over: str, tmp_path: Path) -> None:
    (tmp_path / "fleet.yaml").write_text(WHOLE)
    (tmp_path / "fleet.prod.yaml").write_text(over)
    reader.read_file(tmp_path / "fleet.yaml", {"AIRFLEET_ENV": "prod"})
    assert errors(over) == []


def test_what_must_be_there_is_said_where_an_editor_shows_it() -> None:
    says = schema.schema()["$defs"]["proxy"]["properties"]["name"]["description"]
    assert says.endswith("; must be there, here or in the file below")


def test_every_kind_of_key_has_a_schema_and_a_place_on_the_page() -> None:
    found = schema.schema()
    for kind in KINDS.values():
        assert kind.shown
        if "$ref" in kind.schema:
            assert kind.schema["$ref"].removeprefix("#/$defs/") in found["$defs"]


def test_the_page_explains_every_key() -> None:
    page = schema.files()["fleet.md"]
    tables = (keys.FLEET, keys.HOST, keys.API_SERVER, keys.WORKER, keys.PROXY, keys.TLS, keys.FLOWER, keys.POLICIES)
    for key in {name for table in (*tables, keys.CONNECTION, keys.VARIABLE, keys.POOL) for name in table}:
        assert re.search(rf"^\| `{key}`\*? \|", page, re.MULTILINE), key


def test_links_on_the_page_lead_to_its_headings() -> None:
    page = schema.files()["fleet.md"]
    headings = {
        re.sub(r"[^a-z0-9 _-]", "", h.lower()).strip().replace(" ", "-")
        for h in re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) - headings == set()


@pytest.mark.parametrize("name", ["fleet.schema.json", "fleet.md"])
def test_the_generated_files_are_up_to_date(name: str) -> None:
    assert (ROOT / "docs" / "reference" / name).read_text() == schema.files()[name]
