"""The small parts of the agent: states, restarts, its words, memory and the heap."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from airfleet import events
from airfleet.agent import bootstrap, control, launch, states
from airfleet.agent.control import AgentGone, ComponentStatus, Snapshot
from airfleet.agent.servers import embedded_servers
from airfleet.agent.states import State
from airfleet.agent.supervisor import process, restarts
from airfleet.agent.supervisor.process import Running
from airfleet.agent.supervisor.reasons import Exited, exit_of
from airfleet.errors import FileProblems, FleetError
from airfleet.fleet.config.spec import API_PORT, Fleet, Flower
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.planning.plan import Component, Exec
from airfleet.fleet.planning.ports import PortBook
from airfleet.fleet.servers.secrets import generate
from airfleet.system import unix_sockets

# --- states ----------------------------------------------------------------------------------------


def test_every_state_has_a_word_for_people_and_its_successors() -> None:
    assert set(states.LABELS) == set(states.FOLLOWS) == set(State)
    assert not states.ALIVE & states.ENDED


def test_every_state_can_be_reached_and_every_running_one_can_be_stopped() -> None:
    reached, new = {State.WAITING}, {State.WAITING}
    while new := {after for state in new for after in states.FOLLOWS[state]} - reached:
        reached |= new
    assert reached == set(State)
    for state in State:
        assert state is State.STOPPED or {State.STOPPING, State.STOPPED} & states.FOLLOWS[state], state


def running(tmp_path: Path) -> tuple[Running, list[str]]:
    seen: list[str] = []
    component = Component("one", "thing", Exec(("true",)))
    return Running(component, tmp_path / "one.log", lambda r: seen.append(str(r.state))), seen


def test_a_change_is_told_and_an_impossible_one_refused(tmp_path: Path) -> None:
    one, seen = running(tmp_path)
    one.began(7, now=1.0, epoch=100.0)
    one.move_to(State.STARTING, 1.0)
    one.move_to(State.READY, 3.5)
    assert seen == ["starting", "ready"]
    assert (one.ready_after, one.was_ready) == (2.5, True)
    with pytest.raises(RuntimeError, match=r"^one: ready cannot become done$"):
        one.move_to(State.DONE, 4.0)


def test_what_people_are_shown_of_a_component(tmp_path: Path) -> None:
    one, _ = running(tmp_path)
    one.began(7, now=1.0, epoch=100.0)
    one.move_to(State.STARTING, 1.0)
    one.deaths += [2.0, 3.0, 4.0]
    one.last_lines = ("why",)
    one.move_to(State.GAVE_UP, 5.0, Exited(1))
    shown = one.status(now=9.0)
    assert (shown.state, shown.pid, shown.since, shown.restarts) == (State.GAVE_UP, None, 4.0, 2)
    assert (shown.reason, shown.last_lines, shown.log) == ("ended with exit code 1", ("why",), str(one.log))


# --- restarts --------------------------------------------------------------------------------------


def test_waits_grow_to_a_limit() -> None:
    waits = [restarts.wait_before_start(n) for n in range(1, 10)]
    assert waits == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert restarts.wait_before_start(10_000) == 30.0


@pytest.mark.parametrize(
    ("deaths", "was_ready", "gives_up"),
    [
        ([1.0, 2.0], False, False),
        ([1.0, 2.0, 3.0], False, True),
        ([1.0, 2.0, 3.0], True, False),
        ([float(n) for n in range(10)], True, True),
        ([float(n) for n in range(9)], True, False),
        ([n * 40.0 for n in range(-5, 5)], True, False),  # ten, but not within the window
    ],
)
def test_when_a_component_is_given_up(deaths: list[float], was_ready: bool, gives_up: bool) -> None:
    assert restarts.gives_up(deaths, was_ready, now=160.0) is gives_up


# --- process ---------------------------------------------------------------------------------------


def test_the_last_lines_of_this_attempt_alone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("old\n" + "".join(f"line {n}\n" for n in range(50)))
    assert process.last_lines(log, offset=4, count=2) == ("line 48", "line 49")
    assert process.last_lines(log, offset=log.stat().st_size) == ()
    assert process.last_lines(log, offset=log.stat().st_size - 8) == ("line 49",)
    assert process.last_lines(tmp_path / "none", offset=0) == ()


def test_a_log_that_is_huge_or_not_text_is_no_trouble(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * 1_000_000 + b"\n\xff end\n")
    assert process.last_lines(log, offset=0, count=1) == ("\ufffd end",)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (0, "ended with exit code 0"),
        (3 << 8, "ended with exit code 3"),
        (signal.SIGSEGV, "was killed by SIGSEGV"),
        (signal.SIGABRT | 0x80, "was killed by SIGABRT"),  # with a core file
        (signal.SIGRTMIN + 1, "was killed by signal 35"),
    ],
)
def test_how_a_process_ended_in_words(status: int, sentence: str) -> None:
    assert str(exit_of(status)) == sentence


def test_a_program_gets_its_secret_on_standard_input_and_its_log_is_private(tmp_path: Path) -> None:
    log = tmp_path / "log"
    start = Exec(("/bin/sh", "-c", "read secret; echo got $secret $GIVEN"), {"GIVEN": "too"}, secret_input="s3cret\n")
    pid = process.spawn(start, log, {"PATH": os.environ["PATH"]}, tmp_path)
    assert os.waitpid(pid, 0) == (pid, 0)
    assert log.read_text() == "got s3cret too\n"
    assert oct(log.stat().st_mode & 0o777) == "0o600"


@pytest.mark.parametrize("environment", [{"A=B": "c"}, {"A": "b\0"}])
def test_an_environment_that_no_process_can_have_is_a_program_that_cannot_be_started(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(OSError, match=r"illegal environment variable name|embedded null byte"):
        process.spawn(Exec(("true",)), tmp_path / "log", environment, tmp_path)


def test_what_looks_for_a_port_keeps_off_those_that_fleet_yaml_gives_away(tmp_path: Path) -> None:
    servers = {"database": "postgresql://db/a", "broker": "redis://queue/0"}
    fleet = Fleet("shop", str(tmp_path), flower=Flower(on="local", port=API_PORT), **servers)
    book = PortBook(tmp_path / "ports.json")
    with closing(book):
        found = bootstrap._context(fleet, fleet.hosts[0], Paths(tmp_path, tmp_path), book, generate(), together=False)
    assert found.ports.api_servers[0] != API_PORT


# --- control ---------------------------------------------------------------------------------------

SNAPSHOT = Snapshot(
    fleet="shop",
    state="failed",
    pid=7,
    home="/srv/shop/.airfleet",
    url="http://127.0.0.1:8080",
    api_urls=("http://127.0.0.1:8081", "http://10.0.0.2:8080"),
    user="admin",
    password_file="/srv/shop/.airfleet/password",
    elapsed=3.5,
    ready_after=2.0,
    components=(
        ComponentStatus("scheduler", "scheduler", State.READY, pid=8, started_after=1.5, since=2.0, memory_mb=70.5),
        ComponentStatus("worker", "worker", State.GAVE_UP, restarts=2, reason="ended", last_lines=("a", "b"), log="/l"),
    ),
    problem="worker ended",
)


def test_a_snapshot_survives_its_way_through_json() -> None:
    assert Snapshot.from_json(json.loads(json.dumps(SNAPSHOT.to_json()))) == SNAPSHOT


def test_words_that_a_newer_agent_says_are_passed_over() -> None:
    data = {**SNAPSHOT.to_json(), "weather": "fine"}
    data["components"] = [{**c, "mood": 3} for c in data["components"]]
    assert Snapshot.from_json(json.loads(json.dumps(data))) == SNAPSHOT


def test_a_fleet_is_healthy_when_it_is_ready_with_all_its_components() -> None:
    ready = ComponentStatus("a", "a", State.READY)
    assert Snapshot("f", "ready", 1, "/", components=(ready, ComponentStatus("m", "m", State.DONE))).healthy
    assert not Snapshot("f", "starting", 1, "/", components=(ready,)).healthy
    assert not Snapshot("f", "ready", 1, "/", components=(ComponentStatus("a", "a", State.DEGRADED),)).healthy


@contextmanager
def agent_that_sends(folder: Path, words: bytes) -> Iterator[Path]:
    """An agent that reads one request, sends ``words`` and is killed: its socket closes with bytes unread."""
    path = folder / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                client.recv(1)  # the rest stays unread: the other side's read ends with a reset
                client.sendall(words)

        thread = threading.Thread(target=serve)
        thread.start()
        yield path
        thread.join()


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(AgentGone):
        control.status(tmp_path / "none")


@pytest.mark.parametrize("words", [b"", b'{"fleet": "sh'], ids=["before a word", "in the middle of a line"])
def test_an_agent_that_is_killed_while_it_answers_is_gone(words: bytes) -> None:
    with (
        TemporaryDirectory(prefix="af") as folder,
        agent_that_sends(Path(folder), words) as path,
        pytest.raises(AgentGone),
    ):
        control.status(path)


# --- heap ------------------------------------------------------------------------------------------


def test_holes_in_the_heap_are_filled_and_stay_filled() -> None:
    script = (
        "from airfleet.zygote import shared_heap as heap\n"
        "kept = [bytes(60) for _ in range(20_000)][::2]\n"  # every second place is a hole now
        "first, second = heap.fill_holes(), heap.fill_holes()\n"
        "heap.trim()\n"
        "print(first, second)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    first, second = map(int, done.stdout.split())
    assert done.stderr == ""
    assert first > 5_000
    assert second < first / 5


def test_huge_pages_hold_what_was_there_and_a_fork_writes_to_its_own() -> None:
    script = """
