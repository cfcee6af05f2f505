"""Assets that other Dags describe: a trial run has only one Dag, so it describes them itself."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Asset, BaseOperator
from airflow.sdk.definitions.asset import AssetNameRef, AssetUriRef


def describe_references(dag: DAG) -> None:
    """Put an asset in place of each reference among ``inlets`` and ``outlets``; else its task fails."""
    tasks = [task for task in dag.tasks if isinstance(task, BaseOperator)]
    described = [asset for task in tasks for asset in (*task.inlets, *task.outlets) if isinstance(asset, Asset)]
    known = {text: asset for asset in described for text in (asset.name, asset.uri)}
    for task in tasks:
        task.inlets = [_described(asset, known) for asset in task.inlets]
        task.outlets = [_described(asset, known) for asset in task.outlets]


def _described(asset: Any, known: dict[str, Asset]) -> Any:
    if isinstance(asset, AssetNameRef):
        return known.get(asset.name) or Asset(name=asset.name)
    if isinstance(asset, AssetUriRef):
        return known.get(asset.uri) or Asset(uri=asset.uri)
    return asset
