"""Parts of other files and of earlier documents come into a pipeline, in one order, with their own places."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.errors import Place
from airfleet.pipelines.checks.pipeline_checks import CheckedFile, read_and_check
from airfleet.pipelines.language import shared_keys
from airfleet.pipelines.reading import reader


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "fleet.yaml").write_text("")
    (tmp_path / "pipelines" / "team").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(files: dict[str, str]) -> None:
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def checked(name: str = "pipelines/team/p.yaml", **environ: str) -> CheckedFile:
    return read_and_check(Path(name), environ=environ)


def said(name: str = "pipelines/team/p.yaml") -> list[str]:
    return [str(problem) for problem in checked(name).problems]


# --- the order


def retries(files: dict[str, str], task: str = "{id: a}") -> object:
    """The retries of a task, of which each file says another number."""
    write(files)
    head = "include: [../_one.yaml, ../_two.yaml]\n" if "pipelines/_one.yaml" in files else ""
    earlier = files.get("earlier", "")
    own = files.get("own", "")
    Path("pipelines/team/p.yaml").write_text(f"{earlier}dag_id: d\n{head}{own}tasks: [{task}]\n")
    [pipeline] = checked().pipelines
    return pipeline.tasks[0].options.get("retries")


def test_a_stronger_part_wins(project: Path) -> None:
    files: dict[str, str] = {}
    found = []
    for number, (name, text) in enumerate(
        {
            "defaults.yaml": "",
            "pipelines/defaults.yaml": "",
            "pipelines/team/defaults.yaml": "",
            "pipelines/_one.yaml": "",
            "pipelines/_two.yaml": "",
            "earlier": "---\n",
            "own": "",
        }.items()
    ):
        files[name] = f"defaults: {{retries: {number}}}\n{text}"
        files.setdefault("pipelines/_two.yaml", "templates: {}\n") if name == "pipelines/_one.yaml" else None
        found.append(retries(files))
    assert found == [0, 1, 2, 3, 4, 5, 6]
    files["pipelines/_one.yaml"] += "templates: {t: {retries: 7}}\n"
    assert retries(files, "{id: a, extends: t}") == 7
    assert retries(files, "{id: a, extends: t, retries: 8}") == 8


def test_mappings_are_merged_by_key_and_the_rest_is_replaced(project: Path) -> None:
    write(
        {
            "defaults.yaml": "tags: [all]\ndefaults: {retries: 1, owner: shop}\nparams: {a: 1, b: 1}\ncatchup: true\n"
            "templates: {t: {pool: x}, u: {pool: y}}\nstart_date: 2026-01-01\n",
            "pipelines/team/p.yaml": "dag_id: d\ntags: [own]\ndefaults: {retries: 2}\nparams: {b: 2, c: 2}\n"
            "templates: {t: {queue: default}}\nstart_date: null\n"
            "tasks: [{id: a, extends: t}, {id: b, extends: u, owner: null}]\n",
        }
    )
    [pipeline] = checked().pipelines
    assert pipeline.options == {"tags": ("own",), "params": {"a": 1, "b": 2, "c": 2}, "catchup": True}
    assert pipeline.defaults == {"retries": 2, "owner": "shop"}
    assert [task.options for task in pipeline.tasks] == [
        {"retries": 2, "owner": "shop", "queue": "default"},
        {"retries": 2, "pool": "y", "owner": None},
    ]


def test_null_takes_a_whole_shared_mapping_away(project: Path) -> None:
    write(
        {
            "defaults.yaml": "defaults: {retries: 1}\nschedule: '@daily'\n",
            "pipelines/team/p.yaml": "dag_id: d\ndefaults: null\nschedule: null\ntasks: [{id: a}]\n",
        }
    )
    [pipeline] = checked().pipelines
    assert (pipeline.defaults, pipeline.schedule) == ({}, None)


def test_a_file_that_is_met_twice_counts_where_it_is_met_first(project: Path) -> None:
    write(
        {
            "_base.yaml": "defaults: {retries: 1, owner: base}\n",
            "_left.yaml": "include: _base.yaml\ndefaults: {retries: 2}\n",
            "_right.yaml": "include: [_base.yaml, sub/../_base.yaml]\ndefaults: {pool: right}\n",
            "pipelines/team/p.yaml": "include: /_base.yaml\ntemplates: {}\n---\n"
            "dag_id: d\ninclude: [../../_left.yaml, /_right.yaml]\ntasks: [{id: a}]\n",
        }
    )
    Path("sub").mkdir()
    [pipeline] = checked().pipelines
    assert pipeline.defaults == {"retries": 2, "owner": "base", "pool": "right"}


def test_earlier_documents_share_with_all_later_ones(project: Path) -> None:
    Path("pipelines/p.yaml").write_text(
        "templates: {t: {retries: 1}}\n---\ndag_id: one\ntasks: [{id: a, extends: t}]\n---\n"
        "defaults: {owner: later}\n---\ndag_id: two\ntasks: [{id: a, extends: t}]\n"
    )
    one, two = checked("pipelines/p.yaml").pipelines
    assert (one.tasks[0].options, two.tasks[0].options) == ({"retries": 1}, {"retries": 1, "owner": "later"})


# --- values and places


def test_values_of_a_job_and_of_the_fleet_are_resolved_in_shared_parts(project: Path) -> None:
    write(
        {
            "defaults.yaml": "defaults: {queue: '${{ job.queue }}', owner: '${{ env.TEAM or ''nobody'' }}'}\n",
            "_dev.yaml": "templates: {t: {uses: bash, with: {bash_command: '${{ job.name }}'}}}\n",
            "pipelines/team/p.yaml": "dag_id: '${{ job.name }}'\ninclude: /_${{ env.STAGE }}.yaml\n"
            "jobs: [{name: x, queue: q1}, {name: y, queue: q2}]\ntasks: [{id: a, extends: t}]\n",
        }
    )
    found = checked(STAGE="dev")
    assert [(p.dag_id, p.defaults, p.tasks[0].args) for p in found.pipelines] == [
        ("x", {"queue": "q1", "owner": "nobody"}, {"bash_command": "x"}),
        ("y", {"queue": "q2", "owner": "nobody"}, {"bash_command": "y"}),
    ]
    assert [str(problem) for problem in checked().problems] == [
        "pipelines/team/p.yaml:2:20: include: the environment has no 'STAGE'\n"
        "hint: give a default: ${{ env.STAGE or 'text' }}"
    ]


def test_every_value_has_its_place_in_its_own_file(project: Path) -> None:
    write(
        {
            "defaults.yaml": "defaults: {owner: shop}\n",
            "pipelines/_t.yaml": "templates:\n  t: {pool: x}\n",
            "pipelines/team/p.yaml": "dag_id: d\ninclude: ../_t.yaml\ndefaults: {retries: 2}\n"
            "tasks: [{id: a, extends: t}]\n",
        }
    )
    [pipeline] = checked().pipelines
    assert pipeline.place("defaults.owner") == Place("defaults.yaml", 1, 19)
    assert pipeline.place("tasks.a.pool") == Place("pipelines/_t.yaml", 2, 13)
    assert pipeline.place("defaults.retries") == Place("pipelines/team/p.yaml", 3, 21)
    assert pipeline.place("tasks.a") == Place("pipelines/team/p.yaml", 4, 9)


def test_a_text_of_a_file_is_found_from_the_shared_file_that_names_it(project: Path) -> None:
    write(
        {
            "shared/sql/day.sql": "select 1\n",
            "shared/_sql.yaml": "templates: {t: {uses: bash, with: {bash_command: {$t: {$f: sql/day.sql}}}}}\n",
            "pipelines/team/p.yaml": "dag_id: d\ninclude: /shared/_sql.yaml\ntasks: [{id: a, extends: t}]\n",
        }
    )
    found = checked()
    assert (found.problems, len(found.pipelines)) == ((), 1)
    assert str(project / "shared" / "sql" / "day.sql") in found.taken_in


# --- what is wrong

P = "dag_id: d\ninclude: {}\ntasks: [{{id: a}}]\n"

WRONG: list[tuple[dict[str, str], str, list[str]]] = [
    ({}, "7", ["pipelines/team/p.yaml:2:10: include: there is no file '7'"]),
    ({}, "false", ["pipelines/team/p.yaml:2:10: include: must be the path of a file, or a list of paths"]),
    ({}, "{a: b}", ["pipelines/team/p.yaml:2:10: include: must be the path of a file, or a list of paths"]),
    ({}, "[null, [x]]",
     ["pipelines/team/p.yaml:2:11: include[0]: must be the path of a file, or a list of paths",
      "pipelines/team/p.yaml:2:17: include[1]: must be the path of a file, or a list of paths"]),
    ({"pipelines/team/_shop.yaml": "templates: {}\n"}, "_shopp.yaml",
     ["pipelines/team/p.yaml:2:10: include: there is no file '_shopp.yaml'\nhint: did you mean '_shop.yaml'?"]),
    ({}, "../../../x.yaml", ["pipelines/team/p.yaml:2:10: include: '../../../x.yaml' lies outside the project"]),
    ({}, "..", ["pipelines/team/p.yaml:2:10: include: '..' is a folder, not a file\nhint: name the files in it: ../…"]),
    ({"_x.json": "{}"}, "/_x.json",
     ["pipelines/team/p.yaml:2:10: include: '/_x.json' is no YAML file: its name has to end in .yaml or .yml"]),
    ({}, '"a\\0b"', ["pipelines/team/p.yaml:2:10: include: 'a\\x00b' is not the name of a file"]),
    ({"q.yaml": "dag_id: q\ntasks: [{id: a}]\n"}, "/q.yaml",
     ["pipelines/team/p.yaml:2:10: include: '/q.yaml' is a pipeline\n"
      "hint: a file that is included has keys such as templates, groups, defaults, include, and makes no Dag"]),
    ({"q.yaml": "table: orders\n"}, "/q.yaml",
     ["pipelines/team/p.yaml:2:10: include: '/q.yaml' is no file of shared parts\n"
      "hint: a file that is included has keys such as templates, groups, defaults, include, and makes no Dag"]),
    ({"_a.yaml": "defaults: {retriez: 1}\ndescription: x\n- 1\n"}, "/_a.yaml",
     ["_a.yaml:3:1: this line does not fit the lines above it\n"
      "hint: look at its indentation, and for a quote or bracket that was not closed"]),
    ({"_a.yaml": "defaults: {retriez: 1}\ndescription: x\n---\n- 1\n"}, "/_a.yaml",
     ["_a.yaml:1:12: defaults.retriez: a task has no 'retriez'\nhint: did you mean 'retries'?",
      "_a.yaml:2:1: description: cannot be shared: it says what one Dag is",
      "_a.yaml:4:1: shared parts are a mapping of keys such as defaults and templates"]),
    ({"_a.yaml": "include: _b.yaml\n", "_b.yaml": "include: [_a.yaml]\n"}, "/_b.yaml",
     ["_b.yaml:1:11: include[0]: the files include each other in a circle: _a.yaml → _b.yaml → _a.yaml"]),
    ({"_a.yaml": "include: _b.yaml\n", "_b.yaml": "include: [_a.yaml]\n"}, "/_a.yaml",
     ["_b.yaml:1:11: include[0]: the files include each other in a circle: _a.yaml → _b.yaml → _a.yaml"]),
    ({"_a.yaml": "include: _a.yaml\n"}, "[/_a.yaml, /_a.yaml]",
     ["_a.yaml:1:10: include: the files include each other in a circle: _a.yaml → _a.yaml"]),
    ({"_a.yaml": "defaults: {retries: '${{ job.x }}'}\n"}, "/_a.yaml",
     ["_a.yaml:1:26: defaults.retries: 'job' cannot be used here: this document has no 'jobs'"]),
    ({"defaults.yaml": "dag_id: x\ntasks: []\ntags: [a]\n"}, "[]",
     ["defaults.yaml:1:1: dag_id: cannot be shared: it says what one Dag is",
      "defaults.yaml:2:1: tasks: cannot be shared: it says what one Dag is"]),
    ({"defaults.yaml": "defaults: {retries: [}\n"}, "[]",
     ["defaults.yaml:1:22: this is not YAML: did not find expected node content"]),
]  # fmt: skip


@pytest.mark.parametrize(("files", "include", "expected"), WRONG)
def test_what_is_wrong_is_said_at_its_place(
    files: dict[str, str], include: str, expected: list[str], project: Path
) -> None:
    write({**files, "pipelines/team/p.yaml": P.format(include)})
    found = checked()
    assert [str(problem) for problem in found.problems] == expected
    assert found.pipelines == ()
    assert found.dag_ids == ("d",)


def test_files_of_other_tools_that_are_called_defaults_are_left_alone(project: Path) -> None:
    write(
        {
            "defaults.yaml": "image: {repository: nginx}\n",
            "pipelines/defaults.yaml": "default_args: {owner: x}\ncatchup: true\n",
            "pipelines/team/defaults.yaml": "{{- with .Values }}\n",
            "pipelines/team/p.yaml": "dag_id: d\ntasks: [{id: a}]\n",
        }
    )
    [pipeline] = checked().pipelines
    assert (pipeline.options, pipeline.defaults) == ({}, {})


def test_a_link_out_of_the_project_is_not_followed(project: Path) -> None:
    (project.parent / "outside.yaml").write_text("defaults: {retries: 1}\n")
    Path("pipelines/_out.yaml").symlink_to(project.parent / "outside.yaml")
    write({"pipelines/team/p.yaml": P.format("../_out.yaml")})
    assert said() == ["pipelines/team/p.yaml:2:10: include: '../_out.yaml' lies outside the project"]


def test_without_a_library_no_file_can_be_included() -> None:
    found = reader.read(P.format("_a.yaml"), "p.yaml").problems
    assert [str(problem) for problem in found] == ["p.yaml:2:10: include: there is no file '_a.yaml'"]


# --- limits


def test_the_number_of_shared_files_has_a_limit(project: Path) -> None:
    most = shared_keys.MOST_FILES
    write({f"s/{i}.yaml": f"include: {i + 1}.yaml\ndefaults: {{retries: 1}}\n" for i in range(most + 1)})
    write({f"s/{most + 1}.yaml": "defaults: {}\n", "pipelines/team/p.yaml": P.format("/s/0.yaml")})
    assert said() == [
        f"s/{most - 1}.yaml:1:10: include: a pipeline file takes in {most} shared files and 2 MB of them at most, "
        "through others included"
    ]


def test_the_size_of_shared_files_has_a_limit(project: Path) -> None:
    write({"_a.yaml": "# " + "x" * 1_200_000 + "\ntags: [a]\n", "_b.yaml": "# " + "x" * 1_200_000 + "\ntags: [a]\n"})
    write({"_c.yaml": "# " + "x" * 2_200_000 + "\n", "pipelines/team/p.yaml": P.format("[/_a.yaml, /_b.yaml]")})
    assert said() == [
        "pipelines/team/p.yaml:2:21: include[1]: a pipeline file takes in 100 shared files and 2 MB of them at most, "
        "through others included"
    ]
    write({"pipelines/team/p.yaml": P.format("/_c.yaml")})
    assert said() == ["_c.yaml:1:1: the file has 2 MB; a shared file may have 2 at most"]


def test_shared_parts_count_to_the_values_of_a_file(project: Path) -> None:
    write({"_a.yaml": "templates: {" + ", ".join(f"t{i}: {{}}" for i in range(2_000)) + "}\n"})
    document = "dag_id: d{}\ninclude: /_a.yaml\ntasks: [{{id: a}}]\n"
    write({"pipelines/team/p.yaml": "---\n".join(document.format(i) for i in range(600))})
    sentences = {problem.sentence for problem in checked().problems}
    assert sentences == {"jobs and templates make more than 1,000,000 values of this file"}


def test_the_number_of_names_has_a_limit(project: Path) -> None:
    names = ", ".join(f"_{i}.yaml" for i in range(5_000))
    write({"pipelines/team/p.yaml": P.format(f"[{names}]")})
    assert len(said()) == shared_keys.MOST_FILES + 1


def test_a_problem_of_a_shared_template_is_said_once_for_all_tasks(project: Path) -> None:
    write({"_a.yaml": "templates: {t: {uses: bash, retries: x}}\n"})
    tasks = ", ".join(f"{{id: a{i}, extends: t, with: {{bash_command: ls}}}}" for i in range(20))
    write({"pipelines/team/p.yaml": f"dag_id: d\ninclude: /_a.yaml\ntasks: [{tasks}]\n"})
    assert said() == ["_a.yaml:1:38: tasks.a0.retries: must be a whole number, not the text 'x'"]
