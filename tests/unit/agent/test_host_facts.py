"""How hosts differ, and which differences keep a host from joining."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from airfleet.agent.host_facts import FactKind, HostDifference, HostFacts, differences, refusal

FACTS = HostFacts(
    rules={"hosts": "control, work", "on_partition": "replace", "on_worker_lost": "rerun", "witness": ""},
    versions={
        "airfleet": "0.1.0",
        "apache-airflow-core": "3.3.2",
        "apache-airflow-providers-http": "5.1",
        "python": "3.11.2",
    },
    fleet_file={"name": "1", "pools": "2"},
    pipelines={"a.yaml": "1", "b.yaml": "2", "steps.py": "3"},
)
ORDER = ("control", "work")


def said(work: HostFacts) -> list[str]:
    """What is said of host 'work' beside a host 'control' that goes by FACTS."""
    return [str(difference) for difference in differences({"work": work, "control": FACTS}, ORDER)]


def rules(**changed: str) -> HostFacts:
    return replace(FACTS, rules={**FACTS.rules, **changed})


def versions(**changed: str) -> HostFacts:
    return replace(FACTS, versions={**FACTS.versions, **{name.replace("_", "-"): new for name, new in changed.items()}})


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        (rules(on_partition="keep"), "goes by other rules than 'control': on_partition keep, there replace"),
        (rules(witness="w:1"), "goes by other rules than 'control': witness w:1, there nothing"),
        (versions(apache_airflow_core="3.3.1"),
         "has other versions than 'control': apache-airflow-core 3.3.1, there 3.3.2"),
        (versions(apache_airflow_providers_ssh="4"),
         "has other versions than 'control': apache-airflow-providers-ssh 4, there missing"),
        (replace(FACTS, fleet_file={"name": "1", "vars": "3"}), "has another fleet.yaml than 'control': pools; vars"),
        (replace(FACTS, pipelines={"a.yaml": "9", "steps.py": "3"}),
         "has other pipelines than 'control' (2 files differ: a.yaml; b.yaml is missing)"),
        (replace(FACTS, pipelines={**(FACTS.pipelines or {}), "new.yaml": "1"}),
         "has other pipelines than 'control' (1 file differs: new.yaml is there alone)"),
        (replace(FACTS, pipelines={f"{number}.yaml": "1" for number in range(500)}),
         "has other pipelines than 'control' (503 files differ: 0.yaml is there alone; 1.yaml is there alone; "
         "10.yaml is there alone …)"),
    ],
)  # fmt: skip
def test_each_difference_is_a_sentence_that_names_both_hosts(work: HostFacts, sentence: str) -> None:
    assert said(work) == [f"host 'work' {sentence}"]


@pytest.mark.parametrize(
    ("here", "there", "sentences"),
    [
        ({"jwt_secret": "1"}, {"jwt_secret": "1"}, []),
        ({"jwt_secret": "1"}, {"jwt_secret": "2", "fernet_key": "3"},
         ["host 'work' has other keys than 'control': jwt_secret"]),
        # A host that only works was not given all keys.
        ({"peers_key": "1"}, {"peers_key": "1", "jwt_secret": "2"}, []),
        ({"peers_key": "1", "jwt_secret": "5"}, {"peers_key": "2", "jwt_secret": "6"},
         ["host 'work' has other keys than 'control': peers_key"]),
        ({}, {"jwt_secret": "2"}, []),
    ],
)  # fmt: skip
def test_keys_are_compared_where_both_hosts_have_them(
    here: dict[str, str], there: dict[str, str], sentences: list[str]
) -> None:
    found = differences({"work": HostFacts(keys=here), "control": HostFacts(keys=there)}, ORDER)
    assert [str(one) for one in found] == sentences


def test_other_keys_keep_no_host_from_joining() -> None:
    assert refusal("work", replace(FACTS, keys={"jwt_secret": "1"}), {"control": FACTS}) == ""


def test_hosts_that_go_by_the_same_do_not_differ() -> None:
    assert said(FACTS) == []


def test_pipelines_that_were_not_looked_at_yet_do_not_differ() -> None:
    assert said(replace(FACTS, pipelines=None)) == []


def test_pipelines_are_compared_with_those_of_the_first_host_that_reads_some() -> None:
    facts = {"control": replace(FACTS, pipelines=None), "one": FACTS, "two": replace(FACTS, pipelines={})}
    found = differences(facts, ("control", "one", "two"))
    assert [(one.host, one.other) for one in found] == [("two", "one")]


def test_each_host_is_compared_with_the_first_of_fleet_yaml_whoever_asks() -> None:
    facts = {"work": FACTS, "a": rules(on_partition="keep"), "control": FACTS}
    found = differences(facts, ("control", "work", "a"))
    assert [(one.host, one.other, one.subject) for one in found] == [("a", "control", FactKind.RULES)]


@pytest.mark.parametrize(
    ("mine", "why"),
    [
        (FACTS, ""),
        (rules(on_partition="keep"), "goes by other rules than 'control': on_partition keep, there replace"),
        (rules(on_worker_lost="fail"), "goes by other rules than 'control': on_worker_lost fail, there rerun"),
        (rules(witness="w:1"), "goes by other rules than 'control': witness w:1, there nothing"),
        (rules(hosts="control, work, more"), ""),  # any two majorities have a host in common
        (rules(hosts="control"), ""),
        (rules(hosts="work, control"), ""),
        (rules(hosts="control, work, more, most"),
         "goes by other rules than 'control': hosts control, work, more, most, there control, work"),
        (rules(hosts="control, other"),
         "goes by other rules than 'control': hosts control, other, there control, work"),
        (versions(airfleet="0.2.0"), "has other versions than 'control': airfleet 0.2.0, there 0.1.0"),
        (versions(apache_airflow_core="3.3.1"),
         "has other versions than 'control': apache-airflow-core 3.3.1, there 3.3.2"),
        (versions(apache_airflow_providers_http="5.2"), ""),
        (versions(python="3.12.1"), ""),
        (replace(FACTS, fleet_file={}, pipelines={}), ""),
    ],
)  # fmt: skip
def test_a_host_joins_unless_a_difference_does_harm(mine: HostFacts, why: str) -> None:
    assert refusal("work", mine, {"control": FACTS}) == (f"does not join: it {why}" if why else "")


@pytest.mark.parametrize(
    ("mine", "is_refused"),
    [
        (rules(on_partition="keep"), True),
        (rules(hosts="a, b, c"), True),
        (rules(on_worker_lost="fail"), False),
        (versions(airfleet="0.2.0"), False),
    ],
)
def test_a_life_that_goes_on_ends_only_where_an_attempt_could_run_twice(mine: HostFacts, is_refused: bool) -> None:
    assert bool(refusal("work", mine, {"control": FACTS}, goes_on=True)) == is_refused


def test_facts_and_differences_travel_as_json() -> None:
    assert HostFacts.from_json({**json.loads(FACTS.to_json()), "of a later airfleet": 1}) == FACTS
    (found,) = differences({"control": FACTS, "work": rules(on_partition="keep")}, ORDER)
    assert HostDifference.from_json(json.loads(json.dumps(asdict(found)))) == found


def test_a_digest_tells_facts_apart() -> None:
    assert FACTS.digest == HostFacts.from_json(json.loads(FACTS.to_json())).digest
    assert len({FACTS.digest, rules(witness="w:1").digest, replace(FACTS, pipelines=None).digest}) == 3
