"""Cases run in this process: outputs, repeated tasks, branches, mocks, and the surroundings of a case."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from airfleet.pipelines.airflow.trial import run
from airfleet.pipelines.airflow.trial.surroundings import TookTooLong
from airfleet.pipelines.cases import reader
from airfleet.pipelines.cases.checks import Ready, prepared
from airfleet.pipelines.cases.spec import Outcome
from airfleet.pipelines.checks.pipeline_checks import read_and_check

STEPS = """
import time
from airflow.sdk import Connection, Variable
from airflow.sdk.exceptions import AirflowSkipException
from airflow.sdk import BaseOperator
class Refusing(BaseOperator):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        raise ValueError("not so")
def flaky(ti):
    if ti.try_number < 3: raise ValueError("not yet")
    return ti.try_number
def numbers(): return [1, 2, 3]
def none(): return []
def double(n):
    if n == 0: raise ValueError("nothing")
    return n * 2
def total(ns): return sum(ns)
def left(): return "left"
def no(): return False
def skip(): raise AirflowSkipException("not today")
def outside():
    db = Connection.get("shop_db")
    return [db.host, Variable.get("limit"), Variable.get("other", default="none")]
def writes():
    Variable.set("x", "5")
    return Variable.get("x")
def pushes(ti): ti.xcom_push("rows", 7)
def told(params, ds, dag_run): return [params["day"], ds, dag_run.conf, str(dag_run.start_date)]
def sleeps(): time.sleep(60)
def bears():
    try: sleeps()
    except Exception: return "late"
def state(ti): return [ti.get_dagrun_state(ti.dag_id, ti.run_id), ti.get_dr_count(dag_id="other")]
"""


TRIGGERS = """
from airflow.sdk import BaseOperator
from airflow.triggers.base import BaseTrigger
class Failing(BaseTrigger):
    def serialize(self): return "trial_triggers.Failing", {}
    async def run(self):
        raise ValueError("no such thing")
        yield
class Silent(Failing):
    def serialize(self): return "trial_triggers.Silent", {}
    async def run(self):
        return
        yield
class Waiting(BaseOperator):
    def execute(self, context): self.defer(trigger=Failing(), method_name="done")
class Ending(BaseOperator):
    def execute(self, context): self.defer(trigger=Silent(), method_name="done")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "trial_steps.py").write_text(STEPS)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in ("trial_steps", "trial_triggers"):
        sys.modules.pop(name, None)


def outcome(folder: Path, tasks: str, case: str = "", top: str = "") -> Outcome:
    """The end of a run of a pipeline with these tasks; ``steps:`` are functions of this file."""
    return run.outcome_of(ready(folder, tasks, case, top))


def ready(folder: Path, tasks: str, case: str = "", top: str = "") -> Ready:
    """A case with its pipeline."""
    text = f"dag_id: shop\nstart_date: 2026-01-01\n{top}tasks:\n{tasks}".replace("steps:", "trial_steps:")
    (folder / "shop.yaml").write_text(text)
    file = folder / "shop.test.yaml"
    found = reader.read(f"cases:\n- name: a\n  date: 2026-01-31\n{case}", str(file))
    assert found.problems == ()
    made, problems = prepared(found.cases, lambda path: read_and_check(path, environ={}))
    assert problems == ()
    return made[0]


def states(found: Outcome) -> dict[str, str]:
    return {name: task.state for name, task in found.tasks.items()}


CALLBACKS = """
import json, os
def kept(context, file):
    ti = context["ti"]
    run = context["dag_run"]
    with open(file, "w") as out:
        json.dump([context["reason"], ti.task_id, ti.state, run.state, context["ds"], context["params"]["day"]], out)
def raises(context): raise ValueError("not told")
"""


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ("no', short_circuit: true", ["success", "a", "success", "success", "2026-01-31", 5]),
        ("flaky'", ["task_failure", "a", "failed", "failed", "2026-01-31", 5]),
    ],
)
def test_callbacks_of_the_dag_are_called_at_the_end_of_the_run(
    task: str, told: list[object], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "trial_steps.py").write_text(STEPS + CALLBACKS)
    kept = "{uses: 'steps:kept', with: {file: %s}}" % (folder / "told.json")
    raises = "'steps:raises'"
    found = outcome(
        folder,
        f"  - {{id: a, uses: 'steps:{task}}}\n  - {{id: b, needs: [a]}}\n",
        top=f"params: {{day: 5}}\non_success_callback: [{raises}, {kept}]\non_failure_callback: [{raises}, {kept}]\n",
    )
    assert found.state == told[3]
    assert json.loads((folder / "told.json").read_text()) == told


