"""Each folder of ``pairs`` has a pipeline and the Dag in Python that it equals: Airflow stores the same of both."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from airfleet.pipelines.airflow.import_common import dags_and_problems
from support.stored_dags import dags_in, stored

PAIRS = Path(__file__).parent / "pairs"


@pytest.mark.parametrize("name", sorted(folder.name for folder in PAIRS.iterdir()))
def test_a_pipeline_equals_its_dag_in_python(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = PAIRS / name
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "steps", raising=False)  # of the pair before
    dags, problems = dags_and_problems(folder / "pipeline.yaml")
    assert [str(problem) for problem in problems] == []
    assert [stored(dag) for dag in dags] == [stored(dag) for dag in dags_in(folder / "dag.py")]
