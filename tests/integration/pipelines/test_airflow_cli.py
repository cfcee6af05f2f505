"""Airflow's own commands find pipelines, because they load the bundle."""

from __future__ import annotations

import json

from support.airflow_home import Home


def test_reserialize_stores_the_dags_and_their_yaml_and_lists_the_errors(home: Home) -> None:
    text = "dag_id: good\ntasks: [{id: a}, {id: b, needs: [a]}]\n"
    (home.pipelines / "good.yaml").write_text(text)
    (home.pipelines / "wrong.yaml").write_text("dag_id: wrong\ntasks: [{id: a, retries: many}]\n")
    (home.pipelines / "python_dag.py").write_text("from airflow.sdk import DAG\nwith DAG('python_dag'):\n    pass\n")
    done = home.airflow("dags", "reserialize")
    assert done.returncode == 0, done.stderr
    assert home.query("select dag_id, relative_fileloc from dag order by 1") == [
        ("good", "good.yaml"),
        ("python_dag", "python_dag.py"),
    ]
    assert home.query("select source_code from dag_code where dag_id = 'good'") == [(text,)]
    errors = json.loads(home.airflow("dags", "list-import-errors", "-o", "json").stdout.splitlines()[-1])
    assert errors == [
        {
            "bundle_name": "pipelines",
            "filepath": "wrong.yaml",
            "error": "wrong.yaml:2:26: tasks.a.retries: must be a whole number, not the text 'many' [AF030]",
        }
    ]


def test_dags_test_runs_a_pipeline(home: Home) -> None:
    (home.pipelines.parent / "steps.py").write_text("def say(ds, word):\n    print(word, 'on', ds)\n")
    (home.pipelines / "hello.yaml").write_text(
        "dag_id: hello\ntasks: [{id: a, uses: 'steps:say', with: {word: hello}}]\n"
    )
    done = home.airflow("dags", "test", "hello", "2026-01-02")
    assert "hello on 2026-01-02" in done.stdout, done.stdout + done.stderr
    assert home.query("select state from dag_run") == [("success",)]
