"""``config``: the merged fleet.yaml, with secrets masked."""

from __future__ import annotations

import json

import pytest
import yaml

from airfleet.client.project import Project
from support.command_line import Airfleet


def test_config_is_the_merged_file_with_secrets_masked(project: Project, airfleet: Airfleet) -> None:
    (project.root / "fleet.yaml").write_text(
        "name: shop\nworkers: [{name: a, slots: 2}]\nbroker: redis://:s3cret@queue/0\n"
        "connections: {w: {type: http, password: s3cret, login: '${{ env.W }}'}}\n"
        "variables: {api_token: s3cret, other_token: {value: s3cret}, plain: {value: x}}\n"
    )
    (project.root / "fleet.prod.yaml").write_text(
        "workers: [{name: a, slots: 8}, {name: b}]\n"
        "database: postgresql://a:${{ secrets.db }}@db/a\nenv: {AWS_SECRET_ACCESS_KEY: s3cret, TZ: UTC}\n"
    )
    result = airfleet("config", "--env", "prod")
    assert "s3cret" not in result.out
    assert result.out.startswith("# fleet.yaml + fleet.prod.yaml\n")
    assert yaml.safe_load(result.out) == {
        "name": "shop",
        "workers": [{"name": "a", "slots": 8}, {"name": "b"}],
        "broker": "redis://:***@queue/0",
        "connections": {"w": {"type": "http", "password": "***", "login": "${{ env.W }}"}},
        "variables": {"api_token": "***", "other_token": {"value": "***"}, "plain": {"value": "x"}},
        "database": "postgresql://a:${{ secrets.db }}@db/a",
        "env": {"AWS_SECRET_ACCESS_KEY": "***", "TZ": "UTC"},
    }
    assert json.loads(airfleet("config", "-o", "json").out)["workers"] == [{"name": "a", "slots": 2}]


def test_config_masks_nothing_where_there_is_no_secret(project: Project, airfleet: Airfleet) -> None:
    project.fleet_file.write_text(
        "connections: {c: {type: http, password: null, extra: {use_token: true}}}\n"
        "variables: {pin_token: 5}\nenv: {API_TOKEN: ''}\n"
    )
    assert json.loads(airfleet("config", "-o", "json").out) == {
        "connections": {"c": {"type": "http", "password": None, "extra": {"use_token": True}}},
        "variables": {"pin_token": "***"},
        "env": {"API_TOKEN": ""},
    }


def test_config_shows_texts_as_they_are_written_and_numbers_as_numbers(project: Project, airfleet: Airfleet) -> None:
    project.fleet_file.write_text(
        "name: 007\nproduction: True\nlog_retention: 30d\nworkers: [{queues: [1_000], slots: 1_000}]\n"
        "pools: {few: 0x10, more: {slots: 0o20}}\n"
        "env: {V: 1.10, N: 007, M: 1_000, X: .nan, D: 2026-01-01 00:00:00, B: True, I: 8, F: 1.5, T: true}\n"
        "variables: {limit: -.inf, port: 0x10}\nairflow: {core: {parallelism: 0_32}}\n"
        "connections: {w: {type: http, port: 8_080, login: 1e3, extra: {timeout: 1.10, wait: .inf}}}\n"
    )
    found = json.loads(airfleet("config", "-o", "json").out, parse_constant=pytest.fail)
    assert yaml.safe_load(airfleet("config").out) == found
    texts = {"V": "1.10", "N": "007", "M": "1_000", "X": ".nan", "D": "2026-01-01 00:00:00", "B": "True"}
    assert found == {
        "name": "007",
        "production": True,
        "log_retention": "30d",
        "workers": [{"queues": ["1_000"], "slots": 1000}],
        "pools": {"few": 16, "more": {"slots": 16}},
        "env": {**texts, "I": 8, "F": 1.5, "T": True},
        "variables": {"limit": "-.inf", "port": "0x10"},
        "airflow": {"core": {"parallelism": "0_32"}},
        "connections": {"w": {"type": "http", "port": 8080, "login": "1e3", "extra": {"timeout": 1.1, "wait": "inf"}}},
    }


def test_config_of_a_file_that_is_no_yaml(project: Project, airfleet: Airfleet) -> None:
    project.fleet_file.write_text("name: [\n")
    result = airfleet("config")
    assert (result.code, result.out) == (1, "")
    assert "fleet.yaml:2:1: " in result.err
