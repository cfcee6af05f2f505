"""Tasks of a fleet that root runs, as a user of their own: what they cannot read, and what works all the same."""

from __future__ import annotations

import ast
import json
import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airfleet.testing.fleet import START_SECONDS, FleetUnderTest, command
from support import passable

#: a user that every machine has, that owns nothing, and that runs no server of the fleet
USER = "daemon"
ACCOUNT = pwd.getpwnam(USER)

FLEET = f"""\
name: apart
triggerer: false
workers: [{{name: worker, slots: 2}}]
task_user: {USER}
"""

PIPELINE = """\
dag_id: apart
schedule: null
start_date: 2026-01-01
tasks:
  - {id: spy, uses: "apart:spy"}
  - id: shell
    uses: bash
    needs: [spy]
    with:
      bash_command: {$t: "id -un; echo $HOME; cat {{ params.secrets }} && echo $((6 * 7)) secrets; cat $AIRFLOW_CONFIG"}
      append_env: true
  - {id: again, uses: "apart:again", retries: 1, retry_delay: 1s, with: {found: {$x: spy}}, needs: [shell]}
  - {id: fails, uses: "apart:fails", on_failure_callback: "apart:tell", needs: [again], trigger_rule: all_done}
params: {secrets: none, told: none}
"""

MODULE = r'''
import ctypes
import json
import os
import re
from pathlib import Path


def spy(dag_run):
    """What becomes of each try to read what is none of a task's business."""
    return {
        "user": [os.getuid(), os.geteuid(), os.getgid(), os.getgroups()],
        "oom": Path("/proc/self/oom_score_adj").read_text().strip(),
        "read": {path: read(path) for path in dag_run.conf["paths"]},
        "kill": {pid: kill(pid) for pid in dag_run.conf["pids"]},
        "left in memory": left_in_memory(),
    }


def read(path):
    try:
        with open(path, "rb") as file:
            file.read(1)
    except OSError as error:
        return type(error).__name__
    return "was read"


def kill(pid):
    try:
        os.kill(pid, 0)
    except OSError as error:
        return type(error).__name__
    return "may be killed"


def left_in_memory():
    """What this process has in its memory of what only others of the fleet are told."""
    word = b"[A-Za-z0-9_=-]{40,}"
    wanted = [
        (start.encode(), re.compile(b".{0,30}" + word + b"@" if start == "//airflow" else b'[^"]*", *"' + word))
        for start in ("//airflow", "fernet_key", "jwt_secret", "secret_key")
    ]
    found = set()
    for line in Path("/proc/self/maps").read_text().splitlines():
        place, rights, *_, name = [*line.split(maxsplit=5), ""][:6]
        if rights.startswith("rw") and not name.startswith(("/", "[v")):
            begin, end = (int(number, 16) for number in place.split("-"))
            memory = ctypes.string_at(begin, end - begin)
            for start, pattern in wanted:
                at = memory.find(start)
                while at >= 0:
                    if match := pattern.match(memory, at + len(start)):
                        found.add((start + match[0])[:24].decode(errors="replace"))
                    at = memory.find(start, at + 1)
    return sorted(found)


def again(found, ti):
    if ti.try_number == 1:
        raise RuntimeError("once more")
    return found["user"]


def fails():
    raise RuntimeError("as it should")


def tell(context):
    told = Path(context["params"]["told"])
    told.write_text(json.dumps([os.getuid(), context["ti"].task_id]))
'''

#: errors of a look at a process that has ended meanwhile: a parse, a slot that was not needed
ENDED = {"FileNotFoundError", "ProcessLookupError"}

#: only root can give tasks another user
pytestmark = pytest.mark.needs("root")


@pytest.fixture(scope="module")
def fleet() -> Iterator[FleetUnderTest]:
    with FleetUnderTest.make(FLEET, {"pipelines/apart.yaml": PIPELINE, "apart.py": MODULE}) as made:
        up(made)
        yield made


def up(fleet: FleetUnderTest) -> None:
    done = fleet.run(passable.within([*command(), "up", "--detach", "--timeout", f"{START_SECONDS:.0f}s"]))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def told(fleet: FleetUnderTest) -> Path:
    """Where the callback writes."""
    folder = fleet.root.parent / "told"
    folder.mkdir()
    os.chown(folder, ACCOUNT.pw_uid, ACCOUNT.pw_gid)
    return folder / "told.json"


def of_others(fleet: FleetUnderTest) -> list[int]:
    """The fleet's processes that are not of the user of tasks."""
    return [pid for pid in fleet.pids() if user(pid) != ACCOUNT.pw_uid]


