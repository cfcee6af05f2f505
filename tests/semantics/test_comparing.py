"""The comparison itself: what it overlooks on purpose, what it must not overlook, and the page that says so."""

from __future__ import annotations

import datetime as dt
import re
import socket

import pytest

from semantics import bundled
from semantics.comparing import Decision, differences, mismatches
from semantics.decisions import DECISIONS
from semantics.installation import HERE
from semantics.normalising import Normaliser
from semantics.record import Record
from semantics.scenarios import SCENARIOS

TODAY = dt.date(2026, 3, 2)
NORMAL = Normaliser((("/srv/one/dags", "<dags>"), ("/srv/one", "<folder>")), TODAY)
PAGE = HERE.parents[1] / "docs" / "explanation" / "semantics.md"


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("at 2026-03-02T10:11:12.131415Z", "at <now>"),
        ("at 2026-03-01 10:11:12+00:00, not 2026-01-02T03:04:05Z", "at <now>, not 2026-01-02T03:04:05Z"),
        ("manual__2026-03-02T10:11:12.1+00:00", "manual__<now>"),
        ("datetime.datetime(2026, 3, 2, 10, 11)", "<now>()"),
        ("/srv/one/dags/a.py and /srv/one/b", "<dags>/a.py and <folder>/b"),
        ("<Thing object at 0x7fae008589d0>", "<Thing object at <address>>"),
        ("01a1fdf4-f866-79c7-bb3e-49273ca0a930", "<uuid>"),
        ("PID: 123, pid=7, 'pid': 9, stupid 5", "PID: <pid>, pid=<pid>, 'pid': <pid>, stupid 5"),
        (f"hostname='{socket.gethostname()}'", "hostname='<host>'"),
        ("http://localhost:8080/x and port 8080", "http://<api>/x and port 8080"),
        ("took 0.1234 of 5 tries", "took 0.1234 of 5 tries"),
    ],
)
def test_only_what_belongs_to_a_moment_or_a_machine_becomes_a_word(text: str, becomes: str) -> None:
    assert NORMAL.text(text) == becomes


def test_measured_times_say_nothing_in_a_log() -> None:
    assert NORMAL.line("took 0.1234 s at 10:11:12, tried 5 times, 1.5 wide") == (
        "took <number> s at <clock>, tried 5 times, 1.5 wide"
    )


def test_what_is_in_no_order_is_put_in_one_in_a_log() -> None:
    assert NORMAL.line("Following branch {'b', 'a'} then {'k': 'v', 'a': 1}") == (
        "Following branch {'a', 'b'} then {'k': 'v', 'a': 1}"
    )
    assert NORMAL.line("Skipping tasks [('b', -1), ('a', 3)]") == "Skipping tasks [('a', 3), ('b', -1)]"


def test_a_moment_may_be_a_number_too() -> None:
    noon = dt.datetime.combine(TODAY, dt.time(12), dt.UTC).timestamp()
    assert NORMAL.value({"at": noon + 0.5, "then": noon - 9 * 86400, "count": 3}) == {
        "at": "<now>",
        "then": noon - 9 * 86400,
        "count": 3,
    }


def test_every_fact_that_is_other_missing_or_more_is_a_difference() -> None:
    stock = Record("a", {"run": {"state": "success", "note": "x"}, "log": ["one", "two"], "same": 1})
    fleet = Record("a", {"run": {"state": "failed"}, "log": ["two", "one"], "same": 1, "more": {"deep": None}})
    assert [one.path for one in differences(stock, fleet, ())] == ["log", "more/deep", "run/note", "run/state"]


def test_a_decision_covers_its_own_path_only() -> None:
    stock, fleet = Record("a", {"x": {"pid": 1}, "y": 1}), Record("a", {"x": {"pid": 2}, "y": 2})
    decision = Decision(re.compile(r"^x/pid$"), "because")
    assert [one.decision for one in differences(stock, fleet, [decision])] == [decision, None]


def test_where_some_words_may_be_others_the_rest_of_the_text_is_compared() -> None:
    decision = Decision(re.compile("^x$"), "because", words=re.compile("mode=[01]"))
    stock = Record("a", {"x": "debug=0, mode=0"})
    for text, covers in [("debug=0, mode=1", [decision]), ("debug=1, mode=1", [None]), ("debug=0", [None])]:
        assert [one.decision for one in differences(stock, Record("a", {"x": text}), [decision])] == covers


def test_what_two_runs_of_one_system_do_not_agree_on_is_not_compared() -> None:
    assert differences(Record("a", {"x": 1, "y": 1}), Record("a", {"x": 2, "y": 1}), (), ("^x$",)) == []


def test_scenarios_have_names_of_their_own() -> None:
    titles = [scenario.title for scenario in SCENARIOS]
    assert len(titles) == len(set(titles))


def test_every_example_of_airflow_is_run_or_left_out_with_a_reason() -> None:
    present = set(bundled.present())
    assert present == set(bundled.RUN) | set(bundled.LEFT_OUT)
    assert not set(bundled.RUN) & set(bundled.LEFT_OUT)


def test_the_page_says_what_is_left_out_and_what_is_decided() -> None:
    text = " ".join(PAGE.read_text().split())
    said = [f"| `{name}` | {why} |" for name, why in bundled.LEFT_OUT.items()] + [d.because for d in DECISIONS]
    assert [words for words in said if words not in text] == []


def test_a_task_that_its_executor_took_to_be_in_another_state_is_counted_wherever_an_audit_log_tells_of_it() -> None:
    facts = {"one/audit": ["failed work try 1", "state mismatch work try 1"], "two/audit": ["state mismatch a try 2"]}
    found = mismatches(Record("s", facts | {"one/log": ["state mismatch of something else"]}))
    assert found == {"state mismatch work try 1": 1, "state mismatch a try 2": 1}
    assert not mismatches(Record("s", {"one/audit": ["success work try 1"]}))
