"""Operator classes are imported by their paths, and known by their constructors and those of their bases."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import BaseOperator

from airfleet.pipelines.airflow import operator_classes
from airfleet.pipelines.airflow.operator_classes import NotImported, imported


class Base(BaseOperator):
    template_fields = ("path",)

    def __init__(self, *, path: str, size: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)


class PassesOn(Base):
    def __init__(self, *, extra: bool | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)


class Closed(Base):
    template_fields = "only"  # type: ignore[assignment]

    def __init__(self, *, task_id: str, only: str) -> None:
        super().__init__(path=only, task_id=task_id)


def test_arguments_come_from_the_constructors_that_pass_them_on() -> None:
    found = operator_classes.arguments(PassesOn)
    assert found.annotations == {"extra": "bool | None", "path": "str", "size": "int"}
    assert found.required == ()
    assert operator_classes.arguments(Base).required == ("path",)


def test_a_constructor_that_passes_nothing_on_hides_those_below() -> None:
    found = operator_classes.arguments(Closed)
    assert found.annotations == {"only": "str"}
    assert found.rendered == {"only"}, "one name alone is no tuple of letters"


def test_what_every_task_takes_is_not_among_the_arguments_of_an_operator() -> None:
    assert {"retries", "queue", "pool"} <= set(operator_classes.task_arguments())
    assert not {"task_id", "dag", "self"} & set(operator_classes.task_arguments())
    assert "retries" not in operator_classes.arguments(BashOperator).annotations


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "user_ops", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "said", "hint"),
    [
        ("Bash", "'Bash' is not an import path", None),
        ("no_such_module.Op", "there is no module 'no_such_module'", None),
        ("airflow.providers.no_such.operators.a.A", "there is no module 'airflow.providers.no_such'",
         "add apache-airflow-providers-no-such to the requirements"),
        ("airflow.providers.apache.drill.operators.a.A", "there is no module 'airflow.providers.apache'",
         "add apache-airflow-providers-apache-drill to the requirements"),
        ("airflow.providers.standard.operators.bash.BashOpertor",
         "'airflow.providers.standard.operators.bash' has no 'BashOpertor'", "did you mean 'BashOperator'?"),
    ],
)  # fmt: skip
def test_what_cannot_be_imported_is_a_sentence_with_a_hint(path: str, said: str, hint: str | None) -> None:
    with pytest.raises(NotImported) as raised:
        imported(path)
    assert raised.value.args == (said, hint)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import no_such_library", "'user_ops.A' needs the module 'no_such_library', which is not installed"),
        ("raise ValueError('no')", "'user_ops' cannot be imported: ValueError: no"),
        ("raise SystemExit(3)", "'user_ops' cannot be imported: it ends the process (SystemExit: 3)"),
        ("def __getattr__(name): raise KeyError(name)", "'user_ops' cannot be imported: KeyError: 'A'"),
    ],
)
def test_what_the_module_of_a_user_raises_is_said(text: str, said: str, folder: Path) -> None:
    (folder / "user_ops.py").write_text(text)
    with pytest.raises(NotImported) as raised:
        imported("user_ops.A")
    assert raised.value.args[0] == said
