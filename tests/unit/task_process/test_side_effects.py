"""What a load does is noticed: what it read, and every reason why its result may not be shared.

The observer cannot be taken out of a process again: each load is one of a forked process.
"""

from __future__ import annotations

import importlib
import os
import random
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airfleet.file_stamps import stamp
from airfleet.task_process.side_effects import observed
from airfleet.testing.ports import free_ports
from support.toy_pool import in_child

KEPT: list[Any] = []


def reasons(load: Callable[[], Any]) -> list[str]:
    found: list[str] = in_child(lambda: observed(load)[1].reasons)
    return found


def files(load: Callable[[], Any]) -> set[str]:
    return set(in_child(lambda: list(observed(load)[1].read)))


def connect() -> None:
    with socket.socket() as one:
        one.connect_ex(("127.0.0.1", 9))


def listen() -> None:
    (port,) = free_ports(1)
    with socket.socket() as one:
        one.bind(("127.0.0.1", port))


def look_for_a_protocol() -> None:
    """As urllib3 does when it is imported."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))


def leave_a_server_open() -> None:
    KEPT.append(one := socket.socket())
    one.bind(("127.0.0.1", 0))


def fork() -> None:
    if (pid := os.fork()) == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def leave_a_thread() -> None:
    threading.Thread(target=threading.Event().wait, daemon=True).start()


def leave_a_file_open() -> None:
    KEPT.append(open(__file__))  # noqa: SIM115 - this is the point


REASONS: list[tuple[Callable[[], Any], str]] = [
    (connect, "it talks to a server"),
    (listen, "it opens a server"),
    (lambda: subprocess.run(["true"], check=True), "it starts a process"),
    (lambda: os.system("true"), "it starts a process"),
    (fork, "it starts a process"),
    (lambda: os.kill(os.getpid(), 0), "it sends signals"),
    (leave_a_thread, "it starts a thread"),
    (leave_a_file_open, "it leaves a file or a connection open"),
    (leave_a_server_open, "it leaves a file or a connection open"),
    (random.random, "it uses random numbers"),
    (lambda: random.seed(1), "it uses random numbers"),
]


@pytest.mark.parametrize(("load", "reason"), REASONS, ids=lambda value: value if isinstance(value, str) else "")
def test_what_may_not_be_shared_is_a_reason(load: Callable[[], Any], reason: str) -> None:
    assert reasons(load) == [reason]


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "new").write_text("x"),
        lambda folder: (folder / "there").open("a").close(),
        lambda folder: (folder / "there").unlink(),
        lambda folder: (folder / "there").rename(folder / "elsewhere"),
        lambda folder: os.truncate(folder / "there", 0),
        lambda folder: os.link(folder / "there", folder / "linked"),
        lambda folder: os.symlink("there", folder / "linked"),
        lambda folder: (folder / "there").chmod(0o600),
        lambda folder: os.utime(folder / "there", (1, 1)),
        lambda folder: (folder / "new").mkdir(),
        lambda folder: shutil.copy(folder / "there", folder / "copy"),
        lambda folder: tempfile.mkdtemp(dir=folder),
        lambda folder: os.close(tempfile.mkstemp(dir=folder)[0]),
    ],
)
def test_writing_is_a_reason(change: Callable[[Path], Any], tmp_path: Path) -> None:
    (tmp_path / "there").write_text("there")
    assert "it writes files" in reasons(lambda: change(tmp_path))


def test_a_socket_that_was_bound_to_any_port_and_is_closed_again_can_be_shared() -> None:
    assert reasons(look_for_a_protocol) == []


def test_a_load_that_only_computes_and_reads_can_be_shared(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("1 2 3")

    def load() -> None:
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()
        random.Random(7).random()
        sum(map(int, (tmp_path / "data").read_text().split()))
        os.environ["OBSERVED"] = "yes"

    assert reasons(load) == []


def test_what_numpy_draws_or_seeds_is_noticed() -> None:
    def draws() -> None:
        importlib.import_module("numpy.random").rand()

    def seeds() -> None:
        importlib.import_module("numpy.random").seed(7)

    def imports() -> None:
        importlib.import_module("numpy.random")

    assert reasons(draws) == ["it uses random numbers"]
    assert reasons(seeds) == ["it uses random numbers"]
    assert reasons(imports) == []


def test_the_error_of_a_load_is_the_callers() -> None:
    def caught() -> str:
        try:
            observed(lambda: 1 / 0)
        except ZeroDivisionError as error:
            return str(error)
        return "none"

    assert in_child(caught) == "division by zero"


def test_what_is_done_after_the_load_is_not_observed(tmp_path: Path) -> None:
    def act() -> list[str]:
        _, observation = observed(lambda: None)
        (tmp_path / "late").write_text("late")
        return list(observation.reasons)

    assert in_child(act) == []


# --- what was read ------------------------------------------------------------------------------------


def test_files_and_folders_that_were_read_are_noticed(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("x")
    (tmp_path / "folder").mkdir()

    def load() -> None:
        (tmp_path / "data.csv").read_text()
        os.listdir(tmp_path / "folder")
        list(os.scandir(os.fsencode(tmp_path)))
        os.close(os.open(tmp_path / "data.csv", os.O_RDONLY))

    assert files(load) == {str(tmp_path), str(tmp_path / "folder"), str(tmp_path / "data.csv")}


def test_a_relative_path_is_that_of_the_moment(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("x")

    def load() -> None:
        os.chdir(tmp_path)
        Path("data.csv").read_text()
        os.chdir("/")

    assert files(load) == {str(tmp_path / "data.csv")}


def test_a_file_that_was_looked_for_in_vain_is_noticed_when_it_comes(tmp_path: Path) -> None:
    wanted = tmp_path / "later.csv"

    def act() -> list[bool]:
        _, observation = observed(lambda: _read_if_there(wanted))
        before = observation.holds()
        wanted.write_text("here")
        return [before, observation.holds()]

    assert in_child(act) == [True, False]


def _read_if_there(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


@pytest.mark.parametrize("bytecode", ["written", "read", "elsewhere"])
def test_the_source_of_an_imported_module_is_noticed_and_its_bytecode_is_not(tmp_path: Path, bytecode: str) -> None:
    """As in a project where nobody has forbidden Python to write bytecode."""
    (tmp_path / "helping.py").write_text("VALUE = 1\n")

    def load() -> None:
        importlib.import_module("helping")

    def act() -> list[Any]:
        sys.path.insert(0, str(tmp_path))
        sys.dont_write_bytecode = False
        if bytecode == "elsewhere":
            sys.pycache_prefix = str(tmp_path / "prefix")
        if bytecode == "read":
            load()
            del sys.modules["helping"]
        _, observation = observed(load)
        return [list(observation.read), list(observation.reasons), sys.modules["helping"].__cached__]

    read, why, cached = in_child(act)
    assert Path(cached).exists()
    assert why == []
    assert str(tmp_path / "helping.py") in read
    assert cached not in read


def test_what_is_installed_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # A folder of the project comes before what is installed, and is looked at again when anybody has changed it.
    installed = sysconfig.get_paths()
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place.startswith((*installed.values(),))])

    def load() -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] in ("yaml", "json", "wave")]:
            del sys.modules[name]
        for name in ("yaml", "json", "wave"):
            importlib.import_module(name)

    assert files(load) == set()


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_text("more than before"),
        lambda path: path.write_text("y"),
        lambda path: path.unlink(),
        lambda path: path.with_name("other").rename(path),
    ],
)
def test_an_observation_holds_until_something_changes(change: Callable[[Path], Any], tmp_path: Path) -> None:
    data, other = tmp_path / "data", tmp_path / "other"
    data.write_text("x")
    other.write_text("y")
    os.utime(data, ns=(1, 1))

    def act() -> list[bool]:
        _, observation = observed(data.read_text)
        before = observation.holds()
        change(data)
        return [before, observation.holds()]

    assert in_child(act) == [True, False]


def test_a_new_file_in_a_folder_that_was_listed_is_a_change(tmp_path: Path) -> None:
    os.utime(tmp_path, ns=(1, 1))

    def act() -> list[bool]:
        _, observation = observed(lambda: list(tmp_path.glob("*.csv")))
        before = observation.holds()
        (tmp_path / "new.csv").write_text("x")
        return [before, observation.holds()]

    assert in_child(act) == [True, False]


def test_nothing_has_no_stamp(tmp_path: Path) -> None:
    assert stamp(str(tmp_path / "none")) is None
    assert stamp(str(tmp_path)) is not None


def test_an_edit_in_the_middle_of_a_load_is_a_change(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.write_text("x")
    os.utime(data, ns=(1, 1))

    def load_slowly() -> str:
        read = data.read_text()
        descriptor = os.open(data.parent, os.O_RDONLY)
        os.rename(_other(data), data.name, dst_dir_fd=descriptor)
        os.close(descriptor)
        return read

    assert in_child(lambda: observed(load_slowly)[1].holds()) is False


def _other(path: Path) -> Path:
    """Another content, ready to take the place of ``path``."""
    other = path.with_name("other")
    other.write_text("edited")
    return other


def imported(load: Callable[[], Any]) -> set[str]:
    return set(in_child(lambda: list(observed(load)[1].imported)))


def test_modules_are_those_that_this_load_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for name, text in {"first_of_two": "import second_of_two, json\n", "second_of_two": ""}.items():
        (tmp_path / f"{name}.py").write_text(text)
    assert imported(lambda: importlib.import_module("first_of_two")) == {"first_of_two", "second_of_two"}
    assert imported(lambda: None) == set()


def test_modules_that_were_there_count_when_the_newest_of_them_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "newest_of_all.py").write_text("")

    def load() -> None:
        importlib.import_module("newest_of_all")
        observed_names.extend(observed(lambda: sys.modules.pop("newest_of_all"))[1].imported)

    observed_names: list[str] = []
    found = in_child(lambda: (load(), observed_names)[1])
    assert {"sys", "os", __name__} <= set(found)