def test_a_run_with_another_end_calls_no_callback(folder: Path) -> None:
    (folder / "trial_steps.py").write_text(STEPS + CALLBACKS)
    kept = "{uses: 'steps:kept', with: {file: %s}}" % (folder / "told.json")
    outcome(folder, "  - {id: a}\n", top=f"params: {{day: 5}}\non_failure_callback: {kept}\n")
    assert not (folder / "told.json").exists()


def test_outputs_go_from_task_to_task_in_the_order_of_the_graph(folder: Path) -> None:
    found = outcome(
        folder,
        "  - {id: total, uses: 'steps:total', with: {ns: {$x: numbers}}}\n"
        "  - {id: numbers, uses: 'steps:numbers'}\n"
        "  - {id: say, uses: bash, with: {bash_command: {$t: \"echo {{ ds }} {{ ti.xcom_pull('total') }}\"}},"
        " needs: [total]}\n",
    )
    assert (found.state, found.order) == ("success", ("numbers", "total", "say"))
    assert found.tasks["total"].returned == 6
    assert found.tasks["say"].returned == "2026-01-31 6"
    assert found.tasks["say"].rendered == {"bash_command": "echo 2026-01-31 6"}


def test_a_task_is_tried_as_often_as_it_may_be(folder: Path) -> None:
    found = outcome(
        folder,
        "  - {id: enough, uses: 'steps:flaky', retries: 3, retry_delay: 1h}\n"
        "  - {id: too_few, uses: 'steps:flaky', retries: 1}\n",
    )
    enough, too_few = found.tasks["enough"], found.tasks["too_few"]
    assert (enough.state, enough.tries, enough.returned) == ("success", 3, 3)
    assert (too_few.state, too_few.tries, too_few.error) == ("failed", 2, "ValueError: not yet")
    assert found.state == "failed"


def test_a_repeated_task_has_copies(folder: Path) -> None:
    found = outcome(
        folder,
        "  - {id: numbers, uses: 'steps:numbers'}\n"
        "  - {id: double, uses: 'steps:double', expand: {n: {$x: numbers}}}\n"
        "  - {id: total, uses: 'steps:total', with: {ns: {$x: double}}}\n"
        "  - {id: none, uses: 'steps:none'}\n"
        "  - {id: never, uses: 'steps:double', expand: {n: {$x: none}}}\n"
        "  - {id: bad, uses: 'steps:double', expand: {n: [0, 4]}}\n",
    )
    assert [copy.returned for copy in found.tasks["double"].copies] == [2, 4, 6]
    assert found.tasks["total"].returned == 12
    assert found.tasks["never"].state == "skipped"
    assert (found.tasks["bad"].state, found.tasks["bad"].error) == ("failed", "ValueError: nothing")
    assert [copy.state for copy in found.tasks["bad"].copies] == ["failed", "success"]


def test_each_copy_of_a_group_goes_its_own_way(folder: Path) -> None:
    found = outcome(
        folder,
        "  - group: each\n    expand: {n: [0, 1, 2]}\n    tasks:\n"
        "      - {id: a, uses: 'steps:double', with: {n: {$item: n}}}\n"
        "      - {id: b, uses: 'steps:double', with: {n: {$x: a}}}\n"
        "  - {id: total, uses: 'steps:total', with: {ns: {$x: each.b}}, needs: [each], trigger_rule: all_done}\n",
    )
    assert [copy.state for copy in found.tasks["each.a"].copies] == ["failed", "success", "success"]
    assert [copy.state for copy in found.tasks["each.b"].copies] == ["upstream_failed", "success", "success"]
    assert found.tasks["total"].returned == 12


