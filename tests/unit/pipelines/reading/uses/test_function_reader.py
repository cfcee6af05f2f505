"""``isolation``, ``sensor``, ``branch`` and ``short_circuit`` beside a function, right and wrong."""

from __future__ import annotations

import datetime as dt

import pytest

from airfleet.pipelines.language.spec import Isolation, Role, Task, XCom
from airfleet.pipelines.reading.reader import read


def task(written: str) -> Task:
    found = read(f"dag_id: d\ntasks:\n- {{id: a}}\n- {{id: t, {written}}}\n", "p.yaml")
    assert [str(problem) for problem in found.problems] == []
    return found.pipelines[0].tasks[1]


@pytest.mark.parametrize(
    ("written", "role"),
    [
        ("sensor: true", Role("sensor")),
        ("sensor: {poke_interval: 30s, mode: reschedule, soft_fail: true}",
         Role("sensor", {"poke_interval": dt.timedelta(seconds=30), "mode": "reschedule", "soft_fail": True})),
        ("sensor: {}", Role("sensor")),
        ("branch: true", Role("branch")),
        ("short_circuit: true", Role("short_circuit")),
        ("short_circuit: {ignore_downstream_trigger_rules: false}",
         Role("short_circuit", {"ignore_downstream_trigger_rules": False})),
        ("branch: false", None),
        ("sensor: null", None),
        ("branch: 'true'", Role("branch")),  # as the environment gives it
        ("sensor: 'false'", None),
    ],
)  # fmt: skip
def test_the_answer_of_a_function_decides_something(written: str, role: Role | None) -> None:
    assert task(f"uses: 'm:f', {written}").role == role


@pytest.mark.parametrize(
    ("written", "isolation"),
    [
        ("{venv: []}", Isolation("venv", {"requirements": ()})),
        ("{venv: [pandas, polars]}", Isolation("venv", {"requirements": ("pandas", "polars")})),
        ("{venv: needed.txt, python: 3.10}",
         Isolation("venv", {"requirements": "needed.txt", "python_version": "3.10"})),
        ("{venv: pandas, index_urls: https://x, inherit_env: false, env_vars: {A: b}}",
         Isolation("venv", {"requirements": "pandas", "index_urls": ("https://x",), "inherit_env": False,
                            "env_vars": {"A": "b"}})),
        ("{python: /usr/bin/python3}", Isolation("python", {"python": "/usr/bin/python3"})),
        ("{docker: 'python:3.12', auto_remove: success}",
         Isolation("docker", {"image": "python:3.12", "auto_remove": "success"})),
        ("{kubernetes: {image: x, env_vars: {A: {$x: a}}}}",
         Isolation("kubernetes", {"image": "x", "env_vars": {"A": XCom("a")}})),
    ],
)  # fmt: skip
def test_a_function_runs_elsewhere(written: str, isolation: Isolation) -> None:
    assert task(f"uses: 'm:f', isolation: {written}").isolation == isolation


def test_an_output_in_the_isolation_is_waited_for() -> None:
    assert task("uses: 'm:f', isolation: {docker: {image: x, environment: {A: {$x: a}}}}").upstream == ("a",)


def test_a_template_holds_them() -> None:
    text = "dag_id: d\ntemplates: {w: {sensor: {timeout: 1h}}}\ntasks: [{id: t, uses: 'm:f', extends: w}]\n"
    assert read(text, "p.yaml").pipelines[0].tasks[0].role == Role("sensor", {"timeout": dt.timedelta(hours=1)})


FUNCTION = "is said of a Python function, not of an operator"
INSTEAD = "write uses: module:function; an operator has a name of its own, such as "