import os, re, sys
from airfleet.zygote import shared_heap as heap

kept = [bytes([number % 256]) * 3000 for number in range(20_000)]
changing = bytearray(8 * 2**20)
done = heap.use_huge_pages()
huge = int(re.search(r"AnonHugePages: *([0-9]+) kB", open("/proc/self/smaps_rollup").read())[1]) * 1024
if (child := os.fork()) == 0:
    changing[:] = b"x" * len(changing)
    os._exit(0)
os.waitpid(child, 0)
intact = not any(changing) and all(one == bytes([number % 256]) * 3000 for number, one in enumerate(kept))
print(done, huge, intact)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    made, huge, intact = done.stdout.split()
    release = tuple(int(part) for part in re.findall("[0-9]+", os.uname().release)[:2])
    supported = release >= (6, 1) and Path("/sys/kernel/mm/transparent_hugepage").exists()
    assert intact == "True"
    assert int(made) % 2**21 == 0
    assert int(huge) >= int(made)
    assert (int(made) > 20_000 * 3000 / 2) is supported


# --- events ----------------------------------------------------------------------------------------


def test_a_line_of_the_agents_log_is_a_time_a_sentence_and_the_data() -> None:
    file = io.StringIO()
    log = events.to_file(file, lambda: dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC))
    log(events.Event.COMPONENT_DIED, component="worker", how="was killed by SIGKILL", restarts=2)
    assert file.getvalue() == (
        "2026-01-02T03:04:05.000+00:00 worker was killed by SIGKILL; deaths so far: 2 "
        '{"action": "component_died", "component": "worker", "how": "was killed by SIGKILL", "restarts": 2}\n'
    )


