"""The dag-processor sees every change of the pipelines folder at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.airflow_home import Home

#: far above the one or two seconds it takes, so that a busy machine fails nothing
PATIENCE = 60.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Home]:
    """A dag-processor, which takes longer to start than any of these tests."""
    path = tmp_path_factory.mktemp("home")
    home = Home(path, tmp_path_factory.mktemp("project") / "pipelines")
    home.pipelines.mkdir()
    shutil.copyfile(empty_database, path / "airflow.sqlite")
    code = "from airfleet.dag_processor.job_runner import run_dag_processor; run_dag_processor()"
    with open(path / "log", "wb") as log:
        process = subprocess.Popen([sys.executable, "-c", code], env=home.environ, stdout=log, stderr=log)
        try:
            yield home
            assert process.poll() is None, (path / "log").read_text()
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture
def processor(running: Home) -> Home:
    """It knows of nothing but one pipeline, whatever the test before left there."""
    for path in running.pipelines.iterdir():
        if path.name != "__pycache__":
            path.unlink()
    (running.pipelines / "first.yaml").write_text("dag_id: first\ntasks: [{id: a}]\n")
    until(lambda: active(running) == {"first"} and tasks(running, "first") == {"a"} and not errors(running), running)
    return running


def test_files_come_change_break_heal_and_go(processor: Home) -> None:
    home, file = processor, processor.pipelines / "p.yaml"

    file.write_text("dag_id: p\ntasks: [{id: a}]\n")
    until(lambda: tasks(home, "p") == {"a"}, home)

    file.write_text("dag_id: p\ntasks: [{id: a}, {id: b}]\n")
    until(lambda: tasks(home, "p") == {"a", "b"}, home)

    file.write_text("dag_id: p\ntasks: [{id: a, retries: many}]\n")
    until(lambda: errors(home) == {"p.yaml"}, home)
    (home.pipelines / "other.yaml").write_text("dag_id: other\ntasks: [{id: a}]\n")
    until(lambda: tasks(home, "other") == {"a"}, home)

    older = home.pipelines / "p.new"
    older.write_text("dag_id: p\ntasks: [{id: c}]\n")
    os.utime(older, (1_000_000_000, 1_000_000_000))
    older.rename(file)
    until(lambda: tasks(home, "p") == {"c"} and not errors(home), home)

    file.unlink()
    until(lambda: home.query("select is_stale from dag where dag_id = 'p'") == [(1,)], home)
    assert home.query("select is_stale from dag where dag_id = 'first'") == [(0,)]


def test_a_job_that_is_taken_away_goes_and_comes_back_with_its_next_version(processor: Home) -> None:
    home, file = processor, processor.pipelines / "jobs.yaml"
    rest = "dag_id: ${{ job.name }}_job\ntasks: [{id: a}]\n"
    file.write_text(rest + "jobs: [{name: ozone}, {name: gsod}, {name: trips}]\n")
    until(lambda: active(home) == {"ozone_job", "gsod_job", "trips_job", "first"}, home)

    file.write_text(rest + "jobs: [{name: ozone}, {name: trips}]\n")
    until(lambda: active(home) == {"ozone_job", "trips_job", "first"}, home)

    file.write_text(rest + "jobs: [{name: gsod}, {name: trips}]\n")
    until(lambda: active(home) == {"gsod_job", "trips_job", "first"}, home)

    file.unlink()
    until(lambda: active(home) == {"first"}, home)


def test_a_job_that_is_wrong_stops_no_other_job_of_its_file(processor: Home) -> None:
    home, file = processor, processor.pipelines / "jobs.yaml"
    rest = "dag_id: ${{ job.name }}\nschedule: ${{ job.at }}\ntasks: [{id: a}]\n"
    file.write_text(rest + "jobs: [{name: good, at: '@daily'}, {name: other, at: '@daily'}]\n")
    until(lambda: active(home) == {"good", "other", "first"}, home)

    file.write_text(rest + "jobs: [{name: good, at: '@daily'}, {name: other, at: never}]\n")
    until(lambda: errors(home) == {"jobs.yaml"} and active(home) == {"good", "first"}, home)

    file.write_text(rest + "jobs: [{name: good, at: '@daily'}, {name: other, at: '@hourly'}]\n")
    until(lambda: not errors(home) and active(home) == {"good", "other", "first"}, home)


def test_python_dags_and_broken_files_are_found_beside_pipelines(processor: Home) -> None:
    home = processor
    (home.pipelines / "python_dag.py").write_text("from airflow.sdk import DAG\nwith DAG('python_dag'):\n    pass\n")
    (home.pipelines / "broken.yml").write_text("dag_id: [\n")
    until(lambda: home.query("select 1 from dag where dag_id = 'python_dag'"), home)
    until(lambda: errors(home) == {"broken.yml"}, home)
    (home.pipelines / "broken.yml").unlink()
    until(lambda: not errors(home), home)


def test_links_wrong_bytes_and_files_that_are_no_pipelines_are_in_nobodys_way(processor: Home) -> None:
    home, folder = processor, processor.pipelines
    for name in ("loop", "again"):
        (folder / name).symlink_to(".")
    os.mkfifo(folder / "fifo.yaml")
    (folder / "settings.yaml").write_text("table: orders\n")
    (folder / os.fsdecode(b"caf\xe9.yaml")).write_text("dag_id: cafe\ntasks: [{id: a}]\n")
    with zipfile.ZipFile(folder / "packed.zip", "w") as archive:
        archive.writestr("dag.py", "from airflow.sdk import DAG\nwith DAG('packed'):\n    pass\n")
    (folder / ".airflowignore").write_bytes(b"!\n*.ignored.yaml\n")
    (folder / "x.ignored.yaml").write_text("dag_id: [\n")
    (folder / "last.yaml").write_text("dag_id: last\ntasks: [{id: a}]\n")
    until(lambda: active(home) == {"first", "last", "packed"}, home)
    assert errors(home) == set()
    (folder / "empty.py").touch()
    (folder / ".airflowignore").write_bytes(b"\xe9\n")
    until(lambda: errors(home) == {"x.ignored.yaml"}, home)
    (folder / "empty.py").write_text("from airflow.sdk import DAG\nwith DAG('not_empty'):\n    pass\n")
    until(lambda: active(home) == {"first", "last", "packed", "not_empty"}, home)
    log = (home.path / "log").read_text()  # a name that is no text stands escaped in it
    assert "fifo.yaml:1:1: this is a named pipe, not a file" in log
    assert ".airflowignore:1:1: '!' is not a pattern of gitignore" in log


def test_a_dag_of_two_files_is_that_of_the_first_until_it_gives_it_up(processor: Home) -> None:
    home, folder = processor, processor.pipelines
    second = "dag_id: first\ntasks: [{id: other}]\n---\ndag_id: second\ntasks: [{id: a}]\n"
    (folder / "second.yaml").write_text(second)
    (folder / "third.py").write_text("from airflow.sdk import DAG\nwith DAG('first'):\n    pass\n")
    until(lambda: errors(home) == {"second.yaml", "third.py"} and active(home) == {"first", "second"}, home)
    assert home.query("select stacktrace from import_error where filename = 'second.yaml'") == [
        ("second.yaml:1:1: dag_id: Dag 'first' is already defined in first.yaml [AF018]",)
    ]
    assert tasks(home, "first") == {"a"}

    (folder / "third.py").unlink()
    (folder / "first.yaml").write_text("dag_id: renamed\ntasks: [{id: a}]\n")
    until(lambda: not errors(home) and tasks(home, "first") == {"other"}, home)
    until(lambda: active(home) == {"first", "second", "renamed"}, home)

    (folder / "third.yaml").write_text("dag_id: renamed\ntasks: [{id: b}]\n")
    until(lambda: errors(home) == {"third.yaml"}, home)
    (folder / "first.yaml").unlink()
    until(lambda: not errors(home) and tasks(home, "renamed") == {"b"}, home)


def test_an_edit_while_the_file_is_parsed_for_the_first_time_is_seen(processor: Home) -> None:
    home, file = processor, processor.pipelines / "slow.py"
    begun, go = home.path / "begun", home.path / "go"
    file.write_text(
        "import time\nfrom pathlib import Path\nfrom airflow.sdk import DAG\n"
        f"Path({str(begun)!r}).touch()\n"
        f"while not Path({str(go)!r}).exists():\n    time.sleep(0.02)\n"
        "with DAG('before'):\n    pass\n"
    )
    until(begun.exists, home)
    edited = home.path / "edited.py"
    edited.write_text("from airflow.sdk import DAG\nwith DAG('after'):\n    pass\n")
    edited.rename(file)
    go.touch()
    until(lambda: home.query("select 1 from dag where dag_id = 'after'"), home)


def test_what_a_pipeline_takes_in_is_parsed_again_with_it(processor: Home) -> None:
    home, folder = processor, processor.pipelines
    (folder / "day.sh").write_text("echo 1")
    (folder / "taker.yaml").write_text(
        "dag_id: taker\ninclude: _parts.yaml\ntasks: [{id: a, extends: t}, {id: b, needs: [a]}]\n"
    )
    (folder / "other.yaml").write_text("dag_id: other\ntasks: [{id: a}]\n")
    until(lambda: errors(home) == {"taker.yaml"} and active(home) == {"first", "other"}, home)

    (folder / "_parts.yaml").write_text("templates: {t: {uses: bash, with: {bash_command: {$t: {$f: day.sh}}}}}\n")
    until(lambda: not errors(home) and active(home) == {"first", "other", "taker"}, home)
    before = [parsed(home, name) for name in ("first.yaml", "other.yaml")]

    (folder / "day.sh").write_text("echo 2")
    until(lambda: "echo 2" in stored(home, "taker"), home)
    (folder / "_parts.yaml").write_text(
        "templates: {t: {uses: bash, retries: 7, with: {bash_command: {$t: {$f: day.sh}}}}}\n"
    )
    until(lambda: '"retries": 7' in stored(home, "taker"), home)
    assert [parsed(home, name) for name in ("first.yaml", "other.yaml")] == before

    (folder / "defaults.yaml").write_text("tags: [all]\n")
    until(lambda: all('"all"' in stored(home, dag_id) for dag_id in ("first", "other", "taker")), home)
    (folder / "defaults.yaml").write_text("tags: 1\ntagz: 1\n")
    until(lambda: errors(home) == {"first.yaml", "other.yaml", "taker.yaml"}, home)
    (folder / "defaults.yaml").unlink()
    until(lambda: not errors(home) and '"all"' not in stored(home, "first"), home)


def stored(home: Home, dag_id: str) -> str:
    """The newest version of a Dag as it is stored."""
    [[data]] = home.query(f"select data from serialized_dag where dag_id = '{dag_id}' order by created_at desc limit 1")
    return str(data)


def parsed(home: Home, file: str) -> object:
    """When a file was parsed for the last time."""
    return home.query(f"select last_parsed_time from dag where relative_fileloc = '{file}'")


def tasks(home: Home, dag_id: str) -> set[str]:
    """The tasks of the newest version of a Dag."""
    return {
        str(row[0])
        for row in home.query(
            "select json_extract(task.value, '$.__var.task_id')"
            f" from (select data from serialized_dag where dag_id = '{dag_id}' order by created_at desc limit 1),"
            " json_each(data, '$.dag.tasks') as task"
        )
    }


def active(home: Home) -> set[str]:
    """The Dags that lists show and that are scheduled."""
    return {row[0] for row in home.query("select dag_id from dag where not is_stale and not has_import_errors")}


def errors(home: Home) -> set[str]:
    return {row[0] for row in home.query("select filename from import_error")}


def until(condition: Callable[[], object], home: Home) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, (home.path / "log").read_text()[-3000:]
        time.sleep(0.05)
