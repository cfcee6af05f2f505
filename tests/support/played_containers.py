"""A container engine that is none: it plays the services of a compose file, for a machine without engines.

    unshare --net --mount --fork --kill-child python -m support.played_containers FOLDER [IMAGE]

Each service gets processes, mounts and a host name of its own, and the addresses of the file in one network. IMAGE is a
file with the root folder of an image, and its configuration; without it, programs are those of this machine. It prints
what it saw as JSON.
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
from collections.abc import Iterator, Mapping, Sequence
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
flower: {{on: control}}
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
class Image:
    """The root folder of an image, and how containers of it start."""

    root: str
    #: uid and gid of its user
    user: str
    environ: Mapping[str, str]
    entry: Sequence[str]


@dataclass(frozen=True)
class Played:
    """A service that runs."""

    process: subprocess.Popen[bytes]
    environ: Mapping[str, str]
    image: Image | None = None

    @property
    def first(self) -> int:
        """The pid of its first process, as this machine has it."""
        unshared = self.process.pid
        [inside] = Path(f"/proc/{unshared}/task/{unshared}/children").read_text().split()
        return int(inside)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Call airfleet in it, as ``docker compose exec`` does."""
        enter = ["nsenter", "--target", str(self.first), "--mount", "--pid", "--uts"]
        program = command()
        if self.image:
            user, _, group = self.image.user.partition(":")
            enter += ["--root", "--wd", "--setuid", user, "--setgid", group]
            program = ["/opt/airfleet/bin/airfleet"]
        return subprocess.run(
            [*enter, *program, *words], env=self.environ, capture_output=True, text=True, timeout=120, check=False
        )


@dataclass(frozen=True)
class _Begin:
    """The beginning of a container: its first program, with its environment, after some mounts."""

    words: Sequence[str]
    environ: Mapping[str, str]
    mounts: Sequence[str] = ()


