"""The figures of the fault matrix: what they are made of, and how they are shown."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import fault_matrix
import fault_table
import provenance
import pytest

from airfleet.agent.supervisor.restarts import HEALED_AFTER_SECONDS
from airfleet.drill.records import History, Injection, Note, NoteKind, TaskKey
from airfleet.drill.recovery_times import UNHURT
from airfleet.drill.runner import ExperimentOutcome, Recovery
from faultlab.matrix import BY_NUMBER, ROWS

#: a row, and two seeds of the random nemesis
OPTIONS = argparse.Namespace(
    only="F5,F32",
    runs=2,
    seed=1,
    faults=6,
    scale=1.0,
    tick=0.0,
    long=0.0,
    patience=60.0,
    drain=120.0,
    quick=False,
    broker="valkey",
    retries=0,
)


def row(
    *seconds: float | None, name: str = "worker killed", watch: str = "rerun", violations: tuple[str, ...] = ()
) -> dict[str, Any]:
    found = [{watch: one} for one in seconds]
    return fault_matrix.compact(
        {
            "seed": 1,
            "patience_s": 60.0,
            "runs_of_dags": 40,
            "attempts": 50,
            "faults": [{"fault": name, "recovery_s": one} for one in found],
            "recovery": fault_table.summary(found),
            "violations": list(violations),
        }
    )


def text_of(systems: dict[str, Any]) -> str:
    """Give the page; of rows that say nothing of it, the code has not changed since."""
    machine = {"cores": 2, "python": "3.11.7", "packages": {"apache-airflow": "3.3.2"}}
    codes = {name: provenance.code(provenance.depends("faults", name)) for name in systems}
    known = {
        name: {number: {"code": codes[name], **row} for number, row in rows.items()} for name, rows in systems.items()
    }
    return fault_table.markdown({"machine": machine, "systems": known})


def page(**systems: dict[str, Any]) -> list[list[str]]:
    text = text_of(systems)
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]


def test_a_summary_counts_apart_what_did_not_recover() -> None:
    assert fault_table.summary([{"rerun": one} for one in (1.0, 2.0, 4.0, None)]) == {
        "rerun": {"median_s": 2.0, "p95_s": 4.0, "max_s": 4.0, "recovered": 3, "of": 4}
    }
    assert fault_table.summary([{"rerun": None}])["rerun"]["median_s"] is None
    assert fault_table.summary([]) == {}


def test_a_fault_that_nothing_suffered_from_counts_in_no_summary() -> None:
    nothing = {"median_s": None, "p95_s": None, "max_s": None, "recovered": 0, "of": 0}
    assert fault_table.summary([{"rerun": one} for one in (3.0, UNHURT, None)])["rerun"]["of"] == 2
    assert fault_table.summary([{"rerun": one} for one in (3.0, UNHURT, 4.0)])["rerun"]["median_s"] == 3.5
    assert fault_table.summary([{"rerun": UNHURT}]) == {"rerun": nothing}
    assert fault_matrix.in_time("F5", {"rerun": nothing})


def test_where_nothing_had_to_run_again_no_seconds_are_shown() -> None:
    stock = row(UNHURT, violations=("I5: a",))
    [_, _, shown] = page(airfleet={"F5": row(3.0, UNHURT)}, stock={"F5": stock})
    assert shown[2] == "2"
    assert shown[5:8] == ["3.0", "3.0", "3.0"]
    assert shown[9] == "n = 1: –; **I5** × 1"
    [_, _, shown] = page(airfleet={"F5": row(UNHURT)}, stock={})
    assert shown[5:8] == ["–", "–", "–"]


def test_a_row_says_what_was_measured_what_was_promised_and_what_stock_did() -> None:
    stock = row(None, violations=("I5: a", "I5: b", "I1: c"))
    [_, _, shown] = page(airfleet={"F5": row(1.04, 2.0, 3.0)}, stock={"F5": stock})
    assert shown == [
        "F5",
        "worker killed",
        "3",
        "all held",
        "rerun",
        "2.0",
        "3.0",
        "3.0",
        "5 / 15",
        "n = 1: not in 60 s, 1 of 1; **I1** × 1, **I5** × 2",
        "failed, or 610 s",
    ]


def test_what_took_longer_than_is_promised_is_bold_and_no_success() -> None:
    [_, _, shown] = page(airfleet={"F5": row(1.0, 2.0, 5.5)})
    assert shown[5:9] == ["2.0", "**5.5**", "5.5", "5 / 15"]
    assert fault_matrix.in_time("F5", row(1.0, 5.0)["recovery"])
    assert not fault_matrix.in_time("F5", row(1.0, 5.5)["recovery"])
    assert not fault_matrix.in_time("F5", row(1.0, None)["recovery"])
    assert fault_matrix.in_time("F32 seed 1", row(90.0)["recovery"])


def test_what_never_recovered_is_said_and_a_shorter_fault_of_stock_is_named() -> None:
    ours = row(1.0, None, name="broker away for 60 s", watch="start")
    theirs = row(2.0, name="broker away for 15 s", watch="start")
    [_, _, shown] = page(airfleet={"F17": ours}, stock={"F17": theirs})
    assert shown[5:8] == ["1.0", "not in 60 s, 1 of 2", "not in 60 s, 1 of 2"]
    assert shown[9] == "n = 1: 2.0 (2.0); all held; broker away for 15 s"


def test_what_was_not_measured_of_stock_is_told_from_what_it_has_no_part_for() -> None:
    ours = {number: row(1.0) for number in ("F4", "F5", "F26a")}
    lines = page(airfleet=ours, stock={"F5": row(2.0)})
    assert [line[9] for line in lines[2:]] == ["not measured", "n = 1: 2.0 (2.0); all held", ""]


def test_where_nothing_of_stock_was_measured_it_has_no_column() -> None:
    ours = {"F5": row(1.0)}
    with_rabbit = {"airfleet": ours, "stock": ours, "airfleet with RabbitMQ": ours}
    lines = page(**with_rabbit)
    assert [("stock" in line) for line in lines if line[1] == "fault"] == [True, False]
    assert "Airflow alone was not measured with RabbitMQ." in text_of(with_rabbit)
    assert "was not measured with" not in text_of({**with_rabbit, "stock with RabbitMQ": ours})


def test_the_chart_has_what_was_done_to_both_with_what_was_violated_in_stock() -> None:
    theirs = row(2.0, None, violations=("I5: a", "I1: c"))
    systems = {"airfleet": {"F5": row(1.0), "F4": row(1.0)}, "stock": {"F5": theirs}}
    [drawn] = fault_table.images({"systems": systems}).values()
    assert "F5 worker killed: rerun" in drawn
    assert ">never, 2 violations<" in drawn
    assert "F4" not in drawn
    [drawn] = fault_table.images({"systems": {**systems, "stock": {"F5": row(UNHURT)}}}).values()
    assert drawn.count("<rect") == 1
    assert ">–<" in drawn
    assert fault_table.images({"systems": {"airfleet": systems["airfleet"]}}) == {}


def test_where_nothing_could_be_measured_the_row_says_why() -> None:
    failed = {**row(), "scale": 1.0, "failed": "not within 60 s:\nit runs"}
    lines = page(airfleet={"F5": failed, "F22": row(1.0, watch="resumed"), "F32 seed 1": failed}, stock={"F22": failed})
    why = "**failed**: not within 60 s: it runs"
    assert lines[2][:8] == ["F5", "worker killed", "0", why, "rerun", "–", "–", "–"]
    assert lines[3][9] == why
    assert lines[-1] == ["1", "0", "40", "50", why, "–"]
    assert fault_table.images({"systems": {"airfleet": {"F5": failed}, "stock": {"F5": failed}}}) == {}
    assert r"**failed**: one \| two" in text_of({"airfleet": {"F5": {**failed, "failed": "one | two"}}})


def test_an_experiment_that_fails_is_written_down_in_the_place_of_what_was_there_and_the_next_is_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fault_matrix, "RESULTS", tmp_path)
    file = tmp_path / fault_matrix.FILE
    file.write_text(json.dumps({"systems": {"airfleet": {"F4": row(1.0), "F5": row(1.0)}}}))
    recovery = Recovery(Injection("worker killed", 0.0, 1.0), {"dispatch": 2.0})
    task = TaskKey("d", "r", "t")
    notes = tuple(Note(NoteKind.START, task, f"attempt {number}", 1, "host", number, 0.5) for number in range(8))
    went_well = ExperimentOutcome((recovery,), (), History(notes, ()))
    outcomes = iter([AssertionError("nothing runs"), AssertionError("it did not start"), went_well])

    def experiment(*_: object) -> ExperimentOutcome:
        outcome = next(outcomes)
        if isinstance(outcome, AssertionError):
            raise outcome
        return outcome

    monkeypatch.setattr(fault_matrix, "_experiment", experiment)
    monkeypatch.setattr(fault_matrix._Kept, "get", lambda *_: None)
    assert not fault_matrix.run_all("airfleet", OPTIONS)
    found = json.loads(file.read_text())["systems"]["airfleet"]
    assert {key: one.get("failed") for key, one in found.items()} == {
        "F4": None,
        "F5": "nothing runs",
        "F32 seed 1": "it did not start",
        "F32 seed 2": None,
    }
    assert (found["F4"], found["F5"]["times"]) == (row(1.0), 0)
    assert (found["F32 seed 2"]["seed"], found["F32 seed 2"]["attempts"]) == (2, 8)


def test_seeds_of_the_random_nemesis_are_in_order() -> None:
    found = {f"F32 seed {seed}": {**row(float(seed)), "seed": seed} for seed in (10, 9, 2)}
    lines = page(airfleet=found)
    assert [line[0] for line in lines[4:]] == ["2", "9", "10"]
    assert lines[4][1:] == ["1", "40", "50", "all held", "2.0"]


def test_a_seed_after_one_of_whose_faults_nothing_started_or_in_a_busy_time_says_so() -> None:
    late = {**row(1.0, None), "seed": 1}
    busy = {**row(1.0), "seed": 2, "load_at_end": 9.0}
    lines = page(airfleet={"F32 seed 1": late, "F32 seed 2": busy})[-2:]
    assert [(line[0], line[-1]) for line in lines] == [("1", "not in 60 s, 1 of 2"), ("2 †", "1.0")]


def test_a_figure_of_code_that_has_changed_since_is_marked() -> None:
    old = {**row(1.0), "code": "0123456789ab"}
    assert page(airfleet={"F5": old})[2][0] == "F5 ‡"
    assert page(airfleet={"F5": row(1.0)}, stock={"F5": old})[2][9] == "n = 1: 1.0 (1.0) ‡; all held"


def test_results_hold_counts_instead_of_single_faults_and_sentences() -> None:
    sentence = "I5: try 1 of witness_one/r/work is recorded as failed, and raised no error"
    found = row(1.0, 3.0, violations=(sentence, sentence, "I2: run witness_one/r was not done in time"))
    assert (found["fault"], found["times"], found["failed_tasks"]) == ("worker killed", 2, 2)
    assert found["violated"] == {"I5": 2, "I2": 1}
    assert not {"faults", "violations"} & found.keys()


@pytest.mark.parametrize(
    ("broker", "retries", "system"),
    [
        ("valkey", 0, "stock"),
        ("rabbitmq", 0, "stock with RabbitMQ"),
        ("valkey", 2, "stock with 2 retries"),
        ("rabbitmq", 2, "stock with RabbitMQ and 2 retries"),
    ],
)
def test_rows_of_another_broker_or_of_tasks_with_retries_are_kept_apart(broker: str, retries: int, system: str) -> None:
    assert fault_matrix.system_of("stock", broker, retries) == system


def test_tasks_with_retries_have_a_table_of_their_own() -> None:
    text = text_of({"airfleet": {"F5": row(1.0)}, "stock with 2 retries": {"F5": row(9.0, None)}})
    assert "## Airflow alone, tasks with two retries" in text
    assert [cell.strip() for cell in text.splitlines()[-2].split("|")][1:-1] == [
        "F5",
        "worker killed",
        "2",
        "0",
        "rerun 9.0 s (1 of 2)",
    ]


def test_before_a_fault_the_one_before_is_forgotten() -> None:
    options = argparse.Namespace(**{**vars(OPTIONS), "runs": 5})
    quiet = [trial.after_seconds for trial in fault_matrix.trials_of(BY_NUMBER["F5"], options)]
    assert len(set(quiet)) == 5
    assert all(seconds > HEALED_AFTER_SECONDS + 4.0 for seconds in quiet)
    assert all(seconds > fault_matrix.shape_of("airfleet", options).mix.long_seconds for seconds in quiet)


@pytest.mark.parametrize(
    ("networks", "left_out"), [(True, []), (False, ["F6", "F7", "F8", "F9", "F16", "F28", "F29", "F30"])]
)
def test_stock_airflow_takes_every_row_that_it_has_the_parts_for(
    monkeypatch: pytest.MonkeyPatch, networks: bool, left_out: list[str]
) -> None:
    monkeypatch.setattr(fault_matrix, "can_have_networks", lambda: networks)
    assert all(fault_matrix._is_there("airfleet", row) for row in ROWS)
    missing = {row.number for row in ROWS if not fault_matrix._is_there("stock", row)}
    assert missing == {"F7a", "F7b", "F8a", "F10", "F26", "F26a", "F27", *left_out}