def test_branches_skips_and_trigger_rules(folder: Path) -> None:
    found = outcome(
        folder,
        "  - {id: choose, uses: branch_python, with: {python_callable: 'steps:left'}}\n"
        "  - {id: left, needs: [choose]}\n"
        "  - {id: right, needs: [choose]}\n"
        "  - {id: join, needs: [left, right], trigger_rule: none_failed_min_one_success}\n"
        "  - {id: gate, uses: short_circuit, with: {python_callable: 'steps:no'}}\n"
        "  - {id: closed, needs: [gate]}\n"
        "  - {id: skip, uses: 'steps:skip'}\n"
        "  - {id: after, needs: [skip]}\n",
    )
    assert {name for name, state in states(found).items() if state == "skipped"} == {"right", "closed", "skip", "after"}
    assert states(found)["join"] == "success"
    assert found.state == "success"


def test_a_teardown_runs_after_a_failure_which_still_fails_the_run(folder: Path) -> None:
    found = outcome(
        folder,
        "  - {id: up, setup: true}\n"
        "  - {id: work, uses: 'steps:double', with: {n: 0}, needs: [up]}\n"
        "  - {id: down, teardown: {setups: [up]}, needs: [work]}\n",
    )
    assert states(found) == {"up": "success", "work": "failed", "down": "success"}
    assert found.state == "failed"


def test_after_a_failure_the_rest_is_skipped_where_that_is_wanted(folder: Path) -> None:
    tasks = "  - {id: bad, uses: 'steps:double', with: {n: 0}}\n  - {id: other, needs: [fine]}\n  - {id: fine}\n"
    found = outcome(folder, tasks, top="fail_fast: true\n")
    assert states(found)["other"] == "skipped"


def test_mocked_tasks_do_not_run(folder: Path) -> None:
    found = outcome(
        folder,
        "  - {id: a, uses: 'steps:sleeps'}\n"
        "  - {id: b, uses: bash, with: {bash_command: {$t: 'exit {{ ds }}'}}}\n"
        "  - {id: c, uses: 'steps:sleeps', needs: [b]}\n"
        "  - {id: d, uses: 'steps:double', expand: {n: [1, 2]}}\n"
        "  - {id: total, uses: 'steps:total', with: {ns: {$x: d}}}\n",
        "  mocks: {a: {returns: 5, outputs: {rows: 1}}, b: {fails: broken}, c: {returns: 1}, d: {returns: [3, 4]}}\n"
        "  expect: {tasks: {b: {rendered: {bash_command: exit 2026-01-31}}}}\n",
    )
    assert (found.tasks["a"].returned, found.tasks["a"].outputs) == (5, {"rows": 1})
    assert (found.tasks["b"].state, found.tasks["b"].error) == ("failed", "AirflowException: broken")
    assert found.tasks["b"].rendered == {"bash_command": "exit 2026-01-31"}
    assert found.tasks["c"].state == "upstream_failed"
    assert found.tasks["total"].returned == 7


def test_a_case_has_its_own_connections_and_variables_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_OTHER", "outside")
    found = outcome(
        folder,
        "  - {id: outside, uses: 'steps:outside'}\n"
        "  - {id: writes, uses: 'steps:writes'}\n"
        "  - {id: pushes, uses: 'steps:pushes'}\n",
        "  connections: {shop_db: {type: postgres, host: db}}\n  variables: {limit: 3}\n",
    )
    assert found.tasks["outside"].returned == ["db", "3", "none"]
    assert found.tasks["writes"].returned == "5"
    assert found.tasks["pushes"].outputs == {"rows": 7}
    assert os.environ["AIRFLOW_VAR_OTHER"] == "outside"
    assert "AIRFLOW_CONN_SHOP_DB" not in os.environ
    assert not any(name.startswith("AIRFLOW_CTX_") for name in os.environ)


def test_the_moment_and_the_params_of_a_case(folder: Path) -> None:
    found = outcome(
        folder,
        "  - {id: told, uses: 'steps:told'}\n"
        "  - {id: say, uses: bash, with: {bash_command: {$t: 'echo {{ macros.datetime.now().isoformat() }}"
        " {{ data_interval_start }} {{ macros.ds_add(ds, 1) }}'}}}\n",
        "  now: 2026-02-01T07:30\n  params: {day: friday}\n",
        "schedule: '0 6 * * *'\nparams: {day: monday}\n",
    )
    assert found.tasks["told"].returned == ["friday", "2026-01-31", {"day": "friday"}, "2026-02-01 07:30:00+00:00"]
    assert found.tasks["say"].returned == "2026-02-01T07:30:00 2026-01-31 00:00:00+00:00 2026-02-01"


