"""Notifiers and timetables are found by reading what providers and Airflow say of themselves."""

from __future__ import annotations

import importlib

import pytest

from airfleet.pipelines.analysis import provider_classes


def test_the_notifiers_are_those_of_the_installed_providers() -> None:
    found = provider_classes.notifiers()
    assert "airflow.providers.smtp.notifications.smtp.SmtpNotifier" in found
    assert "airflow.providers.http.notifications.HttpNotifier" in found


def test_the_timetables_are_those_of_the_sdk_and_of_airflow_itself() -> None:
    found = provider_classes.timetables()
    assert {"airflow.sdk.CronTriggerTimetable", "airflow.timetables.interval.DeltaDataIntervalTimetable"} <= set(found)


@pytest.mark.parametrize(
    "path", ["airflow.timetables.base.Timetable", "airflow.sdk.EventsTimetable", "airflow.sdk.DAG"]
)
def test_what_no_schedule_can_have_is_not_listed(path: str) -> None:
    assert path not in provider_classes.timetables()


def test_each_can_be_imported() -> None:
    for path in (*provider_classes.notifiers(), *provider_classes.timetables()):
        module, _, name = path.rpartition(".")
        assert isinstance(getattr(importlib.import_module(module), name), type)