def user(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Uid:"))


@pytest.fixture(scope="module")
def secret_paths(fleet: FleetUnderTest) -> list[str]:
    """What belongs to the fleet, to its processes, and to another fleet."""
    other = fleet.root.parent / "other" / ".airfleet" / "secrets.json"
    other.parent.mkdir(parents=True)
    other.touch(mode=0o600)
    files = [fleet.paths.secrets, fleet.paths.password, fleet.paths.airflow_home / "passwords.json", other]
    files += [fleet.paths.socket, fleet.paths.log("agent"), *fleet.paths.logs.glob("*.log")]
    those = of_others(fleet)
    assert fleet.snapshot().pid in those
    return [*map(str, files), *(f"/proc/{pid}/{name}" for pid in those for name in ("environ", "mem", "maps"))]


@pytest.fixture(scope="module")
def run(fleet: FleetUnderTest, secret_paths: list[str], told: Path) -> str:
    fleet.wait_for_dag("apart")
    conf = {"paths": secret_paths, "pids": of_others(fleet), "secrets": str(fleet.paths.secrets), "told": str(told)}
    made = fleet.trigger("apart", conf=conf)
    assert fleet.wait_for_run("apart", made) == "failed"  # its last task does
    return made


def returned(fleet: FleetUnderTest, run: str, task: str) -> Any:
    way = ("dags", "apart", "dagRuns", run, "taskInstances", task, "xcomEntries", "return_value")
    found = fleet.api.get(*way)["value"]
    return ast.literal_eval(found) if isinstance(found, str) else found


def lasting(fleet: FleetUnderTest) -> list[int]:
    """The processes that live as long as the fleet."""
    snapshot = fleet.snapshot()
    return [snapshot.pid, *(component.pid for component in snapshot.components if component.pid)]


def log_of(fleet: FleetUnderTest, run: str, task: str, attempt: int = 1) -> str:
    folder = fleet.paths.task_logs / "dag_id=apart" / f"run_id={run}" / f"task_id={task}"
    return (folder / f"attempt={attempt}.log").read_text()


def test_a_task_is_that_user_and_reads_nothing_of_the_fleet(
    fleet: FleetUnderTest, run: str, secret_paths: list[str]
) -> None:
    found = returned(fleet, run, "spy")
    assert found["user"] == [ACCOUNT.pw_uid, ACCOUNT.pw_uid, ACCOUNT.pw_gid, [ACCOUNT.pw_gid]]
    assert set(found["read"]) == set(secret_paths)
    tries = found["read"] | {f"/proc/{pid}": what for pid, what in found["kill"].items()}
    ended = {path for path, what in tries.items() if path.startswith("/proc/") and what in ENDED}
    assert {path: what for path, what in tries.items() if what != "PermissionError" and path not in ended} == {}
    assert {tries[f"/proc/{pid}{name}"] for pid in lasting(fleet) for name in ("", "/mem")} == {"PermissionError"}
    assert found["left in memory"] == []
    assert found["oom"] == "500"  # it still goes first when memory runs out


def test_what_a_task_starts_is_that_user_too(fleet: FleetUnderTest, run: str) -> None:
    log = log_of(fleet, run, "shell")
    for line in (USER, ACCOUNT.pw_dir, "Permission denied", "[core]"):
        assert line in log
    assert "42 secrets" not in log


def test_results_retries_and_callbacks_work(fleet: FleetUnderTest, run: str, told: Path) -> None:
    assert returned(fleet, run, "again") == returned(fleet, run, "spy")["user"]
    assert "once more" in log_of(fleet, run, "again", 1)
    assert json.loads(told.read_text()) == [ACCOUNT.pw_uid, "fails"]


@pytest.mark.long
def test_a_fleet_works_with_new_secrets(fleet: FleetUnderTest, told: Path) -> None:
    fleet.stop()
    before = json.loads(fleet.paths.secrets.read_text())
    done = fleet.airfleet("secrets", "rotate", "all")
    assert done.returncode == 0, done.stderr
    after = json.loads(fleet.paths.secrets.read_text())
    assert {name for name in before if before[name] == after[name]} == {"fernet_key", "postgres_password"}
    up(fleet)
    fleet.__dict__.pop("api", None)  # it has logged in with what was
    fleet.api.get("dags")
    conf = {"paths": [], "pids": [], "secrets": str(fleet.paths.secrets), "told": str(told)}
    run = fleet.trigger("apart", conf=conf)
    assert fleet.wait_for_run("apart", run) == "failed"
    assert returned(fleet, run, "again") == returned(fleet, run, "spy")["user"]
