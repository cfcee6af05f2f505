"""``push``, ``releases``, ``rollback`` and ``fetch`` with a real database, and hosts that only report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from airfleet.cli.queries import run_release
from airfleet.cli.queries.run_release import RunRelease
from airfleet.client.project import Project
from airfleet.metadata.migrations import runner
from airfleet.releases import push_lock, registry
from airfleet.releases.registry import About
from support.command_line import Airfleet, Result, airfleet, own_environment
from support.databases import NewDatabase
from support.release_hosts import fails, ready, reporting, silent

__all__ = ["airfleet", "own_environment"]

ADA = About("ada", "lap-1")
SHOP = 'dag_id: shop\nschedule: "@daily"\ntasks: [{id: fetch, uses: bash, with: {bash_command: "true"}}]\n'
FLEET = "name: shop\ndatabase: ${{ env.SHOP_DATABASE }}\n"
NAMED = """\
hosts:
  - {name: a, address: 10.0.0.1, scheduler: true, api_server: true, dag_processor: true, triggerer: true,
     workers: [{name: light}]}
"""
#: of Airflow's tables the columns that are read
_AIRFLOW = (
    "CREATE TABLE dag_run (state text, bundle_version text)",
    "CREATE TABLE dag (dag_id text, bundle_name text, bundle_version text, is_stale boolean DEFAULT false)",
    "INSERT INTO dag VALUES ('shop', 'pipelines', NULL)",
)


@pytest.fixture(autouse=True)
def nothing_of_the_person(own_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The author is the same on every machine."""
    for name in ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "GITHUB_RUN_ID", "CI_JOB_URL", "BUILD_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIRFLEET_AUTHOR", "bob")


@pytest.fixture
def url(new_database: NewDatabase) -> str:
    made = new_database("pushes")
    with psycopg.connect(made, autocommit=True) as connection:
        runner.apply(connection)
        for statement in _AIRFLOW:
            connection.execute(statement.encode())
    return made


