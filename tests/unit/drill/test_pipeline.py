"""The pipeline of a drill is added and removed, and warnings name the rest."""

from __future__ import annotations

import pytest

from airfleet.client import api_client
from airfleet.client.project import Project
from airfleet.drill import pipeline
from airfleet.drill.workload import DRILL
from airfleet.errors import WaitTimedOut
from support.drills import drilled_fleet, one_drill
from support.fake_airflow import FakeAirflow, dag


def test_what_cannot_be_taken_back_is_a_warning(airflow: FakeAirflow, project: Project) -> None:
    airflow.dags[DRILL] = dag(DRILL)
    warnings: list[str] = []
    one = one_drill(drilled_fleet(project, api_client.connect(project)[0]), warnings)
    with one.prepared():
        folder = one.fleet.witness_folder
        assert folder.is_dir()
        airflow.failures = [500]
    assert not folder.exists()
    assert list((project.root / "pipelines").iterdir()) == []
    assert len(warnings) == 1
    assert warnings[0].startswith(f"the drill has left Dag '{DRILL}' with its runs: the API said 500")


@pytest.mark.parametrize(
    ("others", "hint"),
    [
        ((), "airfleet logs dag-processor"),
        (
            ("b", "c"),
            "the dag-processors of hosts b and c have to read the same folder of pipelines, on a disk that is shared: "
            "one that does not see airfleet_drill.yaml takes its Dag away again",
        ),
    ],
)
def test_a_pipeline_that_is_not_seen_is_said_with_who_may_have_taken_it_away(
    airflow: FakeAirflow, project: Project, monkeypatch: pytest.MonkeyPatch, others: tuple[str, ...], hint: str
) -> None:
    monkeypatch.setattr(pipeline, "DISCOVERY_SECONDS", 0.0)
    one = one_drill(drilled_fleet(project, api_client.connect(project)[0], others=others), [])
    with pytest.raises(WaitTimedOut) as late, one.prepared():
        pass
    assert str(late.value) == f"the fleet did not see airfleet_drill.yaml within 0 s\nhint: {hint}"
    assert list((project.root / "pipelines").iterdir()) == []


@pytest.mark.parametrize(
    ("others", "is_stale", "said"),
    [
        (("b",), True, [f"Dag '{DRILL}' was taken away during the drill, so the verdict says little about the fault"]),
        (("b",), False, []),
        ((), True, []),
    ],
)
def test_a_dag_that_another_machine_took_away_is_said(
    airflow: FakeAirflow, project: Project, others: tuple[str, ...], is_stale: bool, said: list[str]
) -> None:
    airflow.dags[DRILL] = dag(DRILL, is_stale=is_stale)
    warnings: list[str] = []
    fleet = drilled_fleet(project, api_client.connect(project)[0], others=others)
    one_drill(fleet, warnings).pipeline.warn_if_taken_away()
    assert warnings == said