# --- what keeps an agent from starting -------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "fleet.yaml").write_text("name: shop\n")
    return tmp_path


def environ(folder: Path) -> dict[str, str]:
    return {**os.environ, "AIRFLEET_HOME": str(folder / "home")}


def test_an_agent_that_refuses_says_its_problems_to_who_started_it(project: Path) -> None:
    (project / "fleet.yaml").write_text("name: shop\nworker: []\n")
    with pytest.raises(FileProblems) as refused:
        launch.start(project, environ=environ(project))
    expected = f"{project}/fleet.yaml:2:1: worker: unknown key 'worker'\nhint: did you mean 'workers'?"
    assert str(refused.value) == expected


def test_a_home_that_cannot_be_made(project: Path) -> None:
    (project / "home").write_text("a file is in the way")
    with pytest.raises(FleetError) as refused:
        launch.start(project, environ=environ(project))
    assert refused.value.sentence == f"cannot prepare the fleet's home: File exists: {project}/home"
    assert refused.value.hint == "mend that, or name another place with AIRFLEET_HOME"


def test_a_second_agent_is_refused_by_the_lock_of_the_first(project: Path) -> None:
    fleet_paths = launch.of(project, environ(project))
    fleet_paths.runtime.mkdir(parents=True)
    holder = (
        "import fcntl, sys; f = open(sys.argv[1], 'w'); f.write('4711'); f.flush(); "
        "fcntl.flock(f, 2); print(1, flush=True); input()"
    )
    argv = [sys.executable, "-c", holder, str(fleet_paths.lock)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "1\n"
        with pytest.raises(FleetError) as refused:
            launch.start(project, environ=environ(project))
        first.communicate("\n")
    assert refused.value.sentence == "fleet 'shop' is already running (agent 4711)"
    assert refused.value.hint == "'airfleet status' shows it, 'airfleet down' ends it"


def test_a_disk_without_room_is_named_with_what_is_needed() -> None:
    with pytest.raises(FleetError) as refused:
        bootstrap.require_room(Path("/srv/home"), free_bytes=5 * 2**20 + 17)
    assert refused.value.sentence == "the disk of /srv/home has 5 MB left; a fleet needs 300 MB to start"
    assert refused.value.hint == "make room, or name another place with AIRFLEET_HOME"
    bootstrap.require_room(Path("/srv/home"), free_bytes=bootstrap.NEEDED_BYTES)


def test_a_socket_that_a_killed_agent_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    bootstrap.listen(path).close()
    with bootstrap.listen(path), socket.socket(socket.AF_UNIX) as client:
        unix_sockets.connect(client, path)


def test_another_user_reaches_only_what_every_folder_lets_through(tmp_path: Path) -> None:
    stranger = os.geteuid() + 1
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/tmp"):
            folder.chmod(0o711)
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert embedded_servers.can_reach(inner, stranger)
    assert embedded_servers.can_reach(inner / "not" / "there", stranger)
    (tmp_path / "a").chmod(0o700)
    assert not embedded_servers.can_reach(inner, stranger)
    assert embedded_servers.can_reach(inner, os.geteuid())


def test_an_agent_is_not_told_what_a_shell_says_of_another_airflow() -> None:
    shell = {
        "PATH": "/bin",
        "AIRFLOW_HOME": "/elsewhere",
        "AIRFLOW_CONFIG": "/elsewhere/airflow.cfg",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////elsewhere.db",
        "_AIRFLOW__AS_LIBRARY": "1",
        "AIRFLOW_VAR_CITY": "Oslo",
        "AIRFLOW_CONN_STORE": "aws://",
    }

    assert launch.without_airflow_settings(shell) == {
        "PATH": "/bin",
        "AIRFLOW_VAR_CITY": "Oslo",
        "AIRFLOW_CONN_STORE": "aws://",
    }