@pytest.fixture
def project(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose database is a server; the working directory is in it."""
    root = tmp_path / "shop"
    (root / "pipelines").mkdir(parents=True)
    (root / "fleet.yaml").write_text(FLEET)
    (root / "pipelines" / "shop.yaml").write_text(SHOP)
    monkeypatch.setenv("SHOP_DATABASE", url)
    monkeypatch.chdir(root)
    return Project(root, os.environ)


def write(project: Project, text: str) -> None:
    (project.root / "pipelines" / "shop.yaml").write_text(text)


def said(result: Result) -> str:
    """Give the error that a command ended with."""
    return (result.err.partition("error: ")[2] or result.err).rstrip("\n")


def digests(airfleet: Airfleet) -> list[str]:
    return [one["digest"] for one in json.loads(airfleet("releases", "-o", "json").out)]


def live(url: str) -> str:
    with psycopg.connect(url) as connection:
        found = registry.live(connection)
        return found.digest if found else ""


def test_a_push_is_live_once_every_host_has_it(project: Project, url: str, airfleet: Airfleet) -> None:
    with reporting(url, {"a": ready, "b": ready}):
        result = airfleet("push", "-m", "first")
    found = live(url)
    assert (result.code, result.out) == (0, f"release {found[:12]} is live\n")
    steps = [line[8:].strip() for line in result.err.splitlines() if "  a  " not in line and "  b  " not in line]
    assert steps == [
        "1 pipeline is fine",
        f"sent 1 of 1 files of release {found[:12]}",
        "ready on 2 hosts",
        "live",
        "Airflow has taken it up",
    ]
    again = airfleet("push")
    assert (again.code, again.err) == (0, f"nothing has changed: release {found[:12]} is live already\n")


def test_a_damaged_store_is_put_right_by_a_push_that_verifies(project: Project, url: str, airfleet: Airfleet) -> None:
    with reporting(url, {"a": ready}):
        airfleet("push")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("UPDATE airfleet_release_object SET content = set_byte(content, 2, 0)")
        damaged = airfleet("fetch", "live", "damaged")
        unchanged, mended = airfleet("push"), airfleet("push", "--verify")
    assert "the store lacks a part of release" in damaged.err
    assert "were sent again" not in unchanged.err
    assert mended.err.splitlines()[-1].endswith("s  the store has all 1 files, 1 were sent again")
    assert airfleet("fetch", "live", "mended").code == 0
    assert (project.root / "mended" / "pipelines" / "shop.yaml").read_text() == SHOP


def test_a_fleet_of_one_host_needs_no_row(project: Project, url: str, airfleet: Airfleet) -> None:
    with reporting(url, {"local": ready}, rows=False):
        result = json.loads(airfleet("push", "-o", "json").out)
    assert result["state"] == "live"
    assert result["hosts"] == [{"host": "local", "state": "ready", "sentence": ""}]
    assert set(result["seconds"]) == {"check", "send", "ready", "live", "uptake"}


def test_a_host_that_cannot_have_it_keeps_the_old_release_live(project: Project, url: str, airfleet: Airfleet) -> None:
    with reporting(url, {"a": ready}):
        airfleet("push")
    before = live(url)
    write(project, SHOP.replace("@daily", "@hourly"))
    with reporting(url, {"a": ready, "b": fails("the disk is full")}):
        result = airfleet("push")
    digest = next(one for one in digests(airfleet) if one != before)
    assert (result.code, said(result)) == (
        1,
        f"release {digest[:12]} did not go live, release {before[:12]} stays live: "
        "host 'b' cannot have it: the disk is full\nhint: airfleet status",
    )
    assert live(url) == before


def test_the_way_out_that_a_host_tells_is_the_hint(project: Project, url: str, airfleet: Airfleet) -> None:
    with reporting(url, {"a": fails("no six\nhint: --vendor"), "b": ready}):
        result = airfleet("push")
    assert said(result).partition(", no release is live: ")[2] == ("host 'a' cannot have it: no six\nhint: --vendor")


def test_a_silent_host_is_named_when_the_time_is_over(project: Project, url: str, airfleet: Airfleet) -> None:
    with reporting(url, {"a": ready, "b": silent}):
        result = airfleet("push", "--timeout", "300ms")
    assert result.code == 124
    assert "no release is live: host 'b' did not say that it heard of it" in said(result)
    assert "host 'a'" not in said(result)
    assert live(url) == ""


def test_a_fleet_without_a_living_host_is_down(project: Project, url: str, airfleet: Airfleet) -> None:
    (project.root / "fleet.yaml").write_text(f"{FLEET}{NAMED}")
    assert said(airfleet("push")) == "no host of fleet 'shop' is up\nhint: airfleet up"


def test_what_check_finds_is_not_pushed(project: Project, url: str, airfleet: Airfleet) -> None:
    write(project, SHOP.replace("bash_command", "bash_comand"))
    with reporting(url, {"a": ready}):
        result = airfleet("push")
        assert "pipelines/shop.yaml:3:" in result.err
        assert said(result) == (
            "nothing was pushed: 'airfleet check' finds 1 problem\nhint: --force pushes it all the same"
        )
        assert live(url) == ""
        assert airfleet("push", "--force").code == 0
    assert live(url) != ""


def test_failing_tests_of_pipelines_are_not_pushed(project: Project, url: str, airfleet: Airfleet) -> None:
    cases = "cases:\n  - name: it fails\n    expect: {tasks: {fetch: {returns: 3}}}\n"
    (project.root / "pipelines" / "shop.test.yaml").write_text(cases)
    with reporting(url, {"a": ready}):
        result = airfleet("push")
    assert said(result) == "nothing was pushed: 'airfleet test' fails\nhint: --force pushes it all the same"
    assert live(url) == ""


def test_a_file_that_cannot_travel_is_named(project: Project, url: str, airfleet: Airfleet) -> None:
    (project.root / "passwords").symlink_to("/etc/passwd")
    with reporting(url, {"a": ready}):
        result = airfleet("push")
    assert result.code == 1
    assert "passwords:1:1: the link leads out of the project, to /etc/passwd\n" in result.err


def test_a_file_that_goes_away_during_a_push_is_named(project: Project, url: str, airfleet: Airfleet) -> None:
    (project.root / "prices.csv").write_text("1")
    write(project, SHOP.replace('"true"', f'"rm {project.root}/prices.csv; echo 3"'))
    cases = "cases:\n  - name: it runs\n    expect: {tasks: {fetch: {returns: '3'}}}\n"
    (project.root / "pipelines" / "shop.test.yaml").write_text(cases)
    with reporting(url, {"a": ready}):
        result = airfleet("push")
    again = "push again when nobody writes to it"
    assert said(result) == f"prices.csv changed while it was pushed\nhint: {again}"
    assert live(url) == ""


def test_secrets_and_the_store_never_travel(
    project: Project, url: str, airfleet: Airfleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (project.root / "fleet.yaml").open("a") as file:
        file.write("secrets: keys\nreleases: {store: ./store}\n")
    for path in ("keys/fernet_key", "store/objects/ab/abcd", "home/secrets.json", ".airfleet/secrets.json"):
        (project.root / path).parent.mkdir(parents=True)
        (project.root / path).write_text("hidden")
    with reporting(url, {"a": ready}):
        assert airfleet("push").code == 0
        assert json.loads(airfleet("releases", "-o", "json").out)[0]["files"] == 2  # its own, and home/secrets.json
        monkeypatch.setenv("AIRFLEET_HOME", str(project.root / "home"))
        os.mkfifo(project.root / "home" / "pipe")
        assert airfleet("push").code == 0
    assert json.loads(airfleet("releases", "-o", "json").out)[0]["files"] == 1


def test_a_folder_that_is_called_like_the_store_travels(project: Project, url: str, airfleet: Airfleet) -> None:
    (project.root / "database").mkdir()
    (project.root / "database" / "tables.sql").write_text("")
    with reporting(url, {"a": ready}):
        assert airfleet("push").code == 0
    assert json.loads(airfleet("releases", "-o", "json").out)[0]["files"] == 2


def test_a_dry_run_says_what_would_change_and_pushes_nothing(project: Project, url: str, airfleet: Airfleet) -> None:
    with reporting(url, {"a": ready}):
        airfleet("push")
    before = live(url)
    write(project, SHOP.replace("@daily", "@hourly"))
    (project.root / "shop_steps.py").write_text("")
    result = airfleet("push", "--dry-run")
    assert result.out == (
        "shop\n  ~ schedule changed from @daily to @hourly\nother files\n  + module shop_steps.py is new\n"
    )
    assert (live(url), digests(airfleet)) == (before, [before])


def test_a_commit_is_pushed_whatever_the_folder_has(project: Project, url: str, airfleet: Airfleet) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.example")
    (project.root / "secrets").mkdir()
    (project.root / "secrets" / "key").write_text("never, though somebody has committed it")
    for words in (("init", "-q"), ("add", "pipelines", "secrets"), (*identity, "commit", "-q", "-m", "one")):
        subprocess.run(["git", *words], cwd=project.root, check=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=project.root, capture_output=True, text=True, check=True)
    write(project, "no pipeline at all\n")
    with reporting(url, {"a": ready}):
        assert airfleet("push", "--from", "git:HEAD").code == 0
    (found,) = json.loads(airfleet("releases", "-o", "json").out)
    assert (found["git_commit"], found["files"]) == (commit.stdout.strip(), 1)
    airfleet("fetch", "live", "../as-it-was")
    assert (project.root.parent / "as-it-was" / "pipelines" / "shop.yaml").read_text() == SHOP


def test_a_rollback_is_a_move_of_the_pointer_and_another_one_moves_it_back(
    project: Project, url: str, airfleet: Airfleet
) -> None:
    with reporting(url, {"a": ready}):
        airfleet("push")
        first = live(url)
        write(project, SHOP.replace("@daily", "@hourly"))
        airfleet("push")
        second = live(url)
        result = airfleet("rollback", "-m", "it was wrong")
        assert (result.code, result.out, live(url)) == (0, f"release {first[:12]} is live\n", first)
        airfleet("rollback", second[:6])
        assert live(url) == second
        assert airfleet("rollback", second[:8]).err == (f"nothing has changed: release {second[:12]} is live already\n")
    entries = json.loads(airfleet("releases", "log", "-o", "json").out)
    assert [(one["action"], one["digest"], one["before"], one["author"], one["note"]) for one in entries] == [
        ("rollback", second, first, "bob", ""),
        ("rollback", first, second, "bob", "it was wrong"),
        ("push", second, first, "bob", ""),
        ("push", first, None, "bob", ""),
    ]


def test_the_list_has_the_live_one_its_hosts_and_its_runs(project: Project, url: str, airfleet: Airfleet) -> None:
    with reporting(url, {"a": ready, "b": ready}):
        airfleet("push", "-m", "first")
        write(project, SHOP.replace("@daily", "@hourly"))
        airfleet("push")
    newest, first = digests(airfleet)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO dag_run VALUES ('running', %s), ('success', %s)", (first, first))
    one, other = json.loads(airfleet("releases", "-o", "json").out)
    assert (one["digest"], one["state"], one["runs"]) == (newest, "live", None)
    assert (other["note"], other["state"], other["runs"], other["ready"]) == ("first", "", 1, "2/2")
    table = airfleet("releases").out
    assert f"{newest[:12]}  live" in table
    assert airfleet("releases", "diff", first[:8], "live").out == (
        "shop\n  ~ schedule changed from @daily to @hourly\n"
    )


def test_no_release_is_said_with_the_next_command(project: Project, airfleet: Airfleet) -> None:
    assert airfleet("releases").err == "hint: airfleet push\n"
    for words in (("rollback",), ("fetch", "live", "x"), ("releases", "diff", "live", "live")):
        assert said(airfleet(*words)) == (
            "fleet 'shop' has no release yet: its hosts read their folders\nhint: airfleet push"
        )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("abcdef12", "there is no release 'abcdef12'\nhint: airfleet releases lists them"),
        ("abc", "'abc' is too short for a release\nhint: give at least 6 of its digits"),
    ],
)
def test_a_release_that_is_not_there_is_said(project: Project, airfleet: Airfleet, name: str, words: str) -> None:
    assert said(airfleet("rollback", name)) == words


def test_a_push_beside_another_is_told_who_pushes(project: Project, url: str, airfleet: Airfleet) -> None:
    def connect() -> psycopg.Connection:
        return psycopg.connect(url, autocommit=True)

    with push_lock.hold(connect, ADA):
        result = airfleet("push")
    assert (result.code, said(result)[:28]) == (1, "ada pushes from lap-1 since ")


def test_a_push_that_a_rollback_overtook_changes_nothing(project: Project, url: str, airfleet: Airfleet) -> None:
    with reporting(url, {"a": ready}):
        airfleet("push")
        first = live(url)
        write(project, SHOP.replace("@daily", "@hourly"))
        airfleet("push")
    write(project, SHOP.replace("@daily", "@weekly"))
    published = threading.Event()

    def slow(digest: str):
        airfleet("rollback", first[:12])
        published.set()
        return ready(digest)

    with reporting(url, {"a": slow}):
        result = airfleet("push")
    assert published.is_set()
    assert (result.code, said(result)[:42]) == (1, "another release went live meanwhile: bob (")
    assert live(url) == first


def test_a_release_that_was_only_published_goes_live_by_its_name(
    project: Project, url: str, airfleet: Airfleet
) -> None:
    with reporting(url, {"a": ready}):
        result = airfleet("push", "--no-wait")
        (digest,) = digests(airfleet)
        assert result.out == f"release {digest[:12]} is published\n"
        assert live(url) == ""
        airfleet("rollback", digest[:12])
    assert live(url) == digest


def test_a_folder_that_has_files_is_not_overwritten(project: Project, url: str, airfleet: Airfleet) -> None:
    assert said(airfleet("fetch", "live", "pipelines")).startswith("pipelines is there already, and not empty\n")


def test_a_release_above_the_budget_is_refused(project: Project, url: str, airfleet: Airfleet) -> None:
    with (project.root / "fleet.yaml").open("a") as file:
        file.write("releases: {budget: 1MB}\n")
    (project.root / "data.bin").write_bytes(os.urandom(2_000_000))
    with reporting(url, {"a": ready}):
        result = airfleet("push")
    assert "this one would add 1.9MB: the budget is 1MB\n" in said(result)
    assert digests(airfleet) == []


def test_a_database_without_tables_of_releases_is_said(
    project: Project, new_database: NewDatabase, airfleet: Airfleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_DATABASE", new_database("empty"))
    assert said(airfleet("releases")).startswith("the database of fleet 'shop' has no tables for releases\n")


def test_an_embedded_database_is_asked_for_where_the_fleet_runs(project: Project, airfleet: Airfleet) -> None:
    (project.root / "fleet.yaml").write_text("name: shop\n")
    result = airfleet("push")
    assert (result.code, said(result)) == (
        1, f"the fleet in {project.root} is not running\nhint: airfleet up"
    )  # fmt: skip


def test_a_watch_pushes_each_saved_file_and_goes_on_after_a_problem(project: Project, url: str) -> None:
    command = [sys.executable, "-m", "airfleet.cli", "push", "--watch"]
    with (
        reporting(url, {"a": ready}),
        subprocess.Popen(command, cwd=project.root, stderr=subprocess.PIPE, text=True) as run,
    ):
        try:
            assert run.stderr is not None
            first = run.stderr.readline()
            assert f" release {live(url)[:12]} live after " in first
            write(project, SHOP.replace("bash_command", "bash_comand"))
            told = [run.stderr.readline() for _ in range(4)]
            assert told[0].startswith("pipelines/shop.yaml:3:")
            assert told[-2].endswith("not pushed: nothing was pushed: 'airfleet check' finds 1 problem\n")
            write(project, SHOP.replace("@daily", "@hourly"))
            line = run.stderr.readline()
            assert f" release {live(url)[:12]} live after " in line
            assert line.endswith(": pipelines/shop.yaml\n")
            run.send_signal(signal.SIGINT)
            assert run.wait(timeout=10) == 130
        finally:
            run.kill()


def test_dags_that_airflow_has_not_read_in_time_are_named_and_the_release_is_live(
    project: Project, url: str, airfleet: Airfleet
) -> None:
    (project.root / "pipelines" / "more.yaml").write_text(SHOP.replace("shop", "more"))
    with reporting(url, {"a": ready}):
        result = airfleet("push", "--timeout", "500ms")
    assert result.code == 0
    assert result.err.endswith("s  Airflow is still taking it up, 1 Dag is to come: more\n")


def test_a_machine_without_the_secrets_of_other_parts_pushes(project: Project, url: str, airfleet: Airfleet) -> None:
    with (project.root / "fleet.yaml").open("a") as file:
        file.write('broker: "redis://:${{ secrets.broker }}@mq.example/0"\nenv: {KEY: "${{ secrets.key }}"}\n')
    cases = "cases:\n  - name: it says nothing\n    expect: {tasks: {fetch: {state: success}}}\n"
    (project.root / "pipelines" / "shop.test.yaml").write_text(cases)
    with reporting(url, {"local": ready}, rows=False):
        result = airfleet("push")
    assert (result.code, result.out) == (0, f"release {live(url)[:12]} is live\n")
    assert "s  tests: 1 passed in " in result.err


def test_a_machine_without_the_password_of_the_database_is_told_that_alone(
    project: Project, airfleet: Airfleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (project.root / "fleet.yaml").open("a") as file:
        file.write('broker: "redis://:${{ secrets.broker }}@mq.example/0"\n')
    monkeypatch.delenv("SHOP_DATABASE")
    result = airfleet("push")
    assert (result.code, result.err) == (
        1, f"{project.root}/fleet.yaml:2:11: database: the environment has no variable SHOP_DATABASE\n"
    )  # fmt: skip


def test_fetched_files_are_ones_own_and_programs_stay_programs(project: Project, url: str, airfleet: Airfleet) -> None:
    for name in ("run.sh", "again.sh"):
        (project.root / name).write_text("true\n")
        (project.root / name).chmod(0o755)
    with reporting(url, {"a": ready}):
        airfleet("push")
    result = airfleet("fetch", live(url)[:8], "../mine")
    assert result.out == f"../mine has the 3 files of release {live(url)[:12]}\n"
    mine = project.root.parent / "mine"
    assert sorted(path.name for path in mine.iterdir()) == ["again.sh", "pipelines", "run.sh"]
    assert os.access(mine / "run.sh", os.X_OK)
    (mine / "run.sh").write_text("false\n")
    assert (mine / "again.sh").read_text() == "true\n"
    assert [path.name for path in project.root.parent.iterdir() if path.name.startswith(".airfleet")] == []


def test_a_verdict_on_a_run_knows_whether_its_release_is_kept_and_where_it_is(
    project: Project, url: str, airfleet: Airfleet
) -> None:
    with reporting(url, {"a": ready, "b": fails("no room")}):
        airfleet("push")
    (digest,) = digests(airfleet)
    assert run_release.of(project, digest) == RunRelease(digest, is_ready=True, failed=(("b", "no room"),))
    assert run_release.of(project, "f" * 64) == RunRelease("f" * 64, is_kept=False)
    nowhere = Project(project.root, {**project.environ, "SHOP_DATABASE": "postgresql://me@127.0.0.1:1/none"})
    assert run_release.of(nowhere, digest) is None
