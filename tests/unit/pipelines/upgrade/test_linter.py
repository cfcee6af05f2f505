"""What check says of Dags in Python that an older Airflow understood: every line, and what to write there."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from airfleet.pipelines.analysis import modules, short_names
from airfleet.pipelines.analysis.modules import MissingDefinition
from airfleet.pipelines.files import listing
from airfleet.pipelines.upgrade import linter, names
from airfleet.pipelines.upgrade.imports import is_gone, module_is_gone

EXAMPLE = Path(__file__).parents[4] / "examples" / "existing_dags"


def said(folder: Path, text: str) -> list[str]:
    """Line, column, sentence and hint of every problem."""
    file = folder / "old_dag.py"
    file.write_text(textwrap.dedent(text))
    return [
        f"{p.place.line}:{p.place.column} {p.sentence}{f' | {p.hint}' if p.hint else ''}" for p in linter.check(file)
    ]


def test_a_dag_of_2019_is_told_every_line_that_must_change() -> None:
    found = linter.check(EXAMPLE / "old" / "report_2019.py")
    assert [(p.place.line, p.place.column) for p in found] == [
        (6, 49),
        (7, 45),
        (8, 46),
        (9, 47),
        (10, 33),
        (14, 5),
        (15, 19),
        (21, 12),
        (22, 77),
        (28, 5),
        (29, 5),
        (34, 67),
        (37, 53),
        (37, 90),
        (38, 9),
        (39, 22),
    ]
    lines = (EXAMPLE / "old" / "report_2019.py").read_text().splitlines()
    for problem in found:  # each stands where the word that it names begins
        word = problem.sentence.split("'")[1].rpartition(".")[2]
        assert lines[problem.place.line - 1][problem.place.column - 1 :].lstrip("\"'").startswith(word)
        assert problem.hint


def test_the_dags_of_today_have_no_problem() -> None:
    files = listing.of(EXAMPLE / "pipelines").python
    assert {file.name for file in files} >= {"assets.py", "classic.py", "mapping.py", "report_2019.py", "taskflow.py"}
    assert [problem for file in files for problem in linter.check(file)] == []


def test_an_import_names_what_to_import_under_the_name_that_the_file_uses(tmp_path: Path) -> None:
    assert said(
        tmp_path,
        """\
        from airflow.operators.bash_operator import BashOperator as Shell
        from airflow.operators import PythonOperator
        from airflow.operators.dummy import DummyOperator
        from airflow.contrib.operators.ssh_operator import SSHOperator
        import airflow.hooks.S3_hook
        from airflow.operators.nobody_knows import Something
        """,
    ) == [
        "1:45 'airflow.operators.bash_operator.BashOperator' is not there in Airflow 3"
        " | write: from airflow.providers.standard.operators.bash import BashOperator as Shell",
        "2:31 'airflow.operators.PythonOperator' is not there in Airflow 3"
        " | write: from airflow.providers.standard.operators.python import PythonOperator",
        "3:37 'airflow.operators.dummy.DummyOperator' is not there in Airflow 3"
        " | write: from airflow.providers.standard.operators.empty import EmptyOperator as DummyOperator",
        "4:52 'airflow.contrib.operators.ssh_operator.SSHOperator' is not there in Airflow 3"
        " | write: from airflow.providers.ssh.operators.ssh import SSHOperator,"
        " and install apache-airflow-providers-ssh",
        "5:8 'airflow.hooks.S3_hook' is not there in Airflow 3"
        " | write: from airflow.providers.amazon.aws.hooks.s3 import S3Hook",
        "6:44 'airflow.operators.nobody_knows.Something' is not there in Airflow 3",
    ]


def test_what_airflow_still_answers_for_is_no_problem(tmp_path: Path) -> None:
    assert (
        said(
            tmp_path,
            """\
            from airflow import DAG, settings
            from airflow.decorators import dag, task
            from airflow.hooks.base import BaseHook
            from airflow.models import Variable, BaseOperator
            from airflow.models.baseoperator import chain
            from airflow.operators.python import PythonOperator, get_current_context
            from airflow.operators import python
            from airflow.sensors.base import BaseSensorOperator
            from airflow.utils.task_group import TaskGroup
            from airflow.utils.trigger_rule import TriggerRule
            from airflow.providers.somebody.operators.thing import ThingOperator
            from datasets import Dataset
            from .contrib import helper
            """,
        )
        == []
    )


def test_keywords_of_others_are_their_own_affair(tmp_path: Path) -> None:
    assert (
        said(
            tmp_path,
            """\
            from airflow.sdk import DAG
            from shop import DAG as OtherDAG, ShopOperator, run
            OtherDAG(schedule_interval="@daily")
            ShopOperator(provide_context=True, bash_command="{{ next_ds }}")
            run(concurrency=4, execution_date=1)
            DAG("a", **{"schedule_interval": None})
            "{{ execution_date }}"
            """,
        )
        == []
    )


def test_keywords_are_found_however_the_class_was_imported(tmp_path: Path) -> None:
    assert said(
        tmp_path,
        """\
        import airflow
        from airflow import models
        from airflow.decorators import dag as make
        airflow.DAG("a", schedule_interval=None)
        models.DAG("b", concurrency=2, default_view="graph", sla_miss_callback=print)

        @make(schedule_interval="@hourly", fail_stop=True)
        def c(): ...
        """,
    ) == [
        "4:18 DAG takes no 'schedule_interval' in Airflow 3 | write schedule=None",
        "5:17 DAG takes no 'concurrency' in Airflow 3 | write max_active_tasks=2",
        "5:32 DAG takes no 'default_view' in Airflow 3 | leave it out",
        "5:54 'sla_miss_callback' does nothing in Airflow 3 | leave it out; a deadline of the DAG does its work",
        "7:7 dag takes no 'schedule_interval' in Airflow 3 | write schedule='@hourly'",
        "7:36 dag takes no 'fail_stop' in Airflow 3 | write fail_fast=True",
    ]


def test_the_context_that_is_gone_is_found_in_templates_and_functions(tmp_path: Path) -> None:
    assert said(
        tmp_path,
        '''\
        from airflow.providers.standard.operators.bash import BashOperator
        from airflow.providers.standard.operators.python import PythonOperator

        def work(next_ds, **kwargs):
            return kwargs["yesterday_ds"], kwargs.get("prev_execution_date"), kwargs["ds"]

        PythonOperator(task_id="a", python_callable=work)
        BashOperator(task_id="b", bash_command="""
            echo Ünïcode {{ ds }} {{ macros.ds_add(ds, 1) }} {{ dag_run.conf }}
            echo {{ dag_run.execution_date }} {% if tomorrow_ds %}{% endif %}
        """)
        ''',
    ) == [
        "4:10 a function is given no 'next_ds' in Airflow 3 | use what the template {{ data_interval_end | ds }} gives",
        "5:19 the context has no 'yesterday_ds' in Airflow 3 | use what the template {{ macros.ds_add(ds, -1) }} gives",
        "5:47 the context has no 'prev_execution_date' in Airflow 3 | use 'prev_data_interval_start_success'",
        "10:21 templates have no 'execution_date' in Airflow 3 | write {{ logical_date }}",
        "10:45 templates have no 'tomorrow_ds' in Airflow 3 | write {{ macros.ds_add(ds, 1) }}",
    ]


def test_sub_dags_and_what_else_has_no_successor_say_what_people_do_instead(tmp_path: Path) -> None:
    found = said(
        tmp_path,
        """\
        from airflow.operators.subdag_operator import SubDagOperator
        from airflow.utils.decorators import apply_defaults
        from airflow.operators.dagrun_operator import TriggerDagRunOperator

        class Mine:
            @apply_defaults
            def __init__(self): ...

        TriggerDagRunOperator(task_id="t", trigger_dag_id="x", execution_date="{{ ds }}")
        """,
    )
    assert found[0].endswith(
        "| put its tasks into a TaskGroup (from airflow.sdk import TaskGroup), or into a Dag of their own"
    )
    assert [one.split(" in Airflow 3")[0] for one in found[1:]] == [
        "2:38 'airflow.utils.decorators.apply_defaults' is not there",
        "3:47 'airflow.operators.dagrun_operator.TriggerDagRunOperator' is not there",
        "6:6 'apply_defaults' is not there",
        "9:56 TriggerDagRunOperator takes no 'execution_date'",
    ]


def test_a_file_that_is_no_python_3_says_where(tmp_path: Path) -> None:
    [only] = said(tmp_path, "from airflow import DAG\nprint 'dag'\n")
    assert only.startswith("2:1 this is not Python 3: Missing parentheses in call to 'print'")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"dag airflow\0", b"(" * 5000])
def test_no_content_raises(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "dag.py"
    file.write_bytes(content)
    assert len(linter.check(file)) == 1


def test_only_files_in_which_airflow_would_look_are_checked(tmp_path: Path) -> None:
    for name, text in {
        "a_dag.py": "from airflow.sdk import DAG",
        "helper.py": "import os",
        "sub/b.py": "# airflow, dag",
        ".hidden/c.py": "airflow dag",
        "d.txt": "airflow dag",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert [str(file.relative_to(tmp_path)) for file in listing.of(tmp_path).python] == ["a_dag.py", "sub/b.py"]


def test_every_new_name_is_there_where_its_distribution_is_installed() -> None:
    looked_at, wrong = 0, []
    for path in names.NOW.values():
        module, _, name = path.rpartition(".")
        provider = module.removeprefix("airflow.providers.")
        if provider != module and not any(
            short_names.is_installed(".".join(provider.split(".")[:parts])) for parts in (1, 2)
        ):
            continue
        looked_at += 1
        if isinstance(modules.find(module, name), MissingDefinition):
            wrong.append(path)
    assert wrong == []
    assert looked_at > 70
    assert not any(is_gone(*path.rpartition(".")[::2]) for path in names.NOW.values())


def test_a_new_name_is_not_an_old_module() -> None:
    assert not any(module_is_gone(path.rpartition(".")[0]) for path in names.NOW.values())


# --- the command
