"""``check`` checks shared files, and says each of their problems once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airfleet.client.project import Project
from support.command_line import Airfleet


@pytest.fixture
def folder(project: Project) -> Path:
    return project.root / "pipelines"


def taker(name: str, include: str = "_shop.yaml") -> str:
    return f"dag_id: {name}\ninclude: {include}\ntasks: [{{id: a, extends: t}}]\n"


def test_a_problem_of_a_shared_file_is_said_once(folder: Path, airfleet: Airfleet) -> None:
    (folder / "_shop.yaml").write_text("templates: {t: {uses: bash, retris: 1, with: {bash_command: ls}}}\n")
    for name in "abcd":
        (folder / f"{name}.yaml").write_text(taker(name))
    result = airfleet("check")
    assert result.out == (
        "pipelines/_shop.yaml:1:29: templates.t.retris: a task has no key 'retris' [AF012]\n"
        "hint: did you mean 'retries'?\n"
    )
    assert result.err == "1 problem in 1 file\n"
    assert airfleet("check", "pipelines/a.yaml").out == result.out


def test_a_problem_that_only_some_pipelines_meet_names_them(folder: Path, airfleet: Airfleet) -> None:
    (folder / "_shop.yaml").write_text("templates: {t: {needs: [b]}}\n")
    (folder / "good.yaml").write_text(taker("good").replace("t}]", "t}, {id: b}]"))
    for name in "acd":
        (folder / f"{name}.yaml").write_text(taker(name))
        if name == "a":
            assert airfleet("check").out == (
                "pipelines/_shop.yaml:1:25: tasks.a.needs[0]: there is no task 'b' [AF120]\n"
                "hint: met in pipelines/a.yaml\n"
            )
    assert airfleet("check").out.endswith("hint: met in pipelines/a.yaml and 2 more files\n")
    assert airfleet("check").err == "1 problem in 1 file; 1 pipeline is fine\n"


def test_a_shared_file_that_nobody_takes_in_is_checked(folder: Path, airfleet: Airfleet) -> None:
    (folder / "_private").mkdir()
    (folder / "_private" / "x.yaml").write_text("defaults: {retries: many}\n")
    (folder / "_parked.yaml").write_text("dag_id: parked\ntasks: [{id: a, uses: nope}]\n")
    (folder / "_settings.yaml").write_text("defaults: [a, b]\nmodel: x\n")
    (folder / "sub").mkdir()
    (folder / "sub" / "defaults.yaml").write_text("tags: {a: b}\n")
    (folder / "parts.yaml").write_text("templates: {t: 1}\n")
    assert airfleet("check").out.splitlines() == [
        "pipelines/_private/x.yaml:1:21: defaults.retries: must be a whole number, not the text 'many' [AF030]",
        "pipelines/parts.yaml:1:16: templates.t: a template must be a mapping, as a task is [AF010]",
        "pipelines/sub/defaults.yaml:1:7: tags: must be a text or a list of texts, not a mapping [AF030]",
    ]


def test_values_that_only_a_job_gives_are_no_problem_of_a_shared_file(folder: Path, airfleet: Airfleet) -> None:
    (folder / "_shop.yaml").write_text(
        "defaults: {retries: '${{ job.retries }}', owner: '${{ env.NOBODY }}'}\n"
        "templates: {t: {uses: bash, with: {bash_command: '${{ job.x }}'}}}\n"
    )
    assert airfleet("check").code == 0


def test_a_defaults_file_of_another_tool_is_a_remark(folder: Path, airfleet: Airfleet) -> None:
    (folder / "defaults.yaml").write_text("image: {repository: nginx}\n")
    (folder / "a.yaml").write_text("dag_id: a\ntasks: [{id: a}]\n")
    result = airfleet("check")
    assert result.code == 0
    assert result.out.startswith("pipelines/defaults.yaml:1:1: remark: this is not a pipeline, and is not read")


def test_a_queue_in_a_shared_file_without_a_worker_is_said_once(folder: Path, airfleet: Airfleet) -> None:
    (folder / "defaults.yaml").write_text("defaults: {queue: nowhere}\n")
    for name in "ab":
        (folder / f"{name}.yaml").write_text(
            f"dag_id: {name}\ntasks: [{{id: a, uses: bash, with: {{bash_command: ls}}}}]\n"
        )
    found = json.loads(airfleet("check", "-o", "json").out)["problems"]
    assert [(one["file"], one["path"]) for one in found] == [("pipelines/defaults.yaml", "defaults.queue")]


def test_many_pipelines_read_their_shared_file_once(
    folder: Path, airfleet: Airfleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    opened: list[str] = []
    (folder / "defaults.yaml").write_text("tags: [all]\n")
    for number in range(50):
        (folder / f"{number}.yaml").write_text(f"dag_id: d{number}\ntasks: [{{id: a}}]\n")
    watching = True
    sys.addaudithook(lambda event, args: opened.append(str(args[0])) if watching and event == "open" else None)
    assert airfleet("check").code == 0
    watching = False
    assert sum(name.endswith("pipelines/defaults.yaml") for name in opened) == 2  # by its pipelines, and for itself


def test_a_template_is_checked_as_far_as_a_part_of_a_task_can_be(folder: Path, airfleet: Airfleet) -> None:
    (folder / "_shop.yaml").write_text(
        "templates:\n"
        "  right: {uses: bash, needs: [other], with: {cwd: {$x: other}}}\n"
        "  rest: {extends: right, with: {anything: 1}, on_failure_callback: nowhere:tell}\n"
        "  wrong: {uses: bash, with: {bash_comand: ls, cwd: {$t: '{{ ds'}, env: {A: {$f: nope.txt}}}}\n"
        "  gone: {uses: 'nowhere:count', with: {rows: 1}}\n"
    )
    (folder / "a.yaml").write_text(
        "dag_id: a\ninclude: _shop.yaml\ntasks: [{id: a, extends: wrong, with: {bash_command: ls}}]\n"
    )
    assert [line for line in airfleet("check").out.splitlines() if not line.startswith("hint")] == [
        "pipelines/_shop.yaml:3:68: templates.rest.on_failure_callback: there is no module 'nowhere' [AF103]",
        "pipelines/_shop.yaml:4:43: templates.wrong.with.bash_comand: bash takes no argument 'bash_comand' [AF105]",
        "pipelines/_shop.yaml:4:52: templates.wrong.with.cwd: the template is wrong in its line 1: "
        "unexpected end of template, expected 'end of print statement'. [AF110]",
        "pipelines/_shop.yaml:4:76: templates.wrong.with.env.A: there is no file 'nope.txt' [AF109]",
        "pipelines/_shop.yaml:5:16: templates.gone.uses: there is no module 'nowhere' [AF103]",
    ]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            "show",
            "pipelines/_shop.yaml makes no Dag: it has parts that pipelines share\nhint: name a file with a dag_id",
        ),
        ("run", "pipelines/_shop.yaml has no pipeline, only parts that some share"),
    ],
)
def test_a_shared_file_is_no_pipeline_of_a_command(
    command: str, said: str, folder: Path, airfleet: Airfleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    (folder / "_shop.yaml").write_text("templates: {t: {retries: 1}}\n")
    result = airfleet(command, "pipelines/_shop.yaml")
    assert result.code != 0
    assert said in result.err
