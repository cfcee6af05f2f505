"""Every key of a document is shared or a Dag's own, and every mapping of names is merged."""

from __future__ import annotations

from airfleet.pipelines.language.arguments import DAG_ARGUMENTS, DOCUMENT_KEYS
from airfleet.pipelines.language.shared_keys import MERGED, OWN_KEYS, PART_KEYS, SHARED_KEYS

#: kinds of arguments whose values are mappings of what people name
OF_NAMES = ("mapping", "params", "functions")


def test_every_key_is_shared_or_a_dags_own() -> None:
    assert {*SHARED_KEYS, *OWN_KEYS} == {*DOCUMENT_KEYS, *DAG_ARGUMENTS}
    assert set(PART_KEYS) <= set(SHARED_KEYS)


def test_mappings_of_names_are_merged() -> None:
    named = {name for name, argument in DAG_ARGUMENTS.items() if argument.kind in OF_NAMES}
    assert set(MERGED) == named | {"defaults", "job_defaults", "templates", "groups"}
