"""The silence that a monitor may keep, and the life of a token, for the settings of a fleet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from airfleet.fleet.planning import airflow_settings, patience
from support.proxied_fleets import ONE_HOST, here


def sections(airflow: Mapping[str, Mapping[str, str]]) -> patience.Sections:
    """Give the settings of a fleet with these of its own."""
    return airflow_settings.sections(here(replace(ONE_HOST, airflow=airflow)))


@pytest.mark.parametrize(
    ("airflow", "seconds"),
    [
        ({}, 240.0),
        ({"scheduler": {"task_instance_heartbeat_timeout": "20"}}, 240.0),
        ({"scheduler": {"task_instance_heartbeat_timeout": "1800"}}, 1440.0),
        ({"workers": {"min_heartbeat_interval": "300"}}, 630.0),
        ({"workers": {"min_heartbeat_interval": "often"}}, 240.0),
    ],
)
def test_a_monitor_may_be_silent_for_as_long_as_its_heartbeats_and_airflows_rule_allow(
    airflow: dict[str, dict[str, str]], seconds: float
) -> None:
    assert patience.silence_seconds(sections(airflow)) == seconds


@pytest.mark.parametrize(
    ("airflow", "seconds"),
    [
        ({}, 4200),
        ({"airfleet": {"api_outage_seconds": "7200"}}, 7800),
        ({"airfleet": {"api_outage_seconds": "long"}}, 4200),
        ({"workers": {"min_heartbeat_interval": "600"}}, 5400),
        ({"airfleet": {"token_age_seconds": "60"}}, 3960),
        ({"core": {"multi_team": "True"}}, 19500),
        ({"traces": {"otel_on": "true"}}, 19500),
        ({"traces": {"otel_on": "false"}}, 4200),
    ],
)
def test_a_token_lives_as_long_as_the_longest_outage_wants_it(airflow: dict[str, dict[str, str]], seconds: int) -> None:
    assert patience.token_life(sections(airflow)) == seconds
