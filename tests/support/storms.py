"""The pipelines of examples under random faults: a fleet with their Dags, and runs begun while things break."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from airfleet.client.api_client import ApiError
from airfleet.drill.waiting import wait_until
from faultlab.faults import nemesis
from faultlab.faults.component_faults import KillMonitor
from faultlab.systems.fleet_system import FleetSystem
from faultlab.systems.topology import Topology

#: variables of a fleet's own would be taken for settings of the one who runs the tests
MARK = "STORM_"
ENDS_SECONDS = 300.0
WELL_SECONDS = 120.0


@dataclass(frozen=True)
class Project:
    """Pipelines to be run: ``copy_into`` brings their files into a fleet's folder."""

    copy_into: Callable[[Path], None]
    #: Dags that are waited for
    dag_ids: Collection[str]
    #: what every task has in its environment
    environ: Mapping[str, str] = field(default_factory=dict)
    queues: tuple[str, ...] = ("default",)
    #: more lines of fleet.yaml; it ends within ``airflow``
    settings: str = ""


class ProjectSystem(FleetSystem):
    """A fleet with the Dags of a project, too."""

    def __init__(self, project: Project) -> None:
        super().__init__(Topology(slots=4, schedulers=2), settings=project.settings)
        self.project = project

    def start(self) -> None:
        """Start the fleet, and add the project."""
        super().start()
        self.project.copy_into(self.fleet.root)
        for dag_id in self.project.dag_ids:
            self.fleet.wait_for_dag(dag_id)

    def _environment(self) -> Mapping[str, str]:
        return {**super()._environment(), **{name: f"${{{{ env.{MARK}{name} }}}}" for name in self.project.environ}}

    def _fleet_yaml(self) -> str:
        queues = f"{{name: worker, queues: [{', '.join(self.project.queues)}],"
        return super()._fleet_yaml().replace("{name: worker,", queues)


@dataclass
class Storm:
    """Runs that were begun, and faults between them."""

    system: ProjectSystem
    begun: list[tuple[str, str]] = field(default_factory=list)

    def begin(self, dag_id: str, **conf: object) -> None:
        """Start a run; asked again while nobody answers, under an id that makes it one run."""
        fleet, run_id = self.system.fleet, f"storm-{len(self.begun)}"
        self.begun.append((dag_id, run_id))

        def asked() -> bool:
            try:
                fleet.api.patch("dags", dag_id, body={"is_paused": False}, update_mask="is_paused")
                fleet.api.post(
                    "dags", dag_id, "dagRuns", body={"dag_run_id": run_id, "logical_date": None, "conf": conf}
                )
            except ApiError as refused:
                return refused.status == 409  # it was asked for, and only the answer was lost
            except OSError:
                return False
            return True

        wait_until(asked, 90, f"{dag_id} is asked for", 0.5)

    def blow(self, faults: int, seed: int) -> None:
        """Inflict one random fault after the other, each healed and recovered from."""
        for step in nemesis.schedule(nemesis.of_one_host, seed, faults, quiet_seconds=(1.0, 4.0), longest_seconds=6.0):
            if isinstance(step.fault, KillMonitor):  # it looks for tasks that write down what they do
                continue
            time.sleep(step.after_seconds)
            print(f"fault: {step.fault.name}")
            step.fault.inflict(self.system)
            time.sleep(step.fault.seconds)
            step.fault.heal(self.system)
            wait_until(self.system.is_well, WELL_SECONDS, f"all is well after: {step.fault.name}", 0.5)

    def states(self) -> dict[tuple[str, str], str]:
        """Tell how the runs that were begun ended."""
        return {run: self.system.fleet.wait_for_run(*run, ENDS_SECONDS) for run in self.begun}


@contextmanager
def storm_over(project: Project) -> Iterator[Storm]:
    """Start a healthy fleet with the project, about to be hit."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in project.environ.items():
            patched.setenv(f"{MARK}{name}", value)
        with ProjectSystem(project) as system:
            yield Storm(system)
