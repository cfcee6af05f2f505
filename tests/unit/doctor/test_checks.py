"""The table of checks: codes, unknown facts, exit codes."""

from __future__ import annotations

import re
from dataclasses import fields, replace

import pytest

from airfleet.agent.database.finding import refused
from airfleet.doctor.checks import CHECKS, Group, examine, exit_code
from airfleet.doctor.facts import DatabaseLook, Facts, FileCheck, Installed, LiveFacts, LiveProbe, Rights
from airfleet.doctor.finding import State, Unknown
from airfleet.errors import EXIT_OK, EXIT_UNHEALTHY, EXIT_WRONG

AWAY = Unknown("the fleet is not running", "airfleet up")
#: nothing is known but what needs nothing
NOTHING = Facts(**{  # type: ignore[arg-type]
    **{field.name: AWAY for field in fields(Facts)}, "versions": (), "installed": Installed({}), "live": None,
})  # fmt: skip
OPEN = Rights("/srv/secrets.json", 0o644, 0o600)


def states(facts: Facts, *, probes: bool = False) -> dict[str, State]:
    return {one.check.code: one.state for one in examine(facts, probes=probes)}


def test_codes_are_unique_in_order_and_of_their_group() -> None:
    codes = [one.code for one in CHECKS]
    assert codes == sorted(set(codes))
    assert all(re.fullmatch(r"D[1-9]\d\d", code) for code in codes)
    groups = list(Group)
    assert all(groups.index(one.group) == int(one.code[1]) - 1 for one in CHECKS)


def test_every_check_says_why_it_matters_in_a_sentence() -> None:
    assert [one.code for one in CHECKS if not (one.why[0].isupper() and one.why.endswith("."))] == []


def test_a_check_without_its_fact_is_unknown_with_the_reason_and_not_fine() -> None:
    found = states(NOTHING)
    assert {code for code, state in found.items() if state is State.FINE} == {"D103", "D105"}
    assert {state for code, state in found.items() if code not in ("D103", "D105")} == {State.UNKNOWN}
    [rights] = [one for one in examine(NOTHING, probes=False) if one.check.code == "D203"]
    assert (rights.seen[0].sentence, rights.seen[0].next) == ("the fleet is not running", "airfleet up")


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (NOTHING, EXIT_OK),
        (replace(NOTHING, rights=(OPEN,)), EXIT_WRONG),
        (replace(NOTHING, fleet_file=FileCheck(1, "no")), EXIT_WRONG),
        (replace(NOTHING, database=DatabaseLook(refused("no"))), EXIT_UNHEALTHY),
        (replace(NOTHING, rights=(OPEN,), database=DatabaseLook(refused("no"))), EXIT_UNHEALTHY),
    ],
)
def test_the_exit_code_is_that_of_the_worst_check(facts: Facts, code: int) -> None:
    assert exit_code(examine(facts, probes=False)) == code


def test_probes_are_made_only_when_they_are_asked_for() -> None:
    live = LiveFacts(**{field.name: LiveProbe("done") for field in fields(LiveFacts)})
    facts = replace(NOTHING, live=replace(live, flower=AWAY, message=LiveProbe("done", ("a leak",))))
    assert not any(code.startswith("D8") for code in states(facts))
    found = states(facts, probes=True)
    assert (found["D801"], found["D807"], found["D808"]) == (State.FINE, State.WRONG, State.UNKNOWN)
    assert states(NOTHING, probes=True)["D801"] is State.UNKNOWN
