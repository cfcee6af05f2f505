"""No task sees what another one did, and every task runs what the files say now."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.drill.waiting import wait_until
from support.acting import ACTING, Acting

DAGS = ("declared", "written")
#: what may differ between two tasks
OWN = ("random", "pid", "parent", "open")


@pytest.mark.parametrize("dag", DAGS)
def test_the_next_task_sees_nothing_of_what_a_task_has_changed(acting: Acting, dag: str, tmp_path: Path) -> None:
    before = acting.act(dag).found()
    acting.act(dag, f"spoil {tmp_path}").found()
    after = acting.act(dag).found()
    assert {name: value for name, value in after.items() if name not in OWN} == {
        name: value for name, value in before.items() if name not in OWN
    }
    assert (after["state"], after["environment"], after["threads"]) == ([], None, 1)
    assert len({before["pid"], after["pid"]}) == 2


def test_a_task_has_all_its_template_fields_though_airflow_did_not_see_them(acting: Acting) -> None:
    assert acting.act("written").found()["attempt"] == {
        "kind": "airfleet.task_process.template_fields",
        "fields": ["templates_dict", "op_args", "op_kwargs"],
    }


def test_tasks_of_a_file_share_a_zygote_and_no_random_number(acting: Acting) -> None:
    found = [acting.act("declared").found() for _ in range(3)]
    assert len({one["parent"] for one in found}) == 1
    for position in range(2):
        assert len({one["random"][position] for one in found}) == 3


def test_a_task_has_no_open_file_of_another_one_or_of_what_forked_it(acting: Acting) -> None:
    found = acting.act("declared").found()["open"]
    sockets = [link for link in found if link.startswith("socket:")]
    assert len(sockets) == 5  # requests, stdout, stderr, log, and where it tells its own end
    # and where Airflow writes when nothing else is left
    assert {Path(link).name for link in found if link not in sockets} - {"fd"} == {"null", "worker.log"}


def test_the_next_task_runs_an_edited_module_and_reads_an_edited_file(acting: Acting) -> None:
    fleet = acting.fleet
    acting.act("written").found()
    for number in (2, 3):
        fleet.write("acting.py", ACTING.replace("VERSION = 1", f"VERSION = {number}"))
        fleet.write("pipelines/data.txt", f"edited {number}\n")
        assert acting.act("declared").found()["version"] == number
        found = acting.act("written").found()
        assert (found["version"], found["data"]) == (number, f"edited {number}")
    fleet.write("acting.py", ACTING)


def test_what_a_file_asks_for_while_it_is_read_is_asked_for_each_task(acting: Acting) -> None:
    api = acting.fleet.api
    assert acting.act("asking").found() == "none"
    api.post("variables", body={"key": "city", "value": "Oslo"})
    assert acting.act("asking").found() == "Oslo"
    api.patch("variables", "city", body={"key": "city", "value": "Turku"})
    last = acting.act("asking")
    assert last.found() == "Turku"
    for words in ("printed while read: Turku", "logged while read: Turku"):
        assert words in last.log()


@pytest.mark.parametrize("dag", DAGS)
def test_what_a_task_says_can_be_read_while_it_runs_and_after(acting: Acting, dag: str, tmp_path: Path) -> None:
    running = acting.waiting(dag, tmp_path)
    assert running.pids
    said = ("said on stdout", "said on stderr", "said in the log")
    try:
        wait_until(lambda: all(words in running.log() for words in said), 10, "the log has what was said")
        assert running.instance()["state"] == "running"
    finally:
        running.go_on()
    assert running.state() == "success"
    for words in said:
        assert words in running.log()
