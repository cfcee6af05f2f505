"""Pods and containers with the classes of Kubernetes and Docker: a pipeline asks for what a Dag in Python asks for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
from airflow.sdk import DAG

from airfleet.pipelines.airflow.import_common import dags_and_problems
from airfleet.testing.fleet import clean_environment, command
from support.stored_dags import dags_in, stored

FOLDER = Path(__file__).parent / "containers"
CONTEXT = {"ds": "2026-01-31", "params": {"region": "eu"}}


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> list[DAG]:
    """The Dag of the pipeline, and the one in Python."""
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.delitem(sys.modules, "steps", raising=False)
    dags, problems = dags_and_problems(FOLDER / "pipeline.yaml")
    assert [str(problem) for problem in problems] == []
    return [*dags, *dags_in(FOLDER / "dag.py")]


def test_airflow_stores_the_same_of_both(both: list[DAG]) -> None:
    of_yaml, of_python = (stored(dag) for dag in both)
    assert of_yaml == of_python


def test_kubernetes_is_asked_for_the_same_pod(both: list[DAG], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KubernetesHook, "is_in_cluster", False)  # else a cluster is looked for, to name it in a label
    of_yaml, of_python = (pod(dag) for dag in both)
    assert of_yaml == of_python
    assert of_yaml["volumes"] == [{"name": "cache", "persistent_volume_claim": {"claim_name": "cache-eu"}}]
    [container] = of_yaml["containers"]
    assert (container["image"], container["args"]) == ("shop/train:eu", ["2026-01-31"])
    assert {"name": "RETRIES", "value": "3"} in container["env"]


def test_docker_is_asked_for_the_same_mounts(both: list[DAG]) -> None:
    of_yaml, of_python = (rendered(dag, "publish") for dag in both)
    assert (of_yaml.mounts, of_yaml.command) == (of_python.mounts, of_python.command)
    assert of_yaml.mounts == [
        {"Target": "/data", "Source": "shop-data", "Type": "volume", "ReadOnly": True},
        {"Target": "/run/shop", "Source": "/srv/eu", "Type": "bind", "ReadOnly": False},
    ]


def test_check_finds_nothing_wrong_with_them() -> None:
    environment = {**clean_environment(), "PYTHONPATH": os.pathsep.join([str(FOLDER), *sys.path])}
    told = subprocess.run(
        [*command(), "check", "pipeline.yaml"], cwd=FOLDER, env=environment, capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stdout) == (0, "")


def pod(dag: DAG) -> dict[str, Any]:
    """What of the pod the author says, as the operator makes it of the task."""
    task = rendered(dag, "train")
    return without_nothing(task.build_pod_request_obj().spec.to_dict())


def rendered(dag: DAG, name: str) -> Any:
    """An operator as it is when it runs."""
    task: Any = dag.get_task(name)
    task.render_template_fields({**CONTEXT, "task": task})
    return task


def without_nothing(value: Any) -> Any:
    """A value of Kubernetes without what is not said."""
    if isinstance(value, dict):
        return {key: without_nothing(item) for key, item in value.items() if item not in (None, [], {})}
    return [without_nothing(item) for item in value] if isinstance(value, list) else value