@pytest.mark.parametrize(
    ("written", "path", "sentence", "hint"),
    [
        ("uses: bash, sensor: true", "sensor", FUNCTION, INSTEAD + "file_sensor"),
        ("uses: 'm:f', isolation: {venv: [], env_vars: {A=1: x}}", "isolation.env_vars",
         "'A=1' cannot be the name of a variable of the environment", "write A: …"),
        ("uses: 'm:f', isolation: {venv: ''}", "isolation.venv", "must not be empty",
         "for an environment without packages, write venv: []"),
        ("uses: 'm:f', isolation: {venv: [pandas, ' ']}", "isolation.venv[1]", "must not be empty", None),
        ("uses: bash, isolation: {venv: []}", "isolation", FUNCTION, INSTEAD + "python_virtualenv or docker"),
        ("branch: true", "branch", FUNCTION, INSTEAD + "branch_day_of_week"),
        ("uses: 'm:f', sensor: true, branch: true", "branch", "cannot stand beside 'sensor'", None),
        ("uses: 'm:f', sensor: true, isolation: {docker: x}", "sensor", "is not decided by a function in a container",
         "write isolation: {venv: […]} for libraries of its own"),
        ("uses: 'm:f', branch: true, isolation: {docker: x}", "branch", "is not decided by a function in a container",
         "let this task return its answer, and give it by {$x: …} to a function that decides"),
        ("uses: 'm:f', poke_interval: 30s", "poke_interval", "a task has no key 'poke_interval'",
         "write sensor: {poke_interval: …}"),
        ("uses: 'm:f', requirements: [pandas]", "requirements", "a task has no key 'requirements'",
         "write isolation: {venv: [pandas]}"),
        ("uses: 'm:f', kind: sensor", "kind", "a task has no key 'kind'",
         "write sensor: true, branch: true or short_circuit: true"),
        ("uses: 'm:f', sensor: 5", "sensor", "must be true, or a mapping of options", None),
        ("uses: 'm:f', branch: {a: 1}", "branch", "must be true or false", None),
        ("uses: 'm:f', sensor: {poke_intervall: 5}", "sensor.poke_intervall",
         "a sensor has no option 'poke_intervall'", "did you mean 'poke_interval'?"),
        ("uses: 'm:f', sensor: {deferrable: true}", "sensor.deferrable", "a sensor has no option 'deferrable'",
         "a function cannot wait in the triggerer; mode: reschedule takes no slot between two calls"),
        ("uses: 'm:f', sensor: {soft_fail: true, never_fail: true}", "sensor.never_fail",
         "cannot stand beside 'soft_fail'", None),
        ("uses: 'm:f', sensor: {timeout: soon}", "sensor.timeout", "must be a duration, not the text 'soon'",
         "write 90s, 5m, 1h30m, 1d or a number of seconds"),
        ("uses: 'm:f', sensor: {mode: pull}", "sensor.mode", "'pull' is not one of the values it can have",
         "one of poke, reschedule"),
        ("uses: 'm:f', isolation: venv", "isolation", "must be a mapping with venv, python, docker or kubernetes",
         "write isolation: {venv: [pandas]}, for example"),
        ("uses: 'm:f', isolation: {}", "isolation", "needs venv, python, docker or kubernetes",
         "write isolation: {venv: [pandas]}, for example"),
        ("uses: 'm:f', isolation: {docker: x, venv: []}", "isolation", "has venv and docker, but needs one", None),
        ("uses: 'm:f', isolation: {venv: {a: 1}}", "isolation.venv",
         "must be a list of requirements, or a requirements file", None),
        ("uses: 'm:f', isolation: {venv: [], python: new}", "isolation.python",
         "must be a version such as 3.12, not 'new'", None),
        ("uses: 'm:f', isolation: {python: 3.12}", "isolation.python",
         "must be the absolute path of a Python, not '3.12'", "for a version, write {venv: [], python: '3.12'}"),
        ("uses: 'm:f', isolation: {python: bin/python}", "isolation.python",
         "must be the absolute path of a Python, not 'bin/python'", None),
        ("uses: 'm:f', isolation: {venv: [], requirements: [x]}", "isolation.requirements",
         "this isolation has no option 'requirements'", "write venv: [requirements]"),
        ("uses: 'm:f', isolation: {venv: [], serializer: json}", "isolation.serializer",
         "'json' is not one of the values it can have", "one of pickle, cloudpickle, dill"),
        ("uses: 'm:f', isolation: {venv: [], index_urls: {$t: x}}", "isolation.index_urls",
         "a marker such as $t is only read under 'with'", "write the value itself"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_place(written: str, path: str, sentence: str, hint: str | None) -> None:
    found = read(f"dag_id: d\ntasks:\n- {{id: t, {written}}}\n", "p.yaml")
    said = [(problem.path, problem.sentence, problem.hint) for problem in found.problems]
    assert said == [(f"tasks.t.{path}", sentence, hint)]
