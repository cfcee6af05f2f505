"""Assets: what tasks produce and consume, and the runs that this starts."""

# ruff: noqa: E501
from __future__ import annotations

from datetime import datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Asset, AssetAlias, Metadata, task

ORDERS = Asset(uri="s3://semantics/orders", name="semantics_orders", extra={"owner": "us"}, group="shop")
PRICES = Asset(uri="s3://semantics/prices", name="semantics_prices")
LOST = Asset(uri="s3://semantics/lost", name="semantics_lost")
ALIAS = AssetAlias("semantics_alias")

with DAG("assets_produce", schedule=None, start_date=datetime(2026, 1, 1)):

    @task(outlets=[ORDERS])
    def yields():
        yield Metadata(ORDERS, {"rows": 5})

    @task(outlets=[PRICES])
    def writes_extra(*, outlet_events=None):
        outlet_events[PRICES].extra = {"from": "context"}
        return "prices"

    @task(outlets=[ALIAS])
    def through_alias(*, outlet_events=None):
        outlet_events[ALIAS].add(Asset(uri="s3://semantics/aliased", name="semantics_aliased"), extra={"k": "v"})

    @task(outlets=[LOST])
    def fails():
        raise ValueError("no asset then")

    @task(outlets=[LOST])
    def skips():
        from airflow.sdk.exceptions import AirflowSkipException

        raise AirflowSkipException

    @task(outlets=[LOST])
    def unknown_asset(*, outlet_events=None):
        outlet_events[Asset(uri="s3://semantics/not-mine")].extra = {"a": 1}

    @task(outlets=[Asset(uri="s3://semantics/mapped", name="semantics_mapped")])
    def mapped(number, *, outlet_events=None):
        outlet_events[Asset(uri="s3://semantics/mapped", name="semantics_mapped")].extra = {"number": number}

    yields() >> writes_extra() >> through_alias()
    fails(), skips(), unknown_asset(), mapped.expand(number=[1, 2])

with DAG("assets_consume", schedule=(ORDERS & PRICES), start_date=datetime(2026, 1, 1)):

    @task(inlets=[ORDERS, PRICES])
    def reads(*, inlet_events=None, triggering_asset_events=None, ti=None):
        given = sorted(triggering_asset_events.items(), key=lambda pair: pair[0].uri)
        seen = {asset.uri: [event.extra for event in events] for asset, events in given}
        last = {asset.uri: inlet_events[asset][-1].extra for asset in (ORDERS, PRICES)}
        sources = [
            event.source_task_instance.task_id for events in triggering_asset_events.values() for event in events
        ]
        return [seen, last, sorted(sources)]

    reads() >> BashOperator(
        task_id="says",
        bash_command="echo '{% for asset, events in triggering_asset_events.items() | sort(attribute='0.uri') %}{{ asset.uri }} {{ events | length }} {% endfor %}'",
    )
