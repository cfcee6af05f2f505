"""The files of a new project fit together, whatever its folder is called."""

from __future__ import annotations

import ast
import re

import pytest

from airfleet.cli.commands.pipelines import scaffold


@pytest.mark.parametrize(
    ("folder", "fleet", "module"),
    [
        ("shop", "shop", "shop"),
        ("My Shop (2)", "my-shop-2", "my_shop_2"),
        ("2nd", "2nd", "project_2nd"),
        ("json", "json", "json_project"),
        ("airflow", "airflow", "airflow_project"),
        ("данные", "fleet", "данные"),
        ("---", "fleet", "project"),
    ],
)
def test_fleet_and_package_have_names_that_each_may_have(folder: str, fleet: str, module: str) -> None:
    assert scaffold.fleet_name(folder) == fleet
    assert scaffold.module_name(folder) == module
    assert module.isidentifier()


@pytest.mark.parametrize("name", ["shop", "2nd"])
def test_the_pipeline_calls_functions_that_the_package_has(name: str) -> None:
    files, module = scaffold.files(name), scaffold.module_name(name)
    steps = ast.walk(ast.parse(files[f"{module}/steps.py"]))
    functions = {node.name for node in steps if isinstance(node, ast.FunctionDef)}
    called = set(re.findall(rf"{module}\.steps:(\w+)", files["pipelines/hello.yaml"]))
    assert called
    assert called <= functions


def test_no_name_is_left_open() -> None:
    assert [path for path, text in scaffold.files("shop").items() if "$name" in text or "$module" in path + text] == []
