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
from support import memory_groups
from support.machines import new_key, wait_for_port

USER = "airfleet"
HOME = f"/home/{USER}"
#: where every machine has the folder that all of them share
SHARED = "/srv/shared"
_UID = 7100
_DISK_MB = 4096
_PORT = 22
_START_SECONDS = 20.0
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SSHD = """\
Port 22
HostKey /etc/machine/host_key
PidFile none
AuthorizedKeysFile /etc/machine/authorized
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM {pam}
StrictModes no
SetEnv UV_COMPILE_BYTECODE=0
"""
#: services of this machine that another one is not to start, and those that change the kernel, which both share
_MASKED = (
    *("nginx", "postgresql", "postgresql@15-main", "rabbitmq-server", "pgbouncer", "epmd", "redis-server"),
    *("systemd-sysctl", "systemd-modules-load", "console-getty", "systemd-timesyncd"),
)
#: the first program of a machine: it mounts, and becomes the one that starts all others
_BOOT = """\
set -e
mount --make-rprivate /
mount -t overlay overlay -o lowerdir=/,upperdir={disk}/upper,workdir={disk}/work {disk}/root
cd {disk}/root
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t tmpfs -o mode=755 tmpfs dev
for one in null zero full random urandom tty; do
    touch dev/$one
    mount --bind /dev/$one dev/$one
done
mkdir dev/shm dev/pts
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
touch dev/console
for one in dev/shm tmp run root work var/tmp; do
    if [ -d $one ]; then mount -t tmpfs tmpfs $one; fi
done
chmod 1777 tmp var/tmp dev/shm
mkdir -p run/sshd .{shared}
mount --bind {folder}/shared .{shared}
hostname {name}
chroot . id {user} >/dev/null 2>&1 ||
    chroot . useradd --create-home --shell /bin/bash --password '*' --uid {uid} {user}
"""
_SSHD_ALONE = """\
exec chroot . /bin/bash -c '
cd /
$(command -v sshd || echo /usr/sbin/sshd) -D -e -f /etc/machine/sshd_config &
while :; do wait -n || sleep 1; done'
"""
_SYSTEMD = """\
mount -t sysfs -o ro sysfs sys
mount -t tmpfs tmpfs sys/fs/cgroup
mount -t cgroup2 cgroup2 sys/fs/cgroup
exec chroot . /usr/bin/env -i container=airfleet PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
    /usr/lib/systemd/systemd --system --unit=multi-user.target
"""


@dataclass
class NamespacedMachine:
    """One machine: on or off, with its disk."""

    name: str
    number: int
    network: Network
    folder: Path
    #: whether systemd is its first process; else ``sshd`` is all that it starts
    has_systemd: bool = False
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"{self.network.prefix}.{self.number}"

    @property
    def disk(self) -> Path:
        """The disk, on which only what differs from this machine lies."""
        return self.folder / f"disk-{self.number}"

    @property
    def fingerprint(self) -> str:
        """What it says of its key itself."""
        words = ["ssh-keygen", "-lf", str(self.path("etc/machine/host_key.pub"))]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()[1]

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
        (own / "sshd_config").write_text(_SSHD.format(pam="yes" if self.has_systemd else "no"))
        if self.has_systemd:
            (self.path("etc/default")).mkdir()
            (self.path("etc/default/ssh")).write_text("SSHD_OPTS='-f /etc/machine/sshd_config'\n")
            (self.path("etc/systemd/system")).mkdir(parents=True)
            for name in _MASKED:
                self.path(f"etc/systemd/system/{name}.service").symlink_to("/dev/null")

    def boot(self) -> None:
        """Start it, and wait until somebody can log in."""
        told = {"disk": self.disk, "folder": self.folder, "name": self.name, "shared": SHARED}
        script = _BOOT.format(**told, user=USER, uid=_UID) + (_SYSTEMD if self.has_systemd else _SSHD_ALONE)
        alone = ["--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"]
        if self.has_systemd:
            self._cgroup.mkdir(exist_ok=True)
            script = f"echo $$ > {self._cgroup}/cgroup.procs\nexec unshare --cgroup bash -c {shlex.quote(script)}"
        network = f"--net=/run/netns/{self.network.namespace(self.number)}"
        log = self.folder / f"{self.name}.log"
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                ["nsenter", network, "unshare", *alone, "bash", "-c", script],
                env={"PATH": _PATH},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        wait_for_port((self.address, _PORT), log, _START_SECONDS)

    @property
    def _cgroup(self) -> Path:
        """The control group of a machine with systemd: it sees nothing above it."""
        mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
        top = next(where for _, where, kind, *_ in mounts if kind == "cgroup2")
        return Path(top, f"af-machine-{self.network.number}-{self.number}")

    def run_as_root(self, *words: str, seconds: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run a command there as root, who does not log in."""
        assert self.process is not None
        [first] = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        spaces = ("--mount", "--pid", "--net", "--uts", "--ipc", *(("--cgroup",) if self.has_systemd else ()))
        return subprocess.run(
            ["nsenter", "--target", first, *spaces, "--root", "--wd", "/usr/bin/env", "-i", f"PATH={_PATH}", *words],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

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
        if self.has_systemd and self._cgroup.exists():
            for group in sorted(self._cgroup.rglob("*/"), reverse=True):
                memory_groups.remove(group)
            memory_groups.remove(self._cgroup)

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

    def add(self, name: str, *, is_known: bool = True, has_systemd: bool = False) -> NamespacedMachine:
        """Start a new machine; another one of that name is no more where ``ssh`` looks for it."""
        made = NamespacedMachine(name, len(self._made) + 1, self.network, self.folder, has_systemd)
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
