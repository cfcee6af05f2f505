"""Imports of older Airflows: which fail in Airflow 3, and the line to write instead."""

from __future__ import annotations

import importlib
import warnings

import pytest

from airfleet.pipelines.upgrade import imports

GONE = [
    ("airflow.operators.bash_operator", "BashOperator"),
    ("airflow.operators.subdag", "SubDagOperator"),
    ("airflow.contrib.operators.ssh_operator", "SSHOperator"),
    ("airflow.operators", "BashOperator"),
]
THERE = [
    ("airflow.operators.bash", "BashOperator"),
    ("airflow.operators.python", "PythonOperator"),
    ("airflow.providers.standard.operators.bash", "BashOperator"),
    ("airflow.sdk", "DAG"),
    ("airflow", "DAG"),
]


@pytest.mark.parametrize(("module", "name"), GONE)
def test_an_import_that_fails_is_known_as_gone(module: str, name: str) -> None:
    assert imports.is_gone(module, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises((ImportError, AttributeError)):
            getattr(importlib.import_module(module), name)


@pytest.mark.parametrize(("module", "name"), THERE)
def test_an_import_that_works_is_not(module: str, name: str) -> None:
    assert not imports.is_gone(module, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert getattr(importlib.import_module(module), name)


@pytest.mark.parametrize(
    ("name", "alias", "line"),
    [
        ("BashOperator", None, "write: from airflow.providers.standard.operators.bash import BashOperator"),
        ("BashOperator", "Bash", "write: from airflow.providers.standard.operators.bash import BashOperator as Bash"),
        (
            "DummyOperator",
            None,
            "write: from airflow.providers.standard.operators.empty import EmptyOperator as DummyOperator",
        ),
        ("NoSuchThing", None, None),
    ],
)
def test_the_new_import_keeps_the_name_that_the_file_uses(name: str, alias: str | None, line: str | None) -> None:
    assert imports.instead(name, alias) == line


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("airflow.operators.bash_operator.BashOperator", "write uses: bash"),
        ("airflow.operators.dummy_operator.DummyOperator", "write uses: empty"),
        ("airflow.providers.standard.operators.bash.BashOperator", None),
        ("shop.operators.bash_operator.BashOperator", None),
    ],
)
def test_a_class_path_that_is_gone_has_a_short_name(path: str, hint: str | None) -> None:
    found = imports.gone(path)
    assert (found[1] if found else None) == hint
    assert found is None or found[0] == f"'{path}' is not there in Airflow 3"


def test_a_path_that_airflow_answers_for_is_followed_to_where_the_class_stands_now() -> None:
    assert (
        imports.now("airflow.operators.bash.BashOperator") == "airflow.providers.standard.operators.bash.BashOperator"
    )
    assert imports.now("shop.Op") == "shop.Op"


def test_a_provider_that_is_not_installed_is_named() -> None:
    hint = imports.instead("SSHOperator", None)
    assert hint is not None
    assert hint.endswith(", and install apache-airflow-providers-ssh")


def test_the_class_of_an_old_module_is_guessed_from_its_name() -> None:
    assert imports.instead_of_module("airflow.operators.bash_operator") == imports.instead("BashOperator", None)
    assert imports.instead_of_module("airflow.utils.no_such_helper") is None
