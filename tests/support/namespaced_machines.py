"""Machines that are apart like machines: each has processes, mounts, a network and a root folder of its own.

::

    this machine ── bridge ─┬─ eth0 of control   its own / (an overlay), sshd, user 'airfleet'
                            ├─ eth0 of work-1
                            └─ eth0 of work-2

A root folder is this machine's, seen through an overlay: what is written stays in a small disk of that machine, and
the folders of people and of this repository are not there. Nothing leads out of the bridge, so wheels have to travel.
A machine that loses power loses its processes alone: it is booted again on its disk. Needs root's rights.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from airfleet.agent.host import netns
from airfleet.fleet.planning.local_hosts import Network
from support.machines import new_key, wait_for_port

USER = "airfleet"
#: where every machine has the folder that all of them share
SHARED = "/srv/shared"
_UID = 7100
_DISK_MB = 4096
_PORT = 22
_START_SECONDS = 20.0
_SSHD = """\
Port 22
HostKey /etc/machine/host_key
PidFile none
AuthorizedKeysFile /etc/machine/authorized
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
SetEnv UV_COMPILE_BYTECODE=0
"""
#: the first program of a machine: it mounts, and waits for all that ends
_BOOT = """\
set -e
mount --make-rprivate /
mount -t overlay overlay -o lowerdir=/,upperdir={disk}/upper,workdir={disk}/work {disk}/root
cd {disk}/root
mount -t proc proc proc
mount --rbind /dev dev
for one in dev/shm tmp run root work var/tmp; do
    if [ -d $one ]; then mount -t tmpfs tmpfs $one; fi
done
chmod 1777 tmp var/tmp dev/shm
mkdir -p run/sshd .{shared}
mount --bind {folder}/shared .{shared}
hostname {name}
exec chroot . /bin/bash -c '{inside}'
"""
_INSIDE = """\
cd /
id {user} >/dev/null 2>&1 || useradd --create-home --shell /bin/bash --password "*" --uid {uid} {user}
$(command -v sshd || echo /usr/sbin/sshd) -D -e -f /etc/machine/sshd_config &
while :; do wait -n || sleep 1; done
"""


@dataclass
class NamespacedMachine:
    """One machine: on or off, with its disk."""

    name: str
    number: int
    network: Network
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"{self.network.prefix}.{self.number}"

    @property
    def disk(self) -> Path:
        """The disk, on which only what differs from this machine lies."""
        return self.folder / f"disk-{self.number}"

    def path(self, inside: str) -> Path:
        """Give the place of a file of the machine that was written there."""
        return self.disk / "upper" / inside.lstrip("/")

    def make(self, authorized: Path) -> None:
        """Make an empty disk, with a key of the machine, and who may log in."""
        self.disk.mkdir()
        options = f"size={_DISK_MB}m,mode=755"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "disk", str(self.disk)], check=True)
        for name in ("upper", "work", "root", "upper/etc", "upper/etc/machine"):
            (self.disk / name).mkdir(mode=0o755)
        own = self.path("etc/machine")
        new_key(own / "host_key")
        shutil.copy(authorized, own / "authorized")
        (own / "sshd_config").write_text(_SSHD)

    def boot(self) -> None:
        """Start it, and wait until somebody can log in."""
        inside = _INSIDE.format(user=USER, uid=_UID)
        script = _BOOT.format(disk=self.disk, folder=self.folder, name=self.name, shared=SHARED, inside=inside)
        alone = ["--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"]
        network = f"--net=/run/netns/{self.network.namespace(self.number)}"
        log = self.folder / f"{self.name}.log"
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                ["nsenter", network, "unshare", *alone, "bash", "-c", script],
                env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        wait_for_port((self.address, _PORT), log, _START_SECONDS)

    def lose_power(self) -> None:
        """End every process at once; nobody is told, for its link goes first."""
        netns.cut(self.network, self.number)
        self._end()

    def mend(self) -> None:
        """Connect it again."""
        netns.mend(self.network, self.number)

    def _end(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def remove(self) -> None:
        """End it, and take its disk away."""
        self._end()
        subprocess.run(["umount", "--lazy", str(self.disk)], check=False)


@dataclass
class NamespacedMachines:
    """Some machines, and the person's side: a key, known hosts, and the configuration of ``ssh``."""

    folder: Path
    network: Network
    by_name: dict[str, NamespacedMachine] = field(default_factory=dict)
    _made: list[NamespacedMachine] = field(default_factory=list)

    @property
    def ssh(self) -> str:
        """The program with its options, as ``airfleet deploy --ssh`` takes it."""
        return shlex.join(["ssh", "-F", str(self.folder / "config")])

    @property
    def here(self) -> str:
        """The address at which machines reach this one."""
        return f"{self.network.prefix}.254"

    @property
    def shared(self) -> Path:
        """The folder that all machines see as SHARED: outside of every fleet."""
        return self.folder / "shared"

    def add(self, name: str, *, is_known: bool = True) -> NamespacedMachine:
        """Start a new machine; another one of that name is no more where ``ssh`` looks for it."""
        made = NamespacedMachine(name, len(self._made) + 1, self.network, self.folder)
        self._made.append(made)
        made.make(self.folder / "key.pub")
        made.boot()
        self.by_name[name] = made
        if is_known:
            self.know(made)
        return made

    def know(self, machine: NamespacedMachine) -> None:
        """Make the key of a machine known."""
        public = (machine.path("etc/machine/host_key.pub")).read_text().split()
        with (self.folder / "known_hosts").open("a") as file:
            file.write(f"{machine.address} {public[0]} {public[1]}\n")

    def run(self, name: str, *words: str, seconds: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run a command on a machine, by ``ssh``."""
        command = ["ssh", "-F", str(self.folder / "config"), self.by_name[name].address, shlex.join(words)]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=seconds, stdin=subprocess.DEVNULL
        )

    def airfleet(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command that was deployed there."""
        return self.run(name, "airfleet/shop/airfleet", *words)

    def wait_until_healthy(self, name: str, seconds: float = 180.0) -> None:
        """Wait until the fleet says so, seen from a machine."""
        deadline = time.monotonic() + seconds
        while (last := self.airfleet(name, "status")).returncode:
            assert time.monotonic() < deadline, f"{last.stdout}\n{last.stderr}"
            time.sleep(1)

    def current(self, name: str) -> str:
        """Name the version that is current on a machine; empty for none."""
        return self.run(name, "readlink", "airfleet/shop/current").stdout.strip().rpartition("/")[2]


@contextmanager
def namespaced_machines(most: int) -> Iterator[NamespacedMachines]:
    """Give a network with room for so many machines; all of it ends with the block."""
    folder = Path(tempfile.mkdtemp(prefix="af-apart-", dir="/tmp"))
    folder.chmod(0o755)
    (folder / "shared").mkdir()
    (folder / "shared").chmod(0o1777)
    new_key(folder / "key")
    network = netns.make(most, folder)
    made = NamespacedMachines(folder, network)
    (folder / "config").write_text(
        f"Host *\n  User {USER}\n  IdentityFile {folder / 'key'}\n  IdentitiesOnly yes\n  BatchMode yes\n"
        f"  UserKnownHostsFile {folder / 'known_hosts'}\n  GlobalKnownHostsFile /dev/null\n  LogLevel ERROR\n"
    )
    try:
        yield made
    finally:
        for machine in made._made:
            machine.remove()
        netns.remove(network)
        if not os.environ.get("AIRFLEET_KEEP_MACHINES"):
            shutil.rmtree(folder, ignore_errors=True)
