"""Airflow's timetables and assets are as schedules of pipelines take them to be."""

from __future__ import annotations

import datetime as dt

import pendulum
import pytest
from airflow.exceptions import SerializationError
from airflow.sdk import DAG, Asset, AssetAlias, EventsTimetable
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables import events

from airfleet.pipelines.checks.schedules.assets import MOST, identifier_problem


def test_only_the_events_of_the_scheduler_can_be_read_again() -> None:
    moments = [pendulum.datetime(2026, 12, 24), pendulum.datetime(2026, 12, 31)]
    DagSerialization.from_dict(DagSerialization.to_dict(DAG("d", schedule=events.EventsTimetable(moments))))
    with pytest.raises(SerializationError, match="_summary"):  # then the class of the SDK can be used, too
        DagSerialization.from_dict(DagSerialization.to_dict(DAG("d", schedule=EventsTimetable(moments))))


def test_the_zone_of_a_dag_can_be_set() -> None:
    dag = DAG("d", schedule=None)
    dag.timezone = pendulum.timezone("Europe/Berlin")
    assert DagSerialization.from_dict(DagSerialization.to_dict(dag)).timezone.name == "Europe/Berlin"


def test_a_length_is_a_schedule_and_the_zone_is_that_of_the_start() -> None:
    start = dt.datetime(2026, 1, 1, tzinfo=pendulum.timezone("Europe/Berlin"))
    assert type(DAG("d", schedule=dt.timedelta(hours=1)).timetable).__name__ == "DeltaTriggerTimetable"
    assert DAG("d", schedule="0 6 * * *", start_date=start).timetable.timezone.name == "Europe/Berlin"


ADDRESSES = [
    *("s3://bucket/key", "s3:///key", "s3:bucket", "S3://bucket"),
    *("postgres://h/d/s/t", "postgres://h/d/s", "postgres:///d/s/t", "postgresql://h:1/d/s/t/", "postgresql://h"),
    *("airflow://x", "Airflow:x", "http://[::1", "http://h:port/", "http://h:99999999/", "file:/a", "file:", "x-own:"),
    *("plain", "redshift://h", "", " ", "x" * MOST, "x" * (MOST + 1)),
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_refused_where_airflow_refuses_it(address: str) -> None:
    try:
        Asset(name="n", uri=address)
    except ValueError:
        refused = True
    else:
        refused = False
    if address in ("http://h:port/", "http://h:99999999/"):
        assert not refused  # Airflow never looks at the port; no program could use such an address
        assert identifier_problem("uri", address)
    else:
        assert bool(identifier_problem("uri", address)) is refused


@pytest.mark.parametrize("name", ["a", "", " ", "self", "context", "x" * (MOST + 1)])
def test_a_name_is_refused_where_airflow_refuses_it(name: str) -> None:
    for argument, cls in (("name", Asset), ("alias", AssetAlias)):
        try:
            cls(name=name)
        except ValueError:
            assert identifier_problem(argument, name)
        else:
            assert identifier_problem(argument, name) is None
