"""Machines for tests of deploys: an ``sshd`` for each on a port of loopback, with a root folder of its own.

Keys of hosts and of the person, known_hosts and the configuration of ``ssh`` are made by the test; nobody's own are
read. Each machine has its own HOME. They share uv's cache with the person who runs the tests, so that an environment
takes a second, and compile no bytecode.
"""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from airfleet.testing.ports import free_ports

_START_SECONDS = 10.0
_OPTIONS = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {authorized}
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PermitRootLogin yes
Subsystem sftp internal-sftp
SetEnv {variables}
"""


@dataclass
class Machine:
    """One machine: its name, its home and its ``sshd``."""

    name: str
    home: Path
    port: int
    server: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        """The folder of a deployed fleet named ``shop``."""
        return self.home / "airfleet" / "shop"

    @property
    def current(self) -> str:
        """The version that is current; empty for none."""
        link = self.folder / "current"
        return link.readlink().name if link.is_symlink() else ""

    @property
    def public_key(self) -> list[str]:
        """Its kind, the key, and a comment."""
        return (self.home.parent / "host_key.pub").read_text().split()

    @property
    def fingerprint(self) -> str:
        """What it says of its key itself."""
        words = ["ssh-keygen", "-lf", str(self.home.parent / "host_key.pub")]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()[1]

    def airfleet(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command that was deployed."""
        command = [str(self.folder / "airfleet"), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=_plain(self.home))

    def wait_until_healthy(self, seconds: float = 120.0) -> None:
        """Wait until the fleet says so: a busy machine may be late for a moment."""
        deadline = time.monotonic() + seconds
        while (last := self.airfleet("status")).returncode:
            assert time.monotonic() < deadline, f"{last.stdout}\n{last.stderr}"
            time.sleep(1)


@dataclass
class Machines:
    """Some machines, and the person's side: keys, known hosts, and the configuration of ``ssh``."""

    folder: Path
    by_name: dict[str, Machine] = field(default_factory=dict)

    @property
    def ssh(self) -> str:
        """The program with its options, as ``airfleet deploy --ssh`` takes it."""
        return shlex.join(["ssh", "-F", str(self.folder / "config")])

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def add(
        self, name: str, home: Path | None = None, more: Mapping[str, str] | None = None, *, is_known: bool = True
    ) -> Machine:
        """Start a machine, and make its key known."""
        own = self.folder / name
        own.mkdir()
        made = Machine(name, home or own / "home", *free_ports(1))
        made.home.mkdir(exist_ok=True)
        new_key(own / "host_key")
        made.server = _sshd(made, own, self.folder / "key.pub", more or {})
        self.by_name[name] = made
        public = made.public_key
        with self.known_hosts.open("a") as file:
            file.write(f"[127.0.0.1]:{made.port} {' '.join(public[:2])}\n" if is_known else "")
        with (self.folder / "config").open("a") as file:
            file.write(
                f"Host {name}\n  HostName 127.0.0.1\n  Port {made.port}\n  User {getpass.getuser()}\n"
                f"  IdentityFile {self.folder / 'key'}\n  IdentitiesOnly yes\n"
                # As people have it for logins; a deploy is none.
                "  RequestTTY force\n  RemoteCommand date\n"
                f"  UserKnownHostsFile {self.known_hosts}\n  GlobalKnownHostsFile /dev/null\n"
            )
        return made

    def switch_off(self, name: str) -> None:
        """End the ``sshd`` of a machine."""
        _end(self.by_name[name])

    def renew_key(self, name: str) -> None:
        """Give a machine another key than the one that is known."""
        made, own = self.by_name[name], self.folder / name
        _end(made)
        for file in ("host_key", "host_key.pub"):
            (own / file).unlink()
        new_key(own / "host_key")
        made.server = _sshd(made, own, self.folder / "key.pub", {})


