"""The record of a version: what a host keeps of it, and which versions exclude one another."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from airfleet.deploy.version_record import VersionRecord, keys_of, rules_of, versions_of
from airfleet.yaml import nodes
from support.fleet_files import read

RULES = {"hosts": "a, b", "on_partition": "keep"}
RECORD = VersionRecord("0.1.0-abc", "env", "0.1.0", RULES, {"airfleet": "0.1.0", "apache-airflow": "3.3.2"})


def test_a_record_is_read_as_it_was_written() -> None:
    assert VersionRecord.read(RECORD.to_json()) == RECORD


@pytest.mark.parametrize("text", ["", "{}", "[]", "half", '{"name": "a"}'])
def test_anything_else_is_no_record(text: str) -> None:
    assert VersionRecord.read(text) is None


@pytest.mark.parametrize(
    ("rules", "versions", "excludes"),
    [
        (RULES, {}, ""),
        ({**RULES, "hosts": "a, b, c"}, {}, ""),
        ({**RULES, "hosts": "a, b, c, d"}, {}, "hosts a, b, c, d, there a, b"),
        ({**RULES, "on_partition": "replace"}, {}, "on_partition replace, there keep"),
        (RULES, {"airfleet": "0.2.0"}, "airfleet 0.2.0, there 0.1.0"),
        (RULES, {"apache-airflow-providers-http": "6"}, ""),
    ],
)
def test_versions_exclude_one_another_as_agents_do(
    rules: dict[str, str], versions: dict[str, str], excludes: str
) -> None:
    new = VersionRecord("new", "env", "0.1.0", rules, {**RECORD.versions, **versions})
    assert new.excludes(RECORD).endswith(excludes)
    assert bool(new.excludes(RECORD)) == bool(excludes)


def test_rules_and_versions_come_from_the_file_and_the_lock() -> None:
    fleet = read("name: shop\npolicies: {on_partition: keep}\n")
    assert rules_of(fleet)["on_partition"] == "keep"
    assert versions_of("0.1.0", "apache-airflow==3.3.2\nclick==8.1\n") == {
        "airfleet": "0.1.0",
        "apache-airflow": "3.3.2",
    }


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("name: shop\nhosts: [{name: b}]\n", True),
        ("hosts: [{name: a}]\nname: shop\ndeploy: {drain: 1m}\n", True),
        ("name: shop\nhosts: [{name: a}]\nvars: {a: 1}\n", False),
        ("name: shops\nhosts: [{name: a}]\n", False),
    ],
)
def test_versions_that_differ_in_hosts_alone_leave_other_hosts_as_they_are(text: str, alone: bool) -> None:
    one, other = (replace(RECORD, keys=keys(each)) for each in ("name: shop\nhosts: [{name: a}]\n", text))
    assert other.differs_by_hosts_alone(one) is alone
    assert not replace(other, environment="another").differs_by_hosts_alone(one)


def test_a_record_of_an_older_airfleet_tells_no_keys_and_compares_with_nothing() -> None:
    told = json.loads(RECORD.to_json())
    del told["keys"]
    older = VersionRecord.read(json.dumps(told))
    assert older == RECORD
    assert not replace(RECORD, keys=keys("name: shop\n")).differs_by_hosts_alone(older)


def keys(text: str) -> dict[str, str]:
    return keys_of(nodes.load(text, "fleet.yaml")[0][0])
