"""A trial run of one Dag has the assets that other Dags describe."""

from __future__ import annotations

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, AssetAlias

from airfleet.pipelines.airflow.trial.references import describe_references


def test_references_become_assets_and_all_others_stay() -> None:
    orders, alias = Asset("orders", "s3://lake/orders"), AssetAlias("files")
    with DAG("d") as dag:
        EmptyOperator(task_id="a", outlets=[orders, alias])
        EmptyOperator(task_id="b", inlets=[Asset.ref(name="orders"), Asset.ref(name="x"), Asset.ref(uri="s3://y/z")])
    describe_references(dag)
    assert dag.task_dict["a"].outlets == [orders, alias]
    assert dag.task_dict["b"].inlets == [orders, Asset("x"), Asset("s3://y/z")]
