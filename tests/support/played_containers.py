"""A container engine that is none: it plays the services of a compose file, for a machine without engines.

    unshare --net --mount --fork --kill-child python -m support.played_containers FOLDER

Each service gets processes, mounts and a host name of its own, and the addresses of the file in one network. What it
lacks is the image: programs are those of this machine. It prints what it saw as JSON.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from airfleet.testing.fleet import clean_environment, command
from airfleet.testing.servers import Servers

FLEET = """\
name: shop
database: postgresql://{user}:${{{{ secrets.database_password }}}}@servers:{database}/airflow
broker: redis://:${{{{ secrets.broker_password }}}}@servers:{broker}/0
hosts:
  - {{name: control, address: 10.20.0.11, scheduler: 1, api_server: 1, dag_processor: 1, triggerer: 1}}
  - {{name: work, address: work, workers: [{{slots: 2}}]}}
policies: {{on_partition: keep}}
"""
#: says what a task sees of the secrets of the fleet
PIPELINE = """\
dag_id: look
tasks:
  - {id: look, uses: bash, with: {bash_command: "ls -A $AIRFLEET_PROJECT/secrets $AIRFLEET_PROJECT/.airfleet | xargs"}}
"""
READY_SECONDS = 150.0


@dataclass(frozen=True)
class Played:
    """A service that runs."""

    process: subprocess.Popen[bytes]
    environ: Mapping[str, str]

    @property
    def first(self) -> int:
        """The pid of its first process, as this machine has it."""
        unshared = self.process.pid
        [inside] = Path(f"/proc/{unshared}/task/{unshared}/children").read_text().split()
        return int(inside)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Call airfleet in it, as ``docker compose exec`` does."""
        enter = ["nsenter", "--target", str(self.first), "--mount", "--pid", "--uts"]
        return subprocess.run(
            [*enter, *command(), *words], env=self.environ, capture_output=True, text=True, timeout=120, check=False
        )


@dataclass(frozen=True)
class Engine:
    """Plays the services of ``compose.yaml`` in a folder."""

    project: Path
    #: where volumes and logs are
    data: Path

    @property
    def file(self) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load((self.project / "compose.yaml").read_text())
        return found

    def image(self) -> None:
        """Lay down the program that images have on their path."""
        program = self.data / "airfleet"
        program.write_text(f'#!/bin/sh\nexec {shlex.join(command())} "$@"\n')
        program.chmod(0o755)

    def network(self) -> None:
        """Give this machine the addresses of all services, and their names."""
        places = {name: one["networks"]["fleet"]["ipv4_address"] for name, one in self.file["services"].items()}
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        for place in places.values():
            subprocess.run(["ip", "address", "add", f"{place}/32", "dev", "lo"], check=True)
        hosts = self.data / "hosts"
        names = {"localhost": "127.0.0.1", "servers": "127.0.0.1", **places}
        hosts.write_text("".join(f"{place} {name}\n" for name, place in names.items()))
        subprocess.run(["mount", "--bind", str(hosts), "/etc/hosts"], check=True)

    def start(self, name: str) -> Played:
        """Start a service by its entry point."""
        service = self.file["services"][name]
        told = {key: value for key, value in service["environment"].items() if value is not None}
        path = f"{self.data}:{os.environ['PATH']}"
        environ = {**clean_environment(), "PATH": path, "AIRFLEET_HOME": "/var/lib/airfleet/home", **told}
        words = ["sh", str(self.project / "image" / "entry.sh"), *service["command"]]
        script = "\n".join(("set -e", *self._mounts(service), f"hostname {name}", f"exec {shlex.join(words)}"))
        alone = ["--mount", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child"]
        with (self.data / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                ["unshare", *alone, "bash", "-c", script], env=environ, stdout=log, stderr=subprocess.STDOUT
            )
        return Played(process, environ)

    def _mounts(self, service: Mapping[str, Any]) -> Iterator[str]:
        for folder in ("/srv", "/run/secrets", "/var/lib/airfleet"):
            yield f"mkdir -p {folder} && mount -t tmpfs tmpfs {folder}"
        for volume in service["volumes"]:
            source, target, *mode = volume.split(":")
            place = self.project / source if source.startswith(".") else self.data / source
            place.mkdir(exist_ok=True)
            yield f"mkdir -p {target} && mount --bind {place} {target}"
            yield from (f"mount -o remount,bind,ro {target}" for _ in mode)
        yield from (f"mount -t tmpfs tmpfs {folder}" for folder in service["tmpfs"])
        for secret in service["secrets"]:
            file = self.project / self.file["secrets"][secret["source"]]["file"]
            yield f"touch {secret['target']} && mount --bind {file} {secret['target']}"


def airfleet(project: Path, *words: str) -> None:
    """Call airfleet outside of all containers."""
    subprocess.run([*command(), "-C", str(project), *words], env=clean_environment(), check=True, stdout=sys.stderr)


def prepared(project: Path, servers: Servers) -> None:
    """Make the project and its compose file, as docs/how-to/containers.md has it."""
    database, broker = (urllib.parse.urlsplit(url) for url in (servers.database("airflow"), servers.broker()))
    (project / "pipelines").mkdir(parents=True)
    (project / "pipelines" / "look.yaml").write_text(PIPELINE)
    (project / "secrets").mkdir(mode=0o700)
    os.umask(0o077)
    (project / "secrets" / "database_password").write_text(database.password or "")
    (project / "secrets" / "broker_password").write_text(broker.password or "")
    (project / "fleet.yaml").write_text(
        FLEET.format(user=database.username, database=database.port, broker=broker.port)
    )
    for host in ("control", "work"):
        airfleet(project, "secrets", "export", "--host", host, "-o", str(project / "secrets" / f"airfleet_{host}"))
    airfleet(project, "render", "compose", "--output", str(project))


def until_healthy(control: Played) -> None:
    """Wait until the whole fleet is. Raises AssertionError."""
    deadline = time.monotonic() + READY_SECONDS
    while (said := control.run("status")).returncode:
        assert control.process.poll() is None, "a container has ended"
        assert time.monotonic() < deadline, said.stdout + said.stderr
        time.sleep(1)


def play(folder: Path) -> dict[str, Any]:
    """Start the fleet, run a task, end the fleet; what was seen."""
    project, data = folder / "shop", folder / "data"
    data.mkdir()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with Servers(folder / "servers") as servers:
        prepared(project, servers)
        engine = Engine(project, data)
        engine.image()
        engine.network()
        containers = {name: engine.start(name) for name in engine.file["services"]}
        control = containers["control"]
        until_healthy(control)
        checks = {name: one.run("status", "--here").returncode for name, one in containers.items()}
        run = json.loads(control.run("trigger", "look", "--unpause", "--wait", "-o", "json").stdout)
        for one in containers.values():
            os.kill(one.first, signal.SIGTERM)
        ended = {name: one.process.wait(120) for name, one in containers.items()}
    logs = "".join(file.read_text() for file in (data / "work-data").rglob("task-logs/**/*.log"))
    return {"checks": checks, "run": run["state"], "log": logs, "ended": ended}


if __name__ == "__main__":
    print(json.dumps(play(Path(sys.argv[1]))))
