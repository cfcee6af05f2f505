"""The JSON Schemas of a project's files, for an editor with another language server for YAML, and its setting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from airfleet.editor import installed_schema
from airfleet.fleet.config import schema as fleet
from airfleet.pipelines.cases import schema as cases
from airfleet.pipelines.reading import schema as pipelines
from airfleet.yaml import json_schema
from airfleet.yaml.fields import Schema

#: the folder of the files, in that of the project
FOLDER: Final = ".airfleet/schemas"


def of(file: str, *, installed: bool) -> Schema:
    """Write the schema of ``fleet``, ``pipeline`` or ``test``; ``installed`` adds operators to that of a pipeline."""
    if file == "fleet":
        return fleet.schema()
    if file == "test":
        return cases.schema()
    return installed_schema.schema() if installed else pipelines.schema()


def files() -> Mapping[str, str]:
    """Write every schema: the name of its file → text."""
    return {f"{name}.schema.json": json_schema.text(of(name, installed=True)) for name in ("fleet", "pipeline", "test")}


def setting(pipelines_folder: str) -> Mapping[str, Mapping[str, list[str]]]:
    """Write the setting by which yaml-language-server takes each schema for its files."""
    inside = f"{pipelines_folder}/**/*"
    tests = ["*.test.yaml", "*.test.yml"]
    schemas = {
        "fleet": ["fleet.yaml", "fleet.*.yaml"],
        "pipeline": ["defaults.yaml", f"{inside}.yaml", f"{inside}.yml", *(f"!{one}" for one in tests)],
        "test": tests,
    }
    return {"yaml.schemas": {f"./{FOLDER}/{name}.schema.json": globs for name, globs in schemas.items()}}