@dataclass(frozen=True)
class Engine:
    """Plays the services of ``compose.yaml`` in a folder."""

    project: Path
    #: where volumes and logs are
    data: Path
    image: Image | None = None

    @property
    def file(self) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load((self.project / "compose.yaml").read_text())
        return found

    def program(self) -> None:
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
        hosts.chmod(0o644)
        subprocess.run(["mount", "--bind", str(hosts), "/etc/hosts"], check=True)

    def start(self, name: str) -> Played:
        """Start a service by its entry point."""
        service = self.file["services"][name]
        told = {key: value for key, value in service["environment"].items() if value is not None}
        top = str(self.data / f"{name}-root" / "root") if self.image else ""
        begin = self._in_the_image(name, service) if self.image else self._on_this_machine(service)
        environ = {**begin.environ, **told}
        mounts = self._mounts(service, top)
        script = "\n".join(("set -e", *begin.mounts, *mounts, f"hostname {name}", f"exec {shlex.join(begin.words)}"))
        alone = ["--mount", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child"]
        with (self.data / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                ["unshare", *alone, "bash", "-c", script], env=environ, stdout=log, stderr=subprocess.STDOUT
            )
        return Played(process, environ, self.image)

    def _on_this_machine(self, service: Mapping[str, Any]) -> _Begin:
        path = f"{self.data}:{os.environ['PATH']}"
        environ = {**clean_environment(), "PATH": path, "AIRFLEET_HOME": "/var/lib/airfleet/home"}
        return _Begin(["sh", str(self.project / "image" / "entry.sh"), *service["command"]], environ)

    def _in_the_image(self, name: str, service: Mapping[str, Any]) -> _Begin:
        """Begin in the root folder of the image, as the user of the compose file; what is written goes to memory."""
        assert self.image is not None
        place = self.data / f"{name}-root"
        place.mkdir()
        top = place / "root"
        devices = ("null", "zero", "full", "random", "urandom", "tty")
        mounts = (
            f"mount -t tmpfs tmpfs {place} && mkdir {place}/upper {place}/work {top} && chmod 755 {place}/upper",
            f"mount -t overlay overlay -o lowerdir={self.image.root},upperdir={place}/upper,workdir={place}/work {top}",
            f"mount -t proc proc {top}/proc && mount -t tmpfs -o mode=755 tmpfs {top}/dev && mkdir {top}/dev/shm",
            f"mount -t tmpfs tmpfs {top}/dev/shm && ln -s /proc/self/fd {top}/dev/fd",
            *(f"touch {top}/dev/{one} && mount --bind /dev/{one} {top}/dev/{one}" for one in devices),
            f"touch {top}/etc/hosts && mount --bind {self.data}/hosts {top}/etc/hosts",
        )
        # As the engine: the entry point of the image, and the words of the file.
        words = ["chroot", f"--userspec={service['user']}", str(top), *self.image.entry, *service["command"]]
        return _Begin(words, self.image.environ, mounts)

    def _mounts(self, service: Mapping[str, Any], top: str) -> Iterator[str]:
        """Yield the mounts of a service below a folder, empty for those of this machine."""
        for folder in ("/srv", "/run/secrets", "/var/lib/airfleet"):
            yield f"mkdir -p {top}{folder} && mount -t tmpfs tmpfs {top}{folder}"
        for volume in service["volumes"]:
            source, target, *mode = volume.split(":")
            place = self.project / source if source.startswith(".") else self._volume(source)
            yield f"mkdir -p {top}{target} && mount --bind {place} {top}{target}"
            yield from (f"mount -o remount,bind,ro {top}{target}" for _ in mode)
        yield from (f"mount -t tmpfs tmpfs {top}{folder}" for folder in service["tmpfs"])
        for secret in service["secrets"]:
            file = self.project / self.file["secrets"][secret["source"]]["file"]
            yield f"touch {top}{secret['target']} && mount --bind {file} {top}{secret['target']}"

    def _volume(self, name: str) -> Path:
        """Make a named volume, which has the mode of its folder in the image."""
        place = self.data / name
        place.mkdir(exist_ok=True)
        place.chmod(0o1777)
        return place


def airfleet(project: Path, *words: str) -> None:
    """Call airfleet outside of all containers."""
    subprocess.run([*command(), "-C", str(project), *words], env=clean_environment(), check=True, stdout=sys.stderr)


def prepared(project: Path, servers: Servers, image: Image | None) -> None:
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
    if image:  # the user of the compose file is the owner of the project
        owned(project, image)
    airfleet(project, "render", "compose", "--output", str(project))
    if image:
        owned(project, image)


def owned(project: Path, image: Image) -> None:
    """Give a project to the user of an image."""
    subprocess.run(["chown", "-R", image.user, str(project)], check=True)


def until_healthy(control: Played) -> None:
    """Wait until the whole fleet is. Raises AssertionError."""
    deadline = time.monotonic() + READY_SECONDS
    while (said := control.run("status")).returncode:
        assert control.process.poll() is None, "a container has ended"
        assert time.monotonic() < deadline, said.stdout + said.stderr
        time.sleep(1)


def play(folder: Path, image: Image | None = None) -> dict[str, Any]:
    """Start the fleet, run a task, end the fleet; what was seen."""
    project, data = folder / "shop", folder / "data"
    data.mkdir()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with Servers(folder / "servers") as servers:
        prepared(project, servers, image)
        engine = Engine(project, data, image)
        engine.program()
        engine.network()
        containers = {name: engine.start(name) for name in engine.file["services"]}
        control = containers["control"]
        until_healthy(control)
        checks = {name: one.run("status", "--here").returncode for name, one in containers.items()}
        told = json.loads(control.run("status", "-o", "json").stdout)
        kinds = sorted({one["kind"] for host in told["hosts"] for one in host["components"]})
        run = json.loads(control.run("trigger", "look", "--unpause", "--wait", "-o", "json").stdout)
        for one in containers.values():
            os.kill(one.first, signal.SIGTERM)
        ended = {name: one.process.wait(120) for name, one in containers.items()}
    logs = "".join(file.read_text() for file in (data / "work-data").rglob("task-logs/**/*.log"))
    return {"checks": checks, "kinds": kinds, "run": run["state"], "log": logs, "ended": ended}


if __name__ == "__main__":
    given = Image(**json.loads(Path(sys.argv[2]).read_text())) if len(sys.argv) > 2 else None
    print(json.dumps(play(Path(sys.argv[1]), given)))
