"""One component: its states, its process, the last words in its log."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airfleet.agent.states import State
from airfleet.agent.supervisor import process
from airfleet.agent.supervisor.process import Running
from airfleet.agent.supervisor.reasons import Exited
from airfleet.fleet.planning.plan import Component, Exec


def running(tmp_path: Path) -> tuple[Running, list[str]]:
    seen: list[str] = []
    component = Component("one", "thing", Exec(("true",)))
    return Running(component, tmp_path / "one.log", lambda r: seen.append(str(r.state))), seen


def test_a_change_is_told_and_an_impossible_one_refused(tmp_path: Path) -> None:
    one, seen = running(tmp_path)
    one.began(7, now=1.0, epoch=100.0)
    one.move_to(State.STARTING, 1.0)
    one.move_to(State.READY, 3.5)
    assert seen == ["starting", "ready"]
    assert (one.ready_after, one.was_ready) == (2.5, True)
    with pytest.raises(RuntimeError, match=r"^one: ready cannot become done$"):
        one.move_to(State.DONE, 4.0)


def test_what_people_are_shown_of_a_component(tmp_path: Path) -> None:
    one, _ = running(tmp_path)
    one.began(7, now=1.0, epoch=100.0)
    one.move_to(State.STARTING, 1.0)
    one.deaths += [2.0, 3.0, 4.0]
    one.last_lines = ("why",)
    one.move_to(State.GAVE_UP, 5.0, Exited(1))
    shown = one.status(now=9.0)
    assert (shown.state, shown.pid, shown.since, shown.restarts) == (State.GAVE_UP, None, 4.0, 2)
    assert (shown.reason, shown.last_lines, shown.log) == ("ended with exit code 1", ("why",), str(one.log))


def test_the_last_lines_of_this_attempt_alone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("old\n" + "".join(f"line {n}\n" for n in range(50)))
    assert process.last_lines(log, offset=4, count=2) == ("line 48", "line 49")
    assert process.last_lines(log, offset=log.stat().st_size) == ()
    assert process.last_lines(log, offset=log.stat().st_size - 8) == ("line 49",)
    assert process.last_lines(tmp_path / "none", offset=0) == ()


def test_a_log_that_is_huge_or_not_text_is_no_trouble(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * 1_000_000 + b"\n\xff end\n")
    assert process.last_lines(log, offset=0, count=1) == ("\ufffd end",)


def test_a_program_gets_its_secret_on_standard_input_and_its_log_is_private(tmp_path: Path) -> None:
    log = tmp_path / "log"
    start = Exec(("/bin/sh", "-c", "read secret; echo got $secret $GIVEN"), {"GIVEN": "too"}, secret_input="s3cret\n")
    pid = process.spawn(start, log, {"PATH": os.environ["PATH"]}, tmp_path)
    assert os.waitpid(pid, 0) == (pid, 0)
    assert log.read_text() == "got s3cret too\n"
    assert oct(log.stat().st_mode & 0o777) == "0o600"


@pytest.mark.parametrize("environment", [{"A=B": "c"}, {"A": "b\0"}])
def test_an_environment_that_no_process_can_have_is_a_program_that_cannot_be_started(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(OSError, match=r"illegal environment variable name|embedded null byte"):
        process.spawn(Exec(("true",)), tmp_path / "log", environment, tmp_path)


def test_the_error_of_a_dead_component_is_the_last_one_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("ValueError: of an earlier attempt\n")
    offset = log.stat().st_size
    assert process.last_error(log, offset) == ""
    log.write_text(
        log.read_text() + "Traceback (most recent call last):\n  File x\n"
        "sqlalchemy.exc.DataError: (psycopg.errors.NumericValueOutOfRange) integer out of range\n[SQL: INSERT]\n"
    )
    assert process.last_error(log, offset) == "DataError: (psycopg.errors.NumericValueOutOfRange) integer out of range"


@pytest.mark.parametrize(
    ("lines", "statement"),
    [
        (
            "sqlalchemy.exc.DataError: (psycopg.errors.NumericValueOutOfRange) integer out of range\n"
            "CONTEXT:  unnamed portal parameter $4\n"
            "[SQL: UPDATE dag SET retries=%(retries)s\n  WHERE dag.dag_id = 'it''s secret' AND x = %(x)s]\n"
            "[parameters: {'retries': 'secret'}]\n(Background on this error at: https://sqlalche.me/e/20/9h9h)\n",
            "UPDATE dag SET retries=%(retries)s WHERE dag.dag_id = '...' AND x = %(x)s",
        ),
        ("psycopg.DataError: no\n[SQL: " + "SELECT a, " * 1000 + "b]\n", ("SELECT a, " * 20) + " ..."),
        ("psycopg.DataError: no\n[SQL: SELECT 1]\nValueError: something else\n", ""),
        ("[SQL: SELECT 1]\n", ""),
        ("psycopg.DataError: no\n", ""),
    ],
)
def test_the_statement_of_the_error_has_no_values(lines: str, statement: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("[SQL: SELECT 'earlier']\n" + lines)
    assert process.last_statement(log, 0) == statement