def test_a_task_that_is_deferred_goes_on_after_its_trigger(folder: Path) -> None:
    tasks = "  - {id: wait, uses: time_delta_sensor, with: {delta: 1s, deferrable: true}}\n"
    assert states(outcome(folder, tasks)) == {"wait": "success"}


def test_tasks_whose_dates_are_others_take_no_part(folder: Path) -> None:
    found = outcome(folder, "  - {id: a}\n  - {id: later, start_date: 2027-01-01}\n  - {id: b, needs: [later]}\n")
    assert states(found) == {"a": "success", "b": "success"}


def test_questions_about_other_runs_have_answers(folder: Path) -> None:
    found = outcome(
        folder, "  - {id: a, uses: 'steps:state'}\n  - {id: fire, uses: trigger_dag_run, with: {trigger_dag_id: b}}\n"
    )
    assert found.tasks["a"].returned == ["running", 0]
    assert states(found)["fire"] == "success"


def test_a_case_ends_when_its_time_is_over_and_handlers_are_as_before(folder: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(TookTooLong, match=r"^the tasks took longer than 1s \('timeout'\)$"):
        outcome(folder, "  - {id: a, uses: 'steps:sleeps'}\n", "  timeout: 1s\n")
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(("step", "run_is"), [("sleeps", "failed"), ("bears", "success")])
def test_a_case_that_expects_how_its_last_task_ends_of_the_time_fails(folder: Path, step: str, run_is: str) -> None:
    case = f"  timeout: 1s\n  expect: {{run: {run_is}}}\n"
    (problem,) = run.verdict(ready(folder, f"  - {{id: a, uses: 'steps:{step}'}}\n", case))
    assert problem.path == "cases[0].timeout"


def test_tasks_after_the_end_of_the_time_do_not_begin(folder: Path) -> None:
    tasks = "  - {id: a, uses: 'steps:sleeps'}\n  - {id: b, uses: 'steps:sleeps', execution_timeout: 1h}\n"
    (problem,) = run.verdict(ready(folder, tasks, "  timeout: 1s\n"))
    assert (problem.path, problem.sentence) == (
        "cases[0].timeout",
        "the tasks took longer than 1s ('timeout')",
    )


def test_wrong_params_are_a_problem_of_the_case(folder: Path) -> None:
    top = "params: {size: {type: integer, default: 1}}\n"
    (problem,) = run.verdict(ready(folder, "  - {id: a}\n", "  params: {size: big}\n", top))
    assert (problem.place.line, problem.path) == (4, "cases[0].params")
    assert problem.sentence.startswith("the params are wrong: Invalid input for param size: 'big' is not of type")


def test_a_task_fails_with_its_trigger(folder: Path) -> None:
    (folder / "trial_triggers.py").write_text(TRIGGERS)
    found = outcome(folder, "  - {id: a, uses: trial_triggers.Waiting}\n  - {id: b, uses: trial_triggers.Ending}\n")
    assert found.tasks["a"].error == "TaskDeferralError: ValueError: no such thing"
    assert found.tasks["b"].error == "TaskDeferralError: the trigger ended without an event"


def test_what_comes_after_a_task_that_still_waits_does_not_run(folder: Path) -> None:
    found = outcome(
        folder,
        "  - {id: ask, uses: bash_sensor, with: {bash_command: exit 1, mode: reschedule}}\n  - {id: b, needs: [ask]}\n",
    )
    assert states(found) == {"ask": "up_for_reschedule", "b": "none"}
    assert found.state == "failed"


def test_a_pipeline_that_an_operator_refuses_is_a_problem_of_the_case(folder: Path) -> None:
    (folder / "shop.yaml").write_text("dag_id: shop\ntasks: [{id: a, uses: trial_steps.Refusing}]\n")
    file = folder / "shop.test.yaml"
    cases = reader.read("cases: [{name: a}]", str(file)).cases
    (made,), problems = prepared(cases, lambda path: read_and_check(path, environ={}))
    assert problems == ()
    (problem,) = run.verdict(made)
    assert problem.sentence.endswith("shop.yaml is wrong: Refusing refuses its arguments: not so")
