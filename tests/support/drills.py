"""A fleet to drill, whose agent and Airflow are fakes."""

from __future__ import annotations

from collections.abc import Mapping

from airfleet.client.api_client import Api
from airfleet.client.project import Project
from airfleet.drill.fleet_drill import Drill
from airfleet.drill.parts import DrilledFleet
from airfleet.drill.pipeline import FILE_NAME
from airfleet.drill.placement import PipelineFile

#: nobody listens there
NOWHERE = Api("http://127.0.0.1:9", "admin", "x", patience_seconds=0.0)


def drilled_fleet(
    project: Project, api: Api = NOWHERE, environ: Mapping[str, str] = {}, others: tuple[str, ...] = ()
) -> DrilledFleet:
    """Make one with a single slot."""
    place = PipelineFile(project.root / "pipelines" / FILE_NAME)
    return DrilledFleet(project, environ, place, "default", 1, api, other_readers=others)


def one_drill(fleet: DrilledFleet, said: list[str]) -> Drill:
    """Make a drill that says everything, warnings too, into a list."""
    return Drill(fleet, 1.0, lambda at, line: said.append(line), lambda sentence, hint: said.append(sentence))
