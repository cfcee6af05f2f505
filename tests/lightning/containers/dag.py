"""Pods and containers: volumes, mounts and secrets, with the classes of Kubernetes and Docker."""

from __future__ import annotations

import steps
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.secret import Secret
from airflow.providers.docker.operators.docker import DockerOperator
from airflow.sdk import DAG, task
from docker.types import Mount
from kubernetes.client import (
    V1PersistentVolumeClaimVolumeSource,
    V1ResourceRequirements,
    V1Volume,
    V1VolumeMount,
)

CLAIM = V1PersistentVolumeClaimVolumeSource(claim_name="cache-{{ params.region }}")

with DAG("containers", schedule=None, params={"region": "eu"}) as dag:
    train = KubernetesPodOperator(
        task_id="train",
        name="train",
        namespace="shop",
        image="shop/train:{{ params.region }}",
        cmds=["python", "-m", "train"],
        arguments=["{{ ds }}"],
        env_vars={"REGION": "{{ params.region }}", "RETRIES": "3"},
        volumes=[V1Volume(name="cache", persistent_volume_claim=CLAIM)],
        volume_mounts=[V1VolumeMount(name="cache", mount_path="/cache")],
        secrets=[Secret("env", "TOKEN", "shop-token", "token")],
        container_resources=V1ResourceRequirements(limits={"memory": "2Gi"}),
        on_finish_action="delete_succeeded_pod",
        startup_timeout_seconds=300,
    )
    publish = DockerOperator(
        task_id="publish",
        image="shop/publish:3",
        command=["publish", "{{ ds }}"],
        mounts=[
            Mount("/data", "shop-data", type="volume", read_only=True),
            Mount(target="/run/shop", source="/srv/{{ params.region }}", type="bind"),
        ],
        auto_remove="success",
        mount_tmp_dir=False,
    )
    count = task.docker(task_id="count", image="python:3.12")(steps.count)(rows=3)
    total = task.kubernetes(task_id="total", image="python:3.12", namespace="shop")(steps.count)(rows=5)
    train >> publish >> count >> total
