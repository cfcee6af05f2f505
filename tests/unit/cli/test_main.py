"""What every command does: help, exit codes, errors as sentences, a quick start without Airflow."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from airfleet import errors
from airfleet.cli import main
from airfleet.cli.main import COMMANDS, cli
from airfleet.client.project import Project
from airfleet.fleet.planning.ownership import described
from support.command_line import Airfleet


def command(name: str) -> click.Command:
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_has_an_example_and_fits_the_screen(name: str, airfleet: Airfleet) -> None:
    result = airfleet(name, "--help")
    assert result.code == 0
    assert f"airfleet {name}" in result.out.split("Example")[1]
    assert max(map(len, result.out.splitlines())) <= 100


def test_help_lists_every_command_under_a_heading(airfleet: Airfleet) -> None:
    out = airfleet("--help").out
    assert [line.split()[0] for line in out.splitlines() if line.startswith("  ") and line.split()[0] in COMMANDS][
        : len(COMMANDS)
    ] == list(COMMANDS)
    assert "..." not in out.replace("[ARGS]...", "")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["statsu"], "error: no command named 'statsu'\nhint: did you mean 'status'?\n"),
        (["frobnicate"], "error: no command named 'frobnicate'\nhint: airfleet --help lists the commands\n"),
        (
            ["status", "--mem"],
            "Usage: airfleet status [OPTIONS]\nerror: No such option '--mem'. Did you mean '--memory'?\n"
            "hint: airfleet status --help\n",
        ),
        (
            ["up", "--timeout", "3x"],
            "Usage: airfleet up [OPTIONS]\nerror: Invalid value for '--timeout': '3x' is not a duration; "
            "write 90s, 2m or 1h30m\nhint: airfleet up --help\n",
        ),
    ],
)
def test_a_wrong_command_line_is_told_on_stderr_with_exit_code_2(
    argv: list[str], said: str, airfleet: Airfleet
) -> None:
    result = airfleet(*argv)
    assert (result.code, result.out, result.err) == (2, "", said)


def test_without_a_project_the_folder_and_the_way_out_are_named(
    airfleet: Airfleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = airfleet("status")
    assert result.code == 1
    assert result.err == (
        f"error: no fleet.yaml in {tmp_path} or a folder above it\n"
        "hint: airfleet init makes a project here; -C DIR names one elsewhere\n"
    )


def test_the_project_may_be_named_before_or_after_the_command(
    project: object, airfleet: Airfleet, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "fleet.yaml").write_text("name: other\n")
    expected = f"error: the fleet in {other} is not running\nhint: airfleet up\n"
    assert airfleet("-C", other, "status").err == expected
    assert airfleet("status", "-C", other).err == expected


def test_a_project_folder_without_fleet_yaml_is_refused(airfleet: Airfleet, tmp_path: Path) -> None:
    assert airfleet("status", "-C", tmp_path / "none").err == (
        f"error: no such project folder: {tmp_path / 'none'}\nhint: airfleet init {tmp_path / 'none'}\n"
    )
    assert (
        airfleet("status", "-C", tmp_path).err
        == f"error: no fleet.yaml in {tmp_path}\nhint: airfleet init {tmp_path}\n"
    )


@pytest.mark.parametrize(
    ("wrong", "code", "said"),
    [
        (errors.FleetError("it is broken", hint="mend it"), 1, "error: it is broken\nhint: mend it\n"),
        (errors.Unhealthy("it limps"), 4, "error: it limps\n"),
        (errors.WaitTimedOut("too late"), 124, "error: too late\n"),
        (errors.UsageError("not so"), 2, "error: not so\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (errors.Stopped(signal.SIGTERM), 143, "ended by SIGTERM\n"),
        (errors.Stopped(signal.SIGHUP), 129, "ended by SIGHUP\n"),
        (
            errors.FileProblems([errors.Problem(errors.Place("a.yaml", 2, 3), "tasks", "no list", "write one")]),
            1,
            "a.yaml:2:3: tasks: no list\nhint: write one\n",
        ),
    ],
)
def test_known_errors_become_a_sentence_and_their_exit_code(
    wrong: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise wrong

    assert main.at_the_edge(fail) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", said)


def test_our_own_mistake_leaves_a_report_and_no_traceback_on_the_terminal(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("division by zero")

    assert main.at_the_edge(fail) == 3
    said = capsys.readouterr().err
    (report,) = (tmp_path / "state" / "airfleet").glob("bug-*.log")
    assert said == (
        "error: a mistake in airfleet itself: ZeroDivisionError: division by zero\n"
        f"hint: {report} says more; please send it with a report\n"
    )
    text = report.read_text()
    assert "Traceback" in text
    assert "apache-airflow 3." in text
    assert report.stat().st_mode & 0o777 == 0o600


def run_python(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **environ}, check=False
    )


@pytest.mark.parametrize(
    "argv",
    [
        ["--help"],
        ["check"],
        ["status"],
        ["logs"],
        ["trigger", "x"],
        ["why", "x"],
        ["show", "pipelines/hello.yaml"],
        ["down", "--help"],
    ],
    ids=" ".join,
)
def test_airflow_is_not_imported(argv: list[str], airfleet: Airfleet, tmp_path: Path) -> None:
    """Airflow costs seconds, rich and an HTTP package tenths: the answers of these commands need none of them."""
    airfleet("init", tmp_path / "shop")
    code = (
        "import os, sys\n"
        f"os.chdir({str(tmp_path / 'shop')!r})\n"
        "from airfleet.cli.main import main\n"
        f"try: main({argv!r})\n"
        "except SystemExit: pass\n"
        "heavy = {'airflow', 'rich', 'httpx', 'sqlalchemy', 'psycopg'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))"
    )
    assert run_python(code).stdout.splitlines()[-1] == "heavy: []"


def test_a_closed_pipe_ends_quietly(airfleet: Airfleet, tmp_path: Path) -> None:
    airfleet("init", tmp_path / "shop")
    logs = tmp_path / "shop" / ".airfleet" / "logs"
    logs.mkdir(parents=True)
    (logs / "worker.log").write_text("line\n" * 200_000)
    done = subprocess.run(
        ["bash", "-c", f"'{sys.executable}' -m airfleet.cli logs -n 200000 -C '{tmp_path / 'shop'}' | head -1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "worker | line\n"
    assert done.stderr == ""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_the_caller_closed_is_no_mistake_of_ours(closed: str, tmp_path: Path) -> None:
    (tmp_path / "fleet.yaml").write_text("{}")
    (tmp_path / "p.yaml").write_text("dag_id: d\ntasks: [{id: a}]\n")
    ended = subprocess.run(
        ["sh", "-c", f'exec "$0" -m airfleet.cli check p.yaml {closed}', sys.executable], cwd=tmp_path, timeout=60
    )
    assert ended.returncode == errors.EXIT_OK


@pytest.fixture
def of_somebody_else(project: Project, monkeypatch: pytest.MonkeyPatch) -> str:
    """The fleet of another user; who that is."""
    project.paths.home.mkdir()
    if os.geteuid() == 0:
        os.chown(project.paths.home, 54321, 54321)
        return "uid 54321"
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    return described(os.getuid())


@pytest.mark.parametrize(
    "command",
    ["up", "up --detach", "up --hosts 2", "down", "status", "plan", "why hello", "drain local", "logs worker -n 3"],
)
def test_nobody_but_the_owner_may(project: Project, airfleet: Airfleet, of_somebody_else: str, command: str) -> None:
    result = airfleet(*command.split())
    assert result.code == 1
    assert result.err.startswith(f"error: this fleet belongs to {of_somebody_else}\nhint: sudo -u ")
    assert result.err.endswith(f" airfleet {command}\n")
    assert list(project.paths.home.iterdir()) == []


#: what a locale of another character set does to Python, on machines that have none
NOT_UTF8 = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C", "PYTHONPATH": os.pathsep.join(sys.path)}


PIPELINE = """\
# «привет»
dag_id: hello
schedule: null
start_date: 2026-01-01
tasks:
  - {id: look, uses: bash, with: {bash_command: "echo 漢字"}}