@dataclass
class RunningDeploy:
    """A deploy that goes on while a test does something else."""

    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)

    def wait_for(self, text: str) -> None:
        """Read what it says until a line has this text."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            if text in line:
                return
        raise AssertionError(f"it did not say '{text}': {''.join(self.said)}")

    def end(self) -> tuple[int, str]:
        """Wait for its end; give the exit code, and all that it said."""
        assert self.process.stderr is not None
        self.said += list(self.process.stderr)
        return self.process.wait(), "".join(self.said)


class HasSsh(Protocol):
    """Machines that ``ssh`` reaches."""

    @property
    def ssh(self) -> str:
        """The program with its options."""
        ...


M = TypeVar("M", bound=HasSsh)


@dataclass
class Site(Generic[M]):
    """A project, and the machines that it is deployed to."""

    project: Path
    machines: M
    #: where the airfleet lies that deploys; None is the one of this repository
    source: Path | None = None

    def deploy(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``airfleet deploy`` in the project."""
        return self.airfleet("deploy", "--ssh", self.machines.ssh, *words)

    def airfleet(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the project."""
        command = self._command(*words)
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=280, env=self._environ)

    @contextmanager
    def deploying(self, *words: str) -> Iterator[RunningDeploy]:
        """Run ``airfleet deploy`` beside what the block does."""
        command = self._command("deploy", "--ssh", self.machines.ssh, *words)
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=self._environ
        ) as process:
            yield RunningDeploy(process)

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "airfleet.cli", "-C", str(self.project), *words]

    @property
    def _environ(self) -> dict[str, str]:
        return {**os.environ, **({"PYTHONPATH": str(self.source)} if self.source else {})}

    def write(self, text: str) -> None:
        """Write fleet.yaml."""
        self.project.mkdir(exist_ok=True)
        (self.project / "fleet.yaml").write_text(text)

    @property
    def text(self) -> str:
        """What fleet.yaml says."""
        return (self.project / "fleet.yaml").read_text()

    def secret(self, name: str, value: str) -> None:
        """Write a file of ``secrets``."""
        file = self.project / "secrets" / name
        file.parent.mkdir(exist_ok=True, parents=True)
        file.touch(0o600)
        file.write_text(value)


@contextmanager
def machines() -> Iterator[Machines]:
    """Give a place for machines; all of them end with the block, and every process that began on them."""
    folder = Path(tempfile.mkdtemp(prefix="af-machines-", dir="/tmp"))
    folder.chmod(0o755)
    new_key(folder / "key")
    made = Machines(folder)
    try:
        yield made
    finally:
        for machine in made.by_name.values():
            if (machine.folder / "airfleet").exists():
                machine.airfleet("down", "--timeout", "1s")
            _end(machine)
        _end_those_in(folder)
        shutil.rmtree(folder, ignore_errors=True)


def new_key(file: Path) -> None:
    """Make a pair of keys."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)


def _sshd(machine: Machine, own: Path, authorized: Path, more: Mapping[str, str]) -> subprocess.Popen[bytes]:
    told = {
        "HOME": str(machine.home),
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache" / "uv"),
        "UV_COMPILE_BYTECODE": "0",
        **{name: os.environ[name] for name in ("UV_FIND_LINKS", "UV_INDEX_URL", "SSL_CERT_FILE") if name in os.environ},
        **more,
    }
    variables = " ".join(f'"{name}={value}"' for name, value in told.items())
    values = {"port": machine.port, "folder": own, "authorized": authorized, "variables": variables}
    (own / "sshd_config").write_text(_OPTIONS.format(**values))
    Path("/run/sshd").mkdir(exist_ok=True)
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") or "sshd"
    log = (own / "sshd.log").open("wb")
    server = subprocess.Popen([program, "-D", "-e", "-f", str(own / "sshd_config")], stderr=log, stdout=log)
    wait_for_port(("127.0.0.1", machine.port), own / "sshd.log")
    return server


def wait_for_port(server: tuple[str, int], log: Path, seconds: float = _START_SECONDS) -> None:
    """Wait until something listens; its log says why it does not."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(server, 1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, f"sshd did not start: {log.read_text()}"
            time.sleep(0.05)


def _end(machine: Machine) -> None:
    if machine.server is not None and machine.server.poll() is None:
        machine.server.send_signal(signal.SIGTERM)
        machine.server.wait(timeout=10)


def _end_those_in(folder: Path) -> None:
    """End processes whose program or working directory lies in the folder."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace")
                variables = (entry / "environ").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if str(folder) in words or f"HOME={folder}" in variables:
                try:
                    os.kill(int(entry.name), signal.SIGKILL)
                except ProcessLookupError:
                    pass


def _plain(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home)}
