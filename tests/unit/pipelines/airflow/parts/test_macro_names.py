"""Macros in macros."""

from __future__ import annotations

import jinja2

from airfleet.pipelines.airflow.parts.macro_names import MacroNames


def test_functions_are_called_and_values_are_values() -> None:
    names = MacroNames(up="operator:truth", text="a", inner=MacroNames(base="posixpath:basename"))
    template = jinja2.Template("{{ names.up(1) }} {{ names.text }} {{ names.inner.base('/a/b') }}")
    assert template.render(names=names) == "True a b"