"""


def call(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    argv = [sys.executable, "-m", "airfleet.cli", *words]
    return subprocess.run(argv, cwd=folder, env={"PATH": "/bin", **environ}, capture_output=True, check=False)


def test_a_project_is_read_and_written_as_utf8_whatever_the_locale(tmp_path: Path) -> None:
    root = tmp_path / "мой проект 100%"
    (root / "pipelines").mkdir(parents=True)
    (root / "fleet.yaml").write_text("name: shop\n", encoding="utf-8")
    (root / "pipelines" / "привет.yaml").write_text(PIPELINE, encoding="utf-8")
    checked = call(root, "check", **NOT_UTF8)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"1 pipeline is fine\n")
    stopped = call(root, "status", "-o", "json", **NOT_UTF8)
    assert (stopped.returncode, json.loads(stopped.stdout)["home"]) == (1, str(root / ".airfleet"))


def test_what_a_stream_cannot_show_is_written_as_a_number(tmp_path: Path) -> None:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "fleet.yaml").write_text("name: shop\n")
    (tmp_path / "pipelines" / "hello.yaml").write_text(PIPELINE, encoding="utf-8")
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    for encoding in ("latin-1", "iso8859-5"):
        shown = call(tmp_path, "show", "pipelines/hello.yaml", LC_ALL="C.UTF-8", PYTHONIOENCODING=encoding, **path)
        assert (shown.returncode, shown.stderr) == (0, b"")
        assert b"\\u250c" in shown.stdout  # the corner of a box


@pytest.mark.parametrize("command", ["status", "check", "up -d", "plan", "config", "logs"])
def test_a_path_that_is_no_text_is_named(tmp_path: Path, command: str) -> None:
    root = tmp_path / os.fsdecode(b"shop \xff")
    root.mkdir()
    (root / "fleet.yaml").write_text("name: shop\n")
    done = call(root, *command.split(), PYTHONPATH=os.pathsep.join(sys.path))
    sentence = f"error: the path {tmp_path}/shop \\xff is not UTF-8 text\n"
    hint = "hint: give the project, or AIRFLEET_HOME, another path\n"
    assert (done.returncode, done.stderr.decode()) == (1, sentence + hint)


@pytest.mark.parametrize("command", ["status", "check", "up", "down", "logs"])
def test_a_working_directory_that_was_deleted_is_named(tmp_path: Path, command: str) -> None:
    script = f"mkdir gone; cd gone; rmdir ../gone; exec {sys.executable} -m airfleet.cli {command}"
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (
        1,
        "error: the working directory was deleted\nhint: cd to another one; -C DIR names a project\n",
    )


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "No space left on device: /data/x"),
        (errno.EROFS, "Read-only file system: /data/x"),
        (errno.EACCES, "Permission denied: /data/x"),
        (errno.EBADF, None),
        (errno.ENOENT, None),
    ],
)
def test_what_a_machine_refuses_is_no_mistake_of_ours(number: int, sentence: str | None) -> None:
    assert main.of_the_machine(OSError(number, os.strerror(number), "/data/x")) == sentence


def test_a_disk_that_takes_nothing_does_not_keep_a_fleet_from_ending(project: Project, airfleet: Airfleet) -> None:
    (project.paths.runtime / "down.lock").mkdir(parents=True)  # cannot be opened
    project.played.mkdir()  # cannot be deleted
    result = airfleet("down")
    assert (result.code, result.err) == (0, "nothing is running\n")
